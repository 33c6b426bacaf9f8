"""One service, which is one workspace: everything of it is read, and single things are changed."""

from collections.abc import Iterable, Sequence

from reconcile.model.platform import Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.platforms.http.locks import Locks
from reconcile.platforms.http.session import Session
from reconcile.platforms.scim.known import Known
from reconcile.platforms.scim.mapping.kinds import Mappings
from reconcile.platforms.scim.reading.contents import ContentsReader
from reconcile.platforms.scim.reading.lists import Reader
from reconcile.platforms.scim.reading.members import MemberReader
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.platforms.scim.writing.creating import Creator
from reconcile.platforms.scim.writing.grants import GrantWriter
from reconcile.platforms.scim.writing.rolls import RollWriter
from reconcile.platforms.scim.writing.updating import Updater
from reconcile.ports import Progress, no_progress


class Service:
    """Reads and changes one service. Changes may come from several threads at once."""

    def __init__(
        self, session: Session, settings: ScimSettings, progress: Progress = no_progress
    ) -> None:
        """Connects when it is first used."""
        self.session = session
        self.reader = Reader(session, settings)
        mappings = Mappings(settings)
        members = MemberReader(self.reader, settings)
        self._known = Known()
        self._contents = ContentsReader(self.reader, members, mappings, settings, progress)
        self._creator = Creator(session, self.reader, mappings, self._known)
        self._updater = Updater(session, self.reader, mappings, self._known, settings)
        self._grants = GrantWriter(session, self.reader, mappings.users, settings)
        self._rolls = RollWriter(session, self.reader, members, settings)
        self._locks = Locks()

    def read(self) -> Contents:
        """Everything. Complete, or raises PlatformUnreadable."""
        snapshot = self._contents.read()
        self._rolls.know(snapshot.directory, snapshot.rolls.members, snapshot.rolls.suspect)
        self._known.start(snapshot.contents.rows, snapshot.listed.users, snapshot.directory)
        return snapshot.contents

    def create(self, kind: ObjectKind, fields: Row) -> str:
        """Makes an object. Raises Refused, Unclear or PlatformUnreadable."""
        return self._creator.create(kind, fields)

    def update(self, kind: ObjectKind, own: str, fields: Row) -> None:
        """Sets fields, and looks whether they are set."""
        with self._locks.of(own):
            if kind == "group":
                self._rolls.refuse_suspect(own)
            self._updater.update(kind, own, fields)

    def delete(self, kind: ObjectKind, own: str) -> None:
        """Removes an object, and looks whether it is gone."""
        self._updater.delete(kind, own)

    def link(self, kind: LinkKind, pairs: Sequence[Pair], *, making: bool) -> None:
        """Makes or removes links."""
        if kind == "grant":
            self._change_grants(pairs, making=making)
            return
        change = self._rolls.add if making else self._rolls.remove
        for group, members in _by_group(pairs).items():
            with self._locks.of(group):
                change(group, members, kind)

    def _change_grants(self, pairs: Iterable[Pair], *, making: bool) -> None:
        change = self._grants.add if making else self._grants.remove
        for user, role in pairs:
            with self._locks.of(user):
                change(user, role)


def _by_group(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """The members of each group, in the order of the pairs."""
    by_group: dict[str, list[str]] = {}
    for member, group in pairs:
        by_group.setdefault(group, []).append(member)
    return by_group
