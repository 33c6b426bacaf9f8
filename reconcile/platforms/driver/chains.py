"""Changes that wait for one another, each for one at most: chains, and circles."""

from collections.abc import Callable, Iterable, Mapping


def last_first(places: Iterable[int], waits_for: Callable[[int], int | None]) -> list[int]:
    """The places, each after the one that it waits for; a circle begins anywhere."""
    ordered: dict[int, None] = {}
    for start in places:
        chain: dict[int, None] = {}
        place: int | None = start
        while place is not None and place not in ordered and place not in chain:
            chain[place] = None
            place = waits_for(place)
        ordered |= dict.fromkeys(reversed(chain))
    return list(ordered)


def circles(waits_for: Mapping[int, int]) -> list[list[int]]:
    """Each circle once; every place in it waits for the next, and the last for the first."""
    closed: list[list[int]] = []
    seen: set[int] = set()
    for start in waits_for:
        chain: dict[int, None] = {}
        place: int | None = start
        while place is not None and place not in seen:
            seen.add(place)
            chain[place] = None
            place = waits_for.get(place)
        if place in chain:
            walked = list(chain)
            closed.append(walked[walked.index(place) :])
    return closed
