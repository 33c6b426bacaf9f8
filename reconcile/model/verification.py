"""Whether a history is as it was recorded: each run by itself, and all runs of a workspace together.

Every column that anything reads is looked at. What a run says stands in its hash; what says whom a
payload names is made of the payload once more; and a payload that is gone was removed by a run that
says so.
"""

from collections.abc import Iterable

from reconcile.model.history import Chain, Entry, Link, Places, commitment, removed_places, traces


def fault(link: Link, previous: str, entries: Iterable[Entry]) -> str:
    """What is wrong with a run in the chain, `previous` being the hash of the one before; "" for nothing."""
    entries = list(entries)
    if link.previous != previous:
        return "it does not follow the run before it: a run was removed, inserted or changed"
    for number, one in enumerate(entries, start=1):
        why = _fault(one, number)
        if why:
            return why
    chain = Chain(previous, link.run)
    chain.add(entries)
    chain.end(link.removed)
    if link.altered or chain.hash() != link.hash:
        detail = f" ({link.altered})" if link.altered else ""
        return f"its record, or its list of changes, was altered{detail}"
    return ""


def _fault(entry: Entry, number: int) -> str:
    if entry.position != number:
        return f"change {number} is missing"
    if not entry.payload:
        left = entry.salt or any(entry.managers) or entry.unresolved
        return (
            f"what is left of change {number}, whose text was removed, was altered" if left else ""
        )
    payload = entry.read()
    if payload is None or commitment(entry.salt, entry.payload) != entry.commitment:
        return f"what change {number} says was altered"
    if (entry.managers, entry.unresolved) != traces(entry.kind, entry.user, payload):
        return f"whom change {number} names was altered"
    return ""


class Verification:
    """Takes the runs of a workspace in their order."""

    def __init__(self) -> None:
        self.hash = ""
        """That of the last run that was as it should be."""
        self.sound = self.changes = self.removed = 0
        """How many runs were as they should be; how many changes there were, and how many of them
        without a payload."""
        self._last: Link | None = None
        self._gone: Places = {}
        self._told: Places = {}
        self._erased: set[str] = set()
        """Runs up to one that erased somebody and did not record what it removed."""

    def take(self, link: Link, entries: Iterable[Entry]) -> str:
        """What is wrong with the next run; "" for nothing."""
        entries = list(entries)
        gone = {one.position for one in entries if not one.payload}
        self.changes, self.removed = self.changes + len(entries), self.removed + len(gone)
        why = fault(link, self.hash, entries)
        if why:
            return why
        self.hash, self._last, self.sound = link.hash, link, self.sound + 1
        self._gone[link.run.id] = gone
        if not link.removed and any(
            one.action == "erase" and one.result == "applied" for one in entries
        ):
            self._erased |= self._gone.keys()
        for run, positions in removed_places(link.removed).items():
            self._told.setdefault(run, set()).update(positions)
        return ""

    def end(self, noted: str) -> str:
        """What is wrong with all of them, `noted` being the last hash as the workspace has it; "" for nothing."""
        if noted and noted != self.hash:
            after = (
                f"run {self._last.run.id}: the runs after it"
                if self._last is not None
                else "the first run: all runs"
            )
            return f"{after} were removed, for the workspace notes another last hash ({noted})"
        if self._last is not None and self._last.removed and not noted:
            return f"run {self._last.run.id}: the workspace no longer notes its hash"
        return self._removed_otherwise()

    def _removed_otherwise(self) -> str:
        for run, gone in self._gone.items():
            told = self._told.get(run, set())
            taken = set() if run in self._erased else gone - told
            if taken:
                return f"run {run}: what change {min(taken)} says was removed, and no run that erased somebody did that"
            if told - gone:
                return f"run {run}: what change {min(told - gone)} says is there again, though a run had removed it"
        return ""
