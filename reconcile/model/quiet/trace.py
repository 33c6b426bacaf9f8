"""What a directory was asked during a read, and a tally of each answer.

The answers decide what is asked next: the ranges of a large group, the groups outside the rules,
who of the missing still exists. A read is a function of its answers. So where all questions of a
trace get the same answers again, the read would ask the same and come to the same end.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reconcile.model.quiet.tally import Tally, digest


class Question(NamedTuple):
    """One search, or one file."""

    base: str
    scope: str = "file"
    filter: str = ""
    attributes: tuple[str, ...] = ()
    seconds: int = 0
    elsewhere: bool = False
    """Whether references that lead out of the source may be left out."""


class Trace:
    """The questions of one source, in their order, as far as reads of it have succeeded."""

    def __init__(self, key: bytes) -> None:
        """`key` is that of the tallies."""
        self._key = key
        self._asked: list[tuple[Question, Tally, str]] = []
        self._kept = 0
        self.until: float | None = None
        """The earliest moment (seconds since 1970) at which an entry means something else by the
        clock alone; None if none does."""
        self.why_not = ""
        """Why the read cannot be repeated question by question; "" if it can."""

    def ask(self, question: Question) -> Tally:
        """A question is asked; its answer is to be added to the tally."""
        tally = Tally(self._key)
        self._asked.append((question, tally, ""))
        return tally

    def end(self, outcome: str) -> None:
        """The last question ended without an answer, which is one of its own: "no such object"."""
        question, tally, _ = self._asked[-1]
        self._asked[-1] = question, tally, outcome

    def refuse(self, why: str) -> None:
        """What happened cannot be repeated."""
        self.why_not = self.why_not or why

    def begin(self) -> None:
        """A read begins, or begins anew: what a failed attempt asked does not count."""
        del self._asked[self._kept :]

    def done(self) -> None:
        """A read succeeded."""
        self._kept = len(self._asked)

    def expires(self, moment: float | None) -> None:
        """An entry means something else from this moment on."""
        if moment is not None:
            self.until = moment if self.until is None else min(self.until, moment)

    def answers(self) -> list[tuple[Question, bytes]]:
        """Each question with the digest of its answer."""
        return [
            (question, digest((question, tally.digest(), outcome), self._key))
            for question, tally, outcome in self._asked
        ]


def without(
    answers: Sequence[tuple[Question, bytes]], first: Iterable[Question]
) -> list[tuple[Question, bytes]]:
    """The answers but for one to each of the first questions."""
    left = list(answers)
    for question in first:
        place = next((at for at, (asked, _) in enumerate(left) if asked == question), None)
        if place is not None:
            del left[place]
    return left
