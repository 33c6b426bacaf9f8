"""The groups and departments of a source as trees, to look at."""

import msgspec


class Node(msgspec.Struct, frozen=True):
    """An OU or group; `people` are its own, `all_people` also those of everything below.

    A group that is already shown elsewhere (it is in several groups, or in a circle) has `repeated`
    set and nothing below it. So does one with `continued` set: no tree has more than a hundred
    levels, and what is below is shown as trees of its own.

    `unknown` says why not all members of a group are known, or "".
    """

    name: str
    dn: str
    selected: bool
    people: int
    all_people: int
    roles: tuple[str, ...] = ()
    repeated: bool = False
    continued: bool = False
    within: tuple["Node", ...] = ()
    unknown: str = ""


class Overview(msgspec.Struct, frozen=True):
    """The departments and groups of a source, topmost first."""

    source: str
    base_dn: str
    departments: tuple[Node, ...]
    groups: tuple[Node, ...]
