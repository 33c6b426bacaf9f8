"""Each entry of a search occurs once: by its id, and by its name."""

from collections.abc import Sequence
from typing import TypeAlias

from reconcile.errors import SourceUnreadable
from reconcile.model.directory import DirectoryGroup, OrganizationalUnit, Person
from reconcile.model.text.printing import quoted

Entry: TypeAlias = Person | DirectoryGroup | OrganizationalUnit


class Once:
    """The ids and names of one search, page by page.

    Without this check, repeated entries could go on for ever.
    """

    def __init__(self, place: str) -> None:
        """`place` is what is searched, for messages."""
        self._place = place
        self._ids: set[str] = set()
        self._names: set[str] = set()
        self._without_id = 0

    def add(self, entries: Sequence[tuple[str, str, Entry]], start: int) -> None:
        """Checks the new entries from `start` on. Raises SourceUnreadable for a duplicate entry.

        An entry that is moved or created again while pages are read can come twice: by its id, or
        by its name.
        """
        more = entries[start:]
        ids = [value.external_id for _, _, value in more]
        self._without_id += ids.count("")
        self._ids.update(ids)
        self._ids.discard("")
        self._names.update([key for key, _, _ in more])
        if len(self._ids) + self._without_id != len(entries):
            self._refuse("stable id", [(value.external_id, value) for _, _, value in entries])
        if len(self._names) != len(entries):
            self._refuse("name", [(key, value) for key, _, value in entries])

    def _refuse(self, what: str, known_by: Sequence[tuple[str, Entry]]) -> None:
        seen: dict[str, str] = {}
        for known, value in sorted(known_by, key=lambda pair: pair[1].dn):
            if known and known in seen:
                same = f"{what}, {quoted(known)}"
                if what == "name":
                    same = what if value.external_id else f"{what}, and none has a stable id"
                raise SourceUnreadable(
                    f"{self._place}: {quoted(seen[known])} and {quoted(value.dn)} have one {same}: "
                    "an entry was moved while it was read, or was copied with its id.\nTry again."
                )
            seen[known] = value.dn
