"""Which of the planned steps can be made next: each once, in time linear in their number."""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol


class Waiting(Protocol):
    """What the agenda has to know of a step."""

    @property
    def after(self) -> tuple[int, ...]:
        """The steps that have to be kept first."""
        ...

    @property
    def lane(self) -> str:
        """Steps of one lane are made one after the other; "" for none."""
        ...


class Agenda:
    """The steps that are left, by their numbers."""

    def __init__(self, steps: Sequence[Waiting], *, lanes: bool = True) -> None:
        """Takes all steps; those that wait for none are ready.

        Without `lanes` several steps of one lane may be in a window: they are made in its order.
        """
        self._steps = steps
        self._names = [step.lane if lanes else "" for step in steps]
        self._missing = [len(set(step.after)) for step in steps]
        self._followers: dict[int, list[int]] = {}
        for number, step in enumerate(steps):
            for before in set(step.after):
                self._followers.setdefault(before, []).append(number)
        self._ready: list[int] = []
        self._lanes: dict[str, deque[int]] = {}
        self._over: set[int] = set()
        for number, missing in enumerate(self._missing):
            if not missing:
                self._offer(number)

    def _offer(self, number: int) -> None:
        """A step waits for no other. It still waits for those of its lane."""
        lane = self._names[number]
        if lane:
            queue = self._lanes.setdefault(lane, deque())
            queue.append(number)
            if len(queue) > 1:
                return
        heapq.heappush(self._ready, number)

    def window(self, size: int) -> list[int]:
        """The next steps that can be made at once, in their order."""
        return [heapq.heappop(self._ready) for _ in range(min(size, len(self._ready)))]

    def end(self, number: int, *, kept: bool) -> Iterator[int]:
        """A step has been made. Gives those that cannot be made because it was not kept."""
        self._over.add(number)
        lane = self._names[number]
        if lane:
            queue = self._lanes[lane]
            queue.popleft()
            if queue:
                heapq.heappush(self._ready, queue[0])
        if kept:
            for follower in self._followers.get(number, ()):
                self._missing[follower] -= 1
                if not self._missing[follower] and follower not in self._over:
                    self._offer(follower)
            return
        lost = list(self._followers.get(number, ()))
        while lost:
            follower = lost.pop()
            if follower not in self._over:
                self._over.add(follower)
                yield follower
                lost += self._followers.get(follower, ())
