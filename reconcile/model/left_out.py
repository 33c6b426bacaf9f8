"""Persons who get no user because of a rule: counted, because nothing is wrong with them."""

from typing import Annotated, Literal, TypeAlias

import msgspec

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
