"""The adapter: reads everything; makes calls in the ledger's transaction, or in one of its own."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from reconcile.errors import PlatformUnreadable, ReconcileError
from reconcile.model import desired
from reconcile.model.book import Call, Operation
from reconcile.model.platform import Abilities, Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.platforms.postgresql_roles.settings import abilities, problems, role_settings
from reconcile.ports import (
    IN_PLATFORM,
    Check,
    Fault,
    Progress,
    Rejected,
    Unclear,
    no_progress,
)

if TYPE_CHECKING:  # at run time it is imported on first use
    from reconcile.platforms.postgresql_roles.acts import Act
    from reconcile.platforms.postgresql_roles.database import RolesDatabase

_log = logging.getLogger(__name__)
_SHARE = 2
"""One transaction takes no more than this part of the server's locks."""


class PostgresqlRoles:
    """The roles of one server; see `reconcile.ports.Platform` and `Joint` for the methods."""

    default_state = IN_PLATFORM
    one_transaction = False  # each role that is changed takes a lock until it ends

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None:
        """Takes the settings; connects when first used."""
        self._settings = settings
        self._progress = progress
        self._own = role_settings(settings)
        self._chunk = self._own.chunk

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        return problems(settings)

    @cached_property
    def abilities(self) -> Abilities:
        """What roles can be and hold."""
        from reconcile.platforms.postgresql_roles.database import account

        return abilities(self._own, account(self._settings.url))

    @cached_property
    def _database(self) -> "RolesDatabase":
        from reconcile.platforms.postgresql_roles.database import roles_database

        return roles_database(self._settings.url, self._own.schema)

    def ledger_database(self) -> "RolesDatabase":
        """The database of the URL, as far as the schema of the ledger goes."""
        return self._database

    @property
    def calls_together(self) -> int:
        """As many as the settings say, and fewer on a server with room for few locks."""
        return self._chunk

    def read(self, workspace: str) -> Contents:
        """Every role and membership that is not left out, as one moment has them."""
        del workspace  # a server has one
        from reconcile.platforms.postgresql_roles import reading

        with self._database.reading() as connection:
            own = reading.account(connection)
            self._chunk = max(1, min(self._own.chunk, own.locks // _SHARE))
            return reading.contents(connection, own, self._own)

    def make(
        self, workspace: str, calls: Sequence[Call], connection: Any
    ) -> Sequence[str | Rejected]:
        """Makes calls, in their order, in an open transaction."""
        del workspace
        from reconcile.platforms.postgresql_roles import running

        answers: dict[int, str | Rejected] = dict(self._unready(calls, connection))
        comments = _comments(connection, calls)
        lists: dict[int, list[Act]] = {}
        for at, call in enumerate(calls):
            if at not in answers:
                try:
                    lists[at] = self._acts(call, comments)
                except Rejected as rejected:
                    answers[at] = rejected
        reasons = running.run(connection, list(lists.values()))
        for at, why in zip(lists, reasons, strict=True):
            answers[at] = Rejected(why) if why else ""
        answers |= _created(connection, calls, answers)
        return [answers[at] for at in range(len(calls))]

    def _acts(self, call: Call, comments: dict[str, str]) -> "list[Act]":
        from reconcile.platforms.postgresql_roles.acts import acts

        return acts(call, comments, self._own)

    def _unready(self, calls: Sequence[Call], connection: Any) -> Iterator[tuple[int, Rejected]]:
        """The deletions that are not to be, and those of owners who cannot hand over."""
        doomed = {
            call.platform_id: at for at, call in enumerate(calls) if call.operation == "delete"
        }
        if not doomed:
            return
        if self._own.on_delete is None:
            for at in doomed.values():
                yield at, Rejected("no role is dropped without the key on_delete")
            return
        from reconcile.platforms.postgresql_roles.removal import hand_over

        heir = self._own.on_delete.reassign_to
        for role, why in hand_over(self._database, connection, doomed, heir).items():
            yield doomed[role], Rejected(why)

    def kept(self, workspace: str, calls: Sequence[Call]) -> None:
        """Ends the sessions of users who can no longer log in."""
        del workspace
        blocked = [call.platform_id for call in calls if _locks_out(call)]
        if not blocked or not self._own.end_sessions:
            return
        from reconcile.platforms.postgresql_roles.sessions import end_sessions

        try:
            end_sessions(self._database, blocked)
        except ReconcileError as error:
            _log.warning(
                "sessions of users who can no longer log in were not ended: %s. The account needs "
                "GRANT pg_signal_backend",
                error,
            )

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        """Makes a role, and returns its id."""
        return self._alone(workspace, Call("create", kind, fields=fields))

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        """Changes a role."""
        self._alone(workspace, Call("update", kind, object_id, fields))

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        """Drops a role, once what it owns is handed over."""
        from reconcile.platforms.postgresql_roles.running import GONE

        try:
            self._alone(workspace, Call("delete", kind, object_id))
        except Rejected as rejected:
            if str(rejected) != GONE:
                raise

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Grants: all of them or none."""
        self._linked(workspace, "link", kind, pairs)

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Revokes: all of them or none."""
        self._linked(workspace, "unlink", kind, pairs)

    def _linked(
        self, workspace: str, operation: Operation, kind: LinkKind, pairs: Sequence[Pair]
    ) -> None:
        self._alone(workspace, Call(operation, kind, pairs=tuple(pairs)))

    def _alone(self, workspace: str, call: Call) -> str:
        """Makes a call in a transaction of its own, for a ledger elsewhere."""
        from reconcile.platforms.database.database import CommitLost

        try:
            with self._database.writing() as connection:
                (answer,) = self.make(workspace, [call], connection)
        except CommitLost as lost:
            raise Unclear(lost.what) from lost
        if isinstance(answer, Rejected):
            raise answer
        self.kept(workspace, [call])
        return answer

    def check(self) -> Iterable[Check]:
        """Connects, and says what was found and what it means."""
        from reconcile.platforms.postgresql_roles.checks import checks

        try:
            yield from checks(self._database, self._own)
        except (ReconcileError, PlatformUnreadable) as error:
            yield Check("platform", False, str(error))

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        if "_database" in self.__dict__:
            self._database.close()


def _locks_out(call: Call) -> bool:
    """Whether after this call a user cannot log in."""
    if call.kind != "user":
        return False
    return call.operation == "delete" or call.fields.get("status", "active") not in ("", "active")


def _comments(connection: Any, calls: Sequence[Call]) -> dict[str, str]:
    """The comments of the roles that are changed, by id."""
    from reconcile.platforms.postgresql_roles.reading import comments

    changed = [call.platform_id for call in calls if call.operation == "update"]
    return comments(connection, changed) if changed else {}


def _created(
    connection: Any, calls: Sequence[Call], answers: dict[int, str | Rejected]
) -> dict[int, str]:
    """The ids of the roles that were made."""
    from reconcile.platforms.postgresql_roles.reading import ids

    names = {
        str(call.fields["username" if call.kind == "user" else "name"]): at
        for at, call in enumerate(calls)
        if call.operation == "create" and answers[at] == ""
    }
    return {names[name]: own for name, own in ids(connection, names)} if names else {}
