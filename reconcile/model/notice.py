"""What the reader of a plan should know, though it prevents nothing: notices, people left out."""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

NoticeCode: TypeAlias = Literal[
    "finds_nothing",
    "nobody_selected",
    "source_renamed",
    "idle_link",
    "shared_address",
    "no_administrator",
    "new_role",
    "unused_role",
    "captured",
    "blocking_stops",
    "assertion_warning",
]
"""`finds_nothing`: a pattern of the files finds no entry.
`nobody_selected`: the rules of a source select no users.
`source_renamed`: a source looks as if it had been renamed in the files.
`idle_link`: a link does nothing, because it already holds or names nothing.
`shared_address`: several users have the same e-mail address.
`no_administrator`: no user has the role of `protect.admin_role`.
`new_role`: a plan gives a role that the platform does not know yet.
`unused_role`: no user has the role afterwards.
`captured`: a source was not read, but taken from a capture.
`blocking_stops`: taking users out of service stops something else of theirs.
`assertion_warning`: an assertion of severity `warning` does not hold.
"""

NOT_CLEAN: Final[frozenset[NoticeCode]] = frozenset({"finds_nothing"})
"""The codes that end a command with exit code 9 under `--strict`."""


OF_ROLES: Final[frozenset[NoticeCode]] = frozenset({"new_role", "unused_role"})
"""The codes that are part of what a plan does, so that its text has them, too."""


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One notice; a field that does not apply is empty.

    `path` is where the rule is in the desired state, as in `groups[0].select[2]`. The planner gives
    the path in all files together; once `place` is known, it is the path within that file.
    `sources` are those that the rule applies to. `nearest` are existing names, the most similar to
    `pattern` first.
    """

    code: NoticeCode
    text: str
    path: str = ""
    place: str = ""
    """`file:line:column`, or what sets the value if no file does, as in `preset vmmanager`."""
    pattern: str = ""
    sources: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.path, self.text) if part)


LeftOutCode: TypeAlias = Literal["outside_create_groups", "outside_required_groups", "disabled"]
"""`outside_create_groups`: in no group of `create`. `outside_required_groups`: in no group of
`require_groups`. `disabled`: the person is disabled, and `create_disabled` is false."""


class LeftOutPerson(msgspec.Struct, frozen=True, gc=False):
    """A person without a user; `username` is the login name in the directory."""

    username: str
    dn: str


class LeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many persons of a source get no user in a workspace, and why.

    Persons who have a user are not among them: they count as departed, and are changes.
    """

    workspace: str
    source: str
    code: LeftOutCode
    number: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    people: tuple[LeftOutPerson, ...] = ()
    """Who they are, in the order in which they were read; () in a plan from a file."""

    @property
    def counted(self) -> "LeftOut":
        """The number alone."""
        return msgspec.structs.replace(self, people=())
