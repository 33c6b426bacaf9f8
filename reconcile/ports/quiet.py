"""What a run asks for that does not want to decode and decide again what it has seen before.

All of it is optional. A directory that is not `Traced`, or a platform that is not `Remembering`,
never has a quiet run.
"""

from collections.abc import Sequence
from typing import Protocol

from reconcile.model.directory import Query
from reconcile.model.platform import PlatformState
from reconcile.model.quiet.trace import Question, Trace
from reconcile.ports.directory import Directory
from reconcile.ports.managed import ManagedPlatform
from reconcile.ports.records import Holder


class Traced(Directory, Protocol):
    """A directory that writes down what it asks, and can ask the same again.

    Whatever `read` and `find` return must follow from the answers to what the trace holds, and from
    nothing else; by the clock alone not before `trace.until`. Who reads in another way, in a
    subclass too, sets `ask` to None.
    """

    trace: Trace | None
    """Set before `read`: what every question is written down in."""

    def first_questions(self, query: Query) -> tuple[tuple[str, Question], ...]:
        """What `read` asks whatever the answers are: what each is about, and the question."""
        ...

    def ask(self, questions: Sequence[Question], trace: Trace) -> None:
        """Asks again, as completely as `read`, and takes the answers into the trace undecoded.

        Raises SourceUnreadable.
        """
        ...


class Remembering(ManagedPlatform, Protocol):
    """A platform whose ledger keeps memos, and that can say whether it is as it was.

    A memo is a text of which the ledger knows only which workspace and which scope it is about. The
    first transaction of a run that writes to a workspace empties its memos.
    """

    def read_and_digest(self, workspace: str, key: bytes) -> tuple[PlatformState, bytes]:
        """What `read` returns, and the digest of what it was made from."""
        ...

    def digest(self, workspace: str, key: bytes) -> bytes:
        """That digest alone, from a read that is as complete and checks the same.

        Raises PlatformUnreadable.
        """
        ...

    def memo(self, workspace: str, scope: str) -> str:
        """The memo that was kept last; "" for none."""
        ...

    def keep_memo(self, workspace: str, scope: str, memo: str, holder: Holder) -> None:
        """Keeps a memo in place of the last, or "" for none. Creates no ledger.

        Raises PlatformUnreadable, and Locked while a run holds the workspace.
        """
        ...
