"""Directories that speak LDAP version 3."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from reconcile.directories import errors
from reconcile.directories.connection.allowance import Allowance
from reconcile.directories.connection.interface import OnStep, Session
from reconcile.directories.deadlines import TOTAL, Deadline, after
from reconcile.directories.errors import REACH, NoConnection, OutOfTime
from reconcile.directories.ldap import hints, login, tracing, validate
from reconcile.directories.ldap.connect import connect, no_step
from reconcile.directories.ldap.retry import patiently, persistently
from reconcile.directories.search.search import Searcher
from reconcile.directories.snapshot import check as checking
from reconcile.directories.snapshot import find as finding
from reconcile.directories.snapshot import snapshot
from reconcile.directories.vendors.table import vendor
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot, Query
from reconcile.model.login import LoginNames
from reconcile.model.quiet.trace import Question, Trace
from reconcile.ports import Check, Fault, Outlined, Progress, no_progress, outlined_to_nobody

Answer = TypeVar("Answer")


class LdapDirectory:
    """One source on LDAP servers; it connects at the first read and stays so until `close`."""

    def __init__(self, source: desired.Source, progress: Progress = no_progress) -> None:
        self._source = source
        self._vendor = vendor(source.type)
        self._progress = progress
        self._session: Session | None = None
        self.trace: Trace | None = None

    @staticmethod
    def problems(source: desired.Source) -> Iterable[Fault]:
        """Servers, TLS, bind, DNs and filters; nothing is connected to or read."""
        yield from validate.servers(source)
        yield from validate.status(source)
        yield from validate.rules(source)
        yield from validate.referrals(source)

    def read(self, query: Query, outlined: Outlined = outlined_to_nobody) -> DirectorySnapshot:
        """Everything the source's rules find, from one server. Raises SourceUnreadable."""
        begun = time.time()
        read = self._whole(
            lambda session: snapshot.everybody(
                self._source, self._vendor, query, session, self._progress, outlined
            )
        )
        if self.trace is not None:
            tracing.limit(self.trace, read.persons, self._vendor.ends, begun)
        return read

    def first_questions(self, query: Query) -> tuple[tuple[str, Question], ...]:
        """What `read` asks whatever the answers are: what each is about, and the question."""
        return tracing.first_questions(self._source, self._vendor, query)

    def ask(self, questions: Sequence[Question], trace: Trace) -> None:
        """Asks again, on one server, and takes the answers into the trace without decoding them.

        Raises SourceUnreadable.
        """
        self._whole(
            lambda session: tracing.ask(self._source, self._vendor, questions, session, trace)
        )

    def find(self, external_ids: Collection[str], dns: Collection[str]) -> frozenset[str]:
        """The given ids and DNs that exist below the base DN. Raises SourceUnreadable."""
        if not external_ids and not dns:
            return frozenset()
        return self._whole(
            lambda session: finding.find(self._source, self._vendor, external_ids, dns, session)
        )

    def read_person(self, names: LoginNames, query: Query) -> DirectorySnapshot:
        """The persons with one of the names, and everything else that `read` finds.

        Raises SourceUnreadable.
        """
        return self._whole(
            lambda session: login.read(
                self._source, self._vendor, names, query, session, self._progress
            )
        )

    def refusal(self, dn: str, password: str) -> str:
        """Binds on a connection of its own; "" if the directory accepts it.

        Raises SourceUnreadable.
        """
        return login.refusal(self._source, dn, password)

    def check(self) -> Iterable[Check]:
        """Server, TLS, bind, base DN, and what each rule finds in how many seconds."""
        self.close()  # A connection already open would show nothing about how it is opened.
        steps: list[Check] = []
        try:
            until = self._until()
            session = self._connected(
                self._source.servers,
                until,
                lambda what, detail: steps.append(Check(what, True, detail)),
            )
        except (NoConnection, OutOfTime) as error:
            yield from steps
            step = error.step if isinstance(error, NoConnection) else REACH
            yield hints.of_connection(self._source, Check(step, False, str(error)))
            return
        session.begin(Allowance(self._source.limits, until))
        yield from steps
        for check in checking.checks(self._source, self._vendor, session):
            if not check.ok:
                self.close()
                yield hints.of_failure(self._source, check, self._searcher)
                return
            yield check
        yield from hints.of_product(self._source, self._searcher)

    def _searcher(self) -> Searcher:
        """A connection to ask for more than the rules find. Raises SourceUnreadable."""
        until = self._until()
        session = self._connected(self._source.servers, until)
        session.begin(Allowance(self._source.limits, until))
        return session

    def close(self) -> None:
        """Lets go of the connection."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _until(self) -> Deadline:
        """The deadline of a read that starts now."""
        return after(self._source.timeout.total, TOTAL)

    def _connected(
        self, urls: Collection[str], until: Deadline, on_step: OnStep = no_step
    ) -> Session:
        if self._session is None:
            self._session = connect(self._source, tuple(urls), on_step, until)
        return self._session

    def _whole(self, work: Callable[[Session], Answer]) -> Answer:
        """Does the work with one server.

        If it breaks off, it starts again from the beginning, there or on another server.
        """
        until = self._until()

        def attempt(url: str) -> Answer:
            try:
                session = self._connected((url,), until)
                session.begin(Allowance(self._source.limits, until))
                session.trace = self.trace
                with tracing.attempt(self.trace):
                    return work(session)
            except BaseException as error:
                # Half an answer may still be on its way over this connection.
                self.close()
                if isinstance(error, MemoryError):
                    raise errors.no_memory(url) from error
                raise

        name = self._source.name
        used = patiently(name, lambda: self._connected(self._source.servers, until)).place
        return persistently(name, (used, *self._others(used)), attempt)

    def _others(self, used: str) -> tuple[str, ...]:
        """The servers after the used one, then those before it."""
        urls = self._source.servers
        position = [url.strip() for url in urls].index(used)
        return urls[position + 1 :] + urls[:position]
