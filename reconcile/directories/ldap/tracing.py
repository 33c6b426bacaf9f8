"""What a read asks a server, for a run that asks the same again and decodes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from reconcile.directories.connection.interface import Session
from reconcile.directories.errors import NoSuchObject
from reconcile.directories.search.search import Search, nowhere, question
from reconcile.directories.snapshot import referrals, snapshot
from reconcile.directories.vendors.table import Ends, Vendor
from reconcile.model import desired
from reconcile.model.directory import Person, Query
from reconcile.model.quiet.trace import Question, Trace


def first_questions(
    source: desired.Source, vendor: Vendor, query: Query
) -> tuple[tuple[str, Question], ...]:
    """What is asked whatever the answers are: what each is about, and the question."""
    searches = snapshot.first_searches(source, vendor, query)
    return tuple((what, question(search)) for what, search in searches)


def ask(
    source: desired.Source,
    vendor: Vendor,
    questions: Sequence[Question],
    session: Session,
    trace: Trace,
) -> None:
    """Takes the answers into the trace, which then has no others of this attempt."""
    session.trace = None
    left_out = referrals.left_out(source, vendor)
    with attempt(trace):
        for asked in questions:
            tally = trace.ask(asked)
            elsewhere = left_out if asked.elsewhere else nowhere
            search = Search(*asked[:5], elsewhere=elsewhere)  # type: ignore[arg-type]
            try:
                session.count(search, tally)
            except NoSuchObject:
                trace.end(f"{session.place}: no such object")


@contextmanager
def attempt(trace: Trace | None) -> Iterator[None]:
    """One attempt to read: only if it succeeds does what it asked stay in the trace."""
    if trace is None:
        yield
        return
    trace.begin()
    yield
    trace.done()


def limit(trace: Trace, persons: Iterable[Person], ends: Ends, begun: float) -> None:
    """Ends the trace when the first account ends that had not ended as the read began."""
    try:
        for person in persons:
            moment = ends(person.attributes)
            if moment is not None and moment > begun:
                trace.expires(moment)
    except ValueError:
        trace.refuse("an account ends at no date")
