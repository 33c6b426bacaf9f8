"""Whether a history is as it was recorded: each run by itself, and a workspace's runs together.

Every column that is read anywhere is checked. The hash of a run covers its record. The persons
named in a payload are derived from it again. A missing payload must have been removed by a run that
recorded this.
"""

from collections.abc import Iterable

from reconcile.model.history import Chain, Entry, Link, Places, commitment, removed_places, traces


def fault(link: Link, previous: str, entries: Iterable[Entry]) -> str:
    """What is wrong with a run in the chain; "" for nothing. `previous`: hash of the run before."""
    entries = list(entries)
    if link.previous != previous:
        return "it does not follow the run before it: a run was removed, inserted or changed"
    for number, entry in enumerate(entries, start=1):
        why = _entry_fault(entry, number)
        if why:
            return why
    chain = Chain(previous, link.run)
    chain.add(entries)
    chain.end(link.removed)
    if link.altered or chain.hash() != link.hash:
        detail = f" ({link.altered})" if link.altered else ""
        return f"its record, or its list of changes, was altered{detail}"
    return ""


def _entry_fault(entry: Entry, number: int) -> str:
    if entry.position != number:
        return f"change {number} is missing"
    if not entry.payload:
        remains = entry.salt or any(entry.managers) or entry.unresolved
        return f"change {number}, whose text was removed, was altered" if remains else ""
    payload = entry.read()
    if payload is None or commitment(entry.salt, entry.payload) != entry.commitment:
        return f"the text of change {number} was altered"
    if (entry.managers, entry.unresolved) != traces(entry.kind, entry.user, payload):
        return f"the names recorded for change {number} were altered"
    return ""


class Verification:
    """Checks the runs of a workspace in their order."""

    def __init__(self) -> None:
        self.hash = ""
        """The hash of the last sound run."""
        self.sound = self.changes = self.removed = 0
        """Counts: sound runs, changes, and changes without a payload."""
        self._last: Link | None = None
        self._missing: Places = {}
        """Missing payloads."""
        self._recorded: Places = {}
        """Payloads that a run recorded as removed."""
        self._erased: set[str] = set()
        """Runs up to one that erased a user and did not record what it removed."""

    def take(self, link: Link, entries: Iterable[Entry]) -> str:
        """What is wrong with the next run; "" for nothing."""
        entries = list(entries)
        missing = {entry.position for entry in entries if not entry.payload}
        self.changes += len(entries)
        self.removed += len(missing)
        why = fault(link, self.hash, entries)
        if why:
            return why
        self.hash, self._last = link.hash, link
        self.sound += 1
        self._missing[link.run.id] = missing
        if not link.removed and any(map(_erases, entries)):
            self._erased |= self._missing.keys()
        for run, positions in removed_places(link.removed).items():
            self._recorded.setdefault(run, set()).update(positions)
        return ""

    def end(self, noted: str) -> str:
        """What is wrong with the whole chain; "" for nothing.

        `noted` is the workspace's last hash.
        """
        last = self._last
        if noted and noted != self.hash:
            after = f"run {last.run.id}: the runs after it" if last else "the first run: all runs"
            return f"{after} were removed: the workspace records a different last hash ({noted})"
        if last is not None and last.removed and not noted:
            return f"run {last.run.id}: the workspace no longer records its hash"
        return self._removals_fault()

    def _removals_fault(self) -> str:
        """Payloads that no run recorded as removed, or that are back although a run did."""
        for run, missing in self._missing.items():
            recorded = self._recorded.get(run, set())
            unexplained = set() if run in self._erased else missing - recorded
            if unexplained:
                change = f"the text of change {min(unexplained)}"
                return f"run {run}: {change} was removed, but by no run that erased a user"
            if back := recorded - missing:
                change = f"the text of change {min(back)}"
                return f"run {run}: {change} is back, although a run had removed it"
        return ""


def _erases(entry: Entry) -> bool:
    return entry.action == "erase" and entry.result == "applied"
