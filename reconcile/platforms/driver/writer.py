"""The writer of a platform that keeps every change at once: batches to steps, steps to outcomes."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, cast

import msgspec

from reconcile.model.book import Edit, PutSource
from reconcile.model.change import Change
from reconcile.model.history import Run
from reconcile.model.platform import ObjectKind, PlatformState, Reading
from reconcile.model.report import APPLIED, Outcome, Written
from reconcile.platforms.driver import links, objects
from reconcile.platforms.driver.batch import Batch, Workspace
from reconcile.platforms.driver.merge import NAME_OF, merge
from reconcile.platforms.driver.renames import restore, wanted_departments
from reconcile.platforms.driver.steps import Planned, Result
from reconcile.platforms.driver.together import runner
from reconcile.platforms.ledger.history_entries import ids_before, ids_now
from reconcile.platforms.resolve import Names, text
from reconcile.ports import Ledger, Platform, Progress

_log = logging.getLogger(__name__)

_UPDATES: Final = ("update", "adopt", "relink", "activate", "deactivate", "block", "erase")
_STEPS: Final[Mapping[tuple[str, str], Callable[[Batch], None]]] = {
    **{(kind, "create"): objects.create for kind in NAME_OF},
    **{(kind, "delete"): objects.delete for kind in NAME_OF},
    **{(kind, action): objects.update for kind in NAME_OF for action in _UPDATES},
    **{
        (kind, action): links.write
        for kind in ("membership", "grant")
        for action in ("create", "update", "delete")
    },
}


class DrivenWriter:
    """One workspace while a run writes to it; see `reconcile.ports.Writer`."""

    kept_at_once = True

    def __init__(
        self, platform: Platform, ledger: Ledger, workspace: str, progress: Progress
    ) -> None:
        """Reads nothing yet. The ledger has to hold the lock of the workspace."""
        self._platform = platform
        self._ledger = ledger
        self._name = workspace
        self._progress = progress
        self._runner = runner(platform, ledger, workspace)
        self._workspace: Workspace | None = None
        self._given = 0
        self.begun = False
        """Whether the journal of a run is open."""

    @property
    def broken(self) -> BaseException | None:
        """What ended the writing; everything that was written before is kept."""
        return self._runner.broken

    def read(self) -> PlatformState:
        """The workspace as it is now; the book learns what people did since it was last written."""
        contents = self._platform.read(self._name)
        merged = merge(self._name, contents, self._ledger.book(self._name))
        if merged.edits:
            lost = merged.state.ledger_lost
            self._ledger.write(self._name, edits=merged.edits)
            merged = merge(self._name, contents, self._ledger.book(self._name))
            state = msgspec.structs.replace(merged.state, ledger_lost=lost)
            merged = merged._replace(state=state)
        started = self._ledger.started(self._name)
        names = Names(merged.state)
        self._workspace = Workspace(merged, names, self._platform.abilities, started)
        self._runner.known = {(kind, theirs) for (kind, _), theirs in merged.theirs.items()}
        return merged.state

    def begin(self, run: Run) -> None:
        """Opens the journal, from which the next run can see what this one did."""
        self._ledger.begin(self._name, run)
        self.begun = True

    def write(self, changes: Sequence[Change]) -> Sequence[Written]:
        """Carries out changes of one kind and action; returns what became of each."""
        if not changes:
            return []
        if self.broken is not None:
            why = "interrupted" if isinstance(self.broken, KeyboardInterrupt) else str(self.broken)
            return [Written("failed", why.partition("\n")[0])] * len(changes)
        first, self._given = self._given, self._given + len(changes)
        self._progress("changes written", self._given)
        if changes[0].kind == "source":
            return self._write_sources(changes)
        return self._write_batch(changes, first)

    def _write_batch(self, changes: Sequence[Change], first: int) -> list[Written]:
        batch = Batch(self._open(), changes)
        plan = _STEPS.get((changes[0].kind, changes[0].action))
        if plan is None:
            reason = f"{changes[0].action} of a {changes[0].kind} is not supported"
            return [Written("failed", reason)] * len(changes)
        plan(batch)
        by_place = dict(enumerate(changes))
        results = self._run(batch.planned, by_place, first)
        written = batch.written(results)
        for number, links_back in batch.ended.items():
            if results[number].state not in ("kept", "unknown"):
                self._runner.run(links_back, by_place, first)
        for place, reason in self._restored(batch, results, by_place, first).items():
            written[place] = Written("failed", reason)
        self._learn(batch, results, written)
        return written

    def _run(
        self, planned: list[Planned], changes: Mapping[int, Change], first: int
    ) -> list[Result]:
        """Makes the steps; links that are refused together are tried again in halves."""
        results = self._runner.run(planned, changes, first)
        for at in range(len(planned)):
            parts = links.halves(planned[at], results[at])
            if parts:
                results[at] = _joined(parts, self._run(parts, changes, first))
        return results

    def _restored(
        self,
        batch: Batch,
        results: Sequence[Result],
        changes: Mapping[int, Change],
        first: int,
    ) -> dict[int, str]:
        if not batch.circles:
            return {}
        kind = cast("ObjectKind", batch.changes[0].kind)
        return restore(batch, kind, results, lambda steps: self._runner.run(steps, changes, first))

    def _learn(self, batch: Batch, results: Sequence[Result], written: Sequence[Written]) -> None:
        """Takes in which names now mean which objects."""
        workspace, kind = batch.workspace, batch.changes[0].kind
        if kind not in NAME_OF:
            _link(workspace, batch.changes, written)
            return
        for (new_kind, theirs), own in self._runner.new.items():
            workspace.theirs[new_kind, own] = theirs
        created = {
            step.place: result.platform_id
            for step, result in zip(batch.planned, results, strict=True)
            if step.operation == "create" and result.state == "kept"
        }
        kept = [
            (place, change)
            for place, change in enumerate(batch.changes)
            if written[place].result in ("applied", "unknown") or place in created
        ]
        for place, change in sorted(kept, key=lambda item: item[1].key.count("/")):
            if change.action == "create" and place in created:
                key = (cast("ObjectKind", kind), created[place])
                self._name_new(change, self._runner.new.get(key, ""))
        _rename(
            workspace, [change for _, change in kept if change.action not in ("create", "delete")]
        )
        gone = {workspace.names.row(change) for _, change in kept if change.action == "delete"}
        _forget(workspace, cast("ObjectKind", kind), gone)
        erased = {workspace.names.row(change) for _, change in kept if change.action == "erase"}
        _forget_identities(workspace, gone | erased)
        workspace.names.settle()

    def _name_new(self, change: Change, own: str) -> None:
        names, after = self._open().names, change.after or {}
        if not own:
            return
        if change.kind == "user":
            names.users[text(after, "username")] = own
        elif change.kind == "group":
            names.groups[text(after, "name")] = own
        else:
            parent = text(after, "parent")
            above = names.departments.get(parent, "") if parent else ""
            names.tree[own] = (above, text(after, "title"))
            names.departments[change.key] = own

    def _write_sources(self, changes: Sequence[Change]) -> list[Written]:
        known = self._open().sources
        written: list[Written] = []
        edits: list[Edit] = []
        for change in changes:
            after = {name: value or "" for name, value in (change.after or {}).items()}
            fields = {name: str(value) for name, value in after.items() if name != "name"}
            name = str(after.get("name", change.key))
            if change.action == "create" and name in known:
                written.append(Written("failed", "another source of the workspace has this name"))
                continue
            if change.action != "create" and change.key not in known:
                written.append(Written("failed", f"the source {change.key!r} does not exist"))
                continue
            if change.action == "create":
                edits.append(PutSource(name, fields))
            else:
                edits.append(PutSource(change.key, fields, name if name != change.key else ""))
                known.discard(change.key)
            known.add(name)
            written.append(APPLIED)
        self._ledger.write(self._name, edits=edits)
        return written

    def _open(self) -> Workspace:
        if self._workspace is None:
            self.read()
        assert self._workspace is not None  # noqa: S101 - read just set it
        return self._workspace

    def remember(self, readings: Collection[Reading]) -> None:
        """Keeps how much sources held, each in the place of the former."""
        self._ledger.remember(self._name, readings)

    def record(self, run: Run, outcomes: Sequence[Outcome]) -> None:
        """Adds the run to the workspace's history, with every change, and closes the journal."""
        names = self._open().names
        self._ledger.finish(self._name, run, outcomes, ids_before(names), ids_now(names))
        self.begun = False


