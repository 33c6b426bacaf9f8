"""What a reader of a plan should know, though it hinders nothing."""

from typing import Final, Literal, TypeAlias

import msgspec

NoticeCode: TypeAlias = Literal[
    "finds_nothing",
    "nobody_selected",
    "source_renamed",
    "idle_link",
    "shared_address",
    "no_administrator",
]
"""`finds_nothing`: a pattern of the files finds no entry. `idle_link`: a link is true already, or
names nothing.

`shared_address`: an e-mail address is that of several users. `no_administrator`: `protect.admin_role` protects nobody.

`nobody_selected`: the rules on a source make nobody a user. `source_renamed`: a source looks as if
it had been renamed in the files.
"""

NOT_CLEAN: Final[frozenset[NoticeCode]] = frozenset({"finds_nothing"})
"""The codes that end a command with exit code 9 under `--strict`."""


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One notice; what it does not concern is empty.

    `path` is where in the desired state the rule is, as in `groups[0].select[2]`. The planner gives
    the path in all files together; once `place` is known, it is the path within that file.
    `sources` are those the rule is about. `nearest` are names that exist, the one most like
    `pattern` first.
    """

    code: NoticeCode
    text: str
    path: str = ""
    place: str = ""
    """`file:line:column`, or what gives the value where no file does, as in `preset vmmanager`."""
    pattern: str = ""
    sources: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.path, self.text) if part)
