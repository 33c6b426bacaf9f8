"""A first look at a server, for a source that no file describes yet."""

from collections.abc import Callable
from typing import TypeVar

from reconcile.directories.connection.allowance import Allowance
from reconcile.directories.deadlines import TOTAL, after
from reconcile.directories.discovery.contents import Contents, contents
from reconcile.directories.discovery.root import Root, read_root
from reconcile.directories.ldap.connect import connect, no_step
from reconcile.directories.search.search import Searcher
from reconcile.model import desired

Answer = TypeVar("Answer")


def root(source: desired.Source) -> Root:
    """What the server says of itself.

    Raises NoConnection with the step that fails, SourceUnreadable.
    """
    return _asked(source, read_root)


def holdings(source: desired.Source) -> Contents:
    """What is below the source's base DN, by the filters of its type. Raises SourceUnreadable."""
    return _asked(source, lambda searcher: contents(source, searcher))


def _asked(source: desired.Source, ask: Callable[[Searcher], Answer]) -> Answer:
    until = after(source.timeout.total, TOTAL)
    session = connect(source, source.servers, no_step, until, warned=True)
    try:
        session.begin(Allowance(source.limits, until))
        return ask(session)
    finally:
        session.close()
