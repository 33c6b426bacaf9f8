"""Groups within groups, followed to the end.

Planning walks the groups of a snapshot with it, directories those that the rules do not find.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeAlias, TypeVar

Node = TypeVar("Node", bound=Hashable)
Step: TypeAlias = Callable[[Node], Iterable[Node]]
"""From a group to the groups one level away: those nested in it, or those it is nested in."""


def reachable(starts: Iterable[Node], step: Step[Node]) -> dict[Node, Node | None]:
    """Everything that steps from `starts` lead to, nearest first → what comes before it on the way.

    The starts are included, with None before them. Groups may contain each other: each is visited
    once, so a cycle ends where it began.
    """
    before: dict[Node, Node | None] = dict.fromkeys(starts)
    waiting = list(before)
    for node in waiting:  # grows during the walk
        for neighbour in step(node):
            if neighbour not in before:
                before[neighbour] = node
                waiting.append(neighbour)
    return before