def _joined(parts: Sequence[Planned], results: Sequence[Result]) -> Result:
    """The result of a call whose links were made in several, one after the other."""
    done: list[bool] = []
    details: list[str] = []
    for part, result in zip(parts, results, strict=True):
        kept = result.done or (result.state == "kept",) * len(part.pairs)
        done += kept
        if result.state != "kept":
            details.append(result.detail)
    if all(done):
        return Result("kept")
    return Result(
        results[-1].state if results[-1].state != "kept" else "refused",
        details[0],
        done=tuple(done),
    )


def _rename(workspace: Workspace, changes: Sequence[Change]) -> None:
    """Takes in new names, all at once."""
    names = workspace.names
    users = {
        names.row(change): text(change.after or {}, "username")
        for change in changes
        if change.kind == "user" and text(change.after or {}, "username")
    }
    groups = {
        names.row(change): text(change.after or {}, "name")
        for change in changes
        if change.kind == "group" and text(change.after or {}, "name")
    }
    names.rename("user", users)
    names.rename("group", groups)
    wanted = wanted_departments(names, changes)
    for change in changes:
        after = change.after or {}
        if change.kind == "department" and {"title", "parent"} & after.keys():
            own = names.row(change)
            parent, title = names.tree[own]
            if "parent" in after:
                parent = wanted.get(text(after, "parent"), "")
            names.tree[own] = (parent, text(after, "title") or title)


def _link(workspace: Workspace, changes: Sequence[Change], written: Sequence[Written]) -> None:
    """Takes in memberships and grants that were made or ended."""
    for change, one in zip(changes, written, strict=True):
        pairs = workspace.links["membership" if change.kind == "membership" else "grant"]
        if one.result == "failed":
            continue
        if change.action == "create":
            pairs[workspace.names.new_link(change)] = text(change.after or {}, "origin")
        elif change.action == "delete":
            pairs.pop(workspace.names.link(change), None)


def _forget(workspace: Workspace, kind: ObjectKind, gone: set[str]) -> None:
    """Takes in that objects are no more, and their links with them."""
    if not gone:
        return
    workspace.names.forget(gone, kind)
    for own in gone:
        workspace.theirs.pop((kind, own), None)
    for pairs in workspace.links.values():
        for pair in [pair for pair in pairs if pair[0 if kind == "user" else 1] in gone]:
            del pairs[pair]


def _forget_identities(workspace: Workspace, gone: set[str]) -> None:
    """Takes in that objects stand for no entry any more."""
    for entry in [entry for entry, own in workspace.identities.items() if own in gone]:
        del workspace.identities[entry]
