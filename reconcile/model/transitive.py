"""Groups within groups, followed to the end.

Planning walks the groups of a snapshot with it, directories those that the rules do not find.
"""

from collections.abc import Callable, Iterable

Step = Callable[[str], Iterable[str]]
"""From a group to the groups one level away: those nested in it, or those it is nested in."""


def reachable(starts: Iterable[str], step: Step) -> dict[str, str]:
    """Every group that steps from `starts` lead to, nearest first → the group before it on the way.

    The starts are included, with "" as the group before them. Groups may contain each other: each
    is visited once, so a cycle ends where it began.
    """
    before = dict.fromkeys(starts, "")
    waiting = list(before)
    for group in waiting:  # grows during the walk
        for neighbour in step(group):
            if neighbour not in before:
                before[neighbour] = group
                waiting.append(neighbour)
    return before
