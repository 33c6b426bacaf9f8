"""The writer of a platform that is driven over a ledger: batches to steps, steps to outcomes."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from reconcile.model.book import Edit, PutSource
from reconcile.model.change import Change
from reconcile.model.history import Run
from reconcile.model.kinds import PAIRS
from reconcile.model.platform import Contents, ObjectKind, PlatformState, Reading
from reconcile.model.report import APPLIED, Outcome, Written
from reconcile.platforms.driver import links, objects
from reconcile.platforms.driver.batch import Batch, Workspace
from reconcile.platforms.driver.merge import merge
from reconcile.platforms.driver.renames import restore, wanted_departments
from reconcile.platforms.driver.running.steps import Planned, Result, first_line
from reconcile.platforms.driver.running.together import runner
from reconcile.platforms.driver.vocabulary import NAME_OF
from reconcile.platforms.ledger.history.entries import ids_before, ids_now
from reconcile.platforms.resolve import Names, text
from reconcile.ports import Ledger, Platform, Progress, Rejected, Unclear

_log = logging.getLogger(__name__)

_UPDATES: Final = ("update", "adopt", "relink", "activate", "deactivate", "block", "erase")
_OF_OBJECTS: Final[Mapping[str, Callable[[Batch], None]]] = {
    "create": objects.create,
    "delete": objects.delete,
    **dict.fromkeys(_UPDATES, objects.update),
}
_OF_LINKS: Final = dict.fromkeys(("create", "update", "delete"), links.write)
"""Action → what plans the steps of a batch."""


class DrivenWriter:
    """One workspace while a run writes to it; see `reconcile.ports.Writer`."""

    def __init__(
        self,
        platform: Platform,
        ledger: Ledger,
        workspace: str,
        progress: Progress,
        within: Any = None,
    ) -> None:
        """Reads nothing yet. The ledger has to hold the lock of the workspace.

        `within`: the connection whose transaction keeps all that is written, or none of it; None if
        every change is kept at once.
        """
        self.kept_at_once = within is None
        self._within = within
        self._platform = platform
        self._ledger = ledger
        self._name = workspace
        self._runner = runner(platform, ledger, workspace, progress)
        self._workspace: Workspace | None = None
        self._taken = 0
        """How many changes the run was to write so far."""
        self.begun = False
        """Whether the journal of a run is open."""

    @property
    def broken(self) -> BaseException | None:
        """What ended the writing; everything that was written before is kept."""
        return self._runner.broken

    def read(self) -> PlatformState:
        """The workspace as it is now; the book learns what people did since it was last written."""
        contents = self._contents()
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

    def _contents(self) -> Contents:
        """What the platform has, with what the open transaction has changed."""
        if self._within is None or not self._taken:
            return self._platform.read(self._name)
        return cast("Contents", cast("Any", self._platform).read(self._name, self._within))

    def begin(self, run: Run) -> None:
        """Opens the journal, from which the next run can see what this one did.

        A transaction that is not kept leaves nothing to see.
        """
        if not self.kept_at_once:
            return
        self._ledger.begin(self._name, run)
        self.begun = True

    def write(self, changes: Sequence[Change]) -> Sequence[Written]:
        """Carries out changes of one kind and action; returns what became of each."""
        if not changes:
            return []
        if self.broken is not None:
            return [Written("failed", first_line(self.broken))] * len(changes)
        first, self._taken = self._taken, self._taken + len(changes)
        if changes[0].kind == "source":
            return self._write_sources(changes)
        return self._write_batch(changes, first)

    def _write_batch(self, changes: Sequence[Change], first: int) -> list[Written]:
        batch = Batch(self._open(), changes)
        kind, action = changes[0].kind, changes[0].action
        plan = (_OF_LINKS if kind in PAIRS else _OF_OBJECTS).get(action)
        if plan is None:
            return [Written("failed", f"{action} of a {kind} is not supported")] * len(changes)
        plan(batch)
        by_place = dict(enumerate(changes))
        results = self._run(batch.planned, by_place, first)
        written = batch.written(results)
        for number, links_back in batch.ended.items():
            if results[number].state not in ("kept", "unknown"):
                self._runner.run(links_back, by_place, first)
        failed = restore(batch, results, lambda steps: self._runner.run(steps, by_place, first))
        for place, reason in failed.items():
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

    def _learn(self, batch: Batch, results: Sequence[Result], written: Sequence[Written]) -> None:
        """Takes in which names now mean which objects."""
        workspace, kind = batch.workspace, batch.changes[0].kind
        if kind in PAIRS:
            _learn_links(workspace, batch.changes, written)
            return
        kind = cast("ObjectKind", kind)
        for (new_kind, theirs), own in self._runner.new.items():
            workspace.theirs[new_kind, own] = theirs
        kept = [
            change
            for change, outcome in zip(batch.changes, written, strict=True)
            if outcome.result in ("applied", "unknown")
        ]
        match batch.changes[0].action:
            case "create":
                self._learn_new(batch, kind, results)
            case "delete":
                _forget(workspace, kind, set(map(workspace.names.row, kept)))
            case "erase":
                _rename(workspace, kind, kept)
                _forget_identities(workspace, set(map(workspace.names.row, kept)))
            case _:
                _rename(workspace, kind, kept)
        workspace.names.settle()

    def _learn_new(self, batch: Batch, kind: ObjectKind, results: Sequence[Result]) -> None:
        """Takes in the names of what was created, departments from the top."""
        created = [
            (batch.changes[step.place], result.platform_id)
            for step, result in zip(batch.planned, results, strict=True)
            if step.operation == "create" and result.state == "kept"
        ]
        for change, platform_id in sorted(created, key=lambda item: item[0].key.count("/")):
            own = self._runner.new.get((kind, platform_id), "")
            if own:
                _name_new(batch.workspace.names, change, own)

    def _write_sources(self, changes: Sequence[Change]) -> list[Written]:
        """Sources are in the book; few platforms keep them, too."""
        known = self._open().sources
        written: list[Written] = []
        edits: list[Edit] = []
        for change in changes:
            why = _source_problem(change, known) or self._put_source(change)
            if why:
                written.append(Written("failed", why))
                continue
            edits.append(_source_edit(change))
            known.discard(change.key)
            known.add(_source_name(change))
            written.append(APPLIED)
        self._ledger.write(self._name, edits=edits)
        return written

    def _put_source(self, change: Change) -> str:
        """Has a platform that keeps sources itself keep this one; why it cannot, "" if it does."""
        put = getattr(self._platform, "put_source", None)
        if put is None:
            return ""
        edit = _source_edit(change)
        try:
            within = {} if self.kept_at_once else {"connection": self._within}
            put(self._name, edit.name, edit.fields, edit.rename or edit.name, **within)
        except (Rejected, Unclear) as error:
            return str(error)
        return ""

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
    for part, result in zip(parts, results, strict=True):
        done += map(result.holds, range(len(part.pairs)))
    if all(done):
        return Result("kept")
    failed = [result for result in results if result.state != "kept"]
    last = results[-1]
    state = last.state if last in failed else "refused"
    return Result(state, failed[0].detail, done=tuple(done))


def _source_name(change: Change) -> str:
    """What a source is called once the change is made."""
    return text(change.fields_after, "name") or change.key


def _source_problem(change: Change, known: Collection[str]) -> str:
    """Why a change of a source cannot be made; "" where it can."""
    if change.action == "create":
        taken = _source_name(change) in known
        return "another source of the workspace has this name" if taken else ""
    return "" if change.key in known else f"the source {change.key!r} does not exist"


def _source_edit(change: Change) -> PutSource:
    after = change.fields_after
    fields = {field: text(after, field) for field in after if field != "name"}
    name = _source_name(change)
    if change.action == "create":
        return PutSource(name, fields)
    return PutSource(change.key, fields, name if name != change.key else "")


def _name_new(names: Names, change: Change, own: str) -> None:
    """Takes in what a new object is called."""
    after = change.fields_after
    if change.kind == "user":
        names.users[text(after, "username")] = own
    elif change.kind == "group":
        names.groups[text(after, "name")] = own
    else:
        above = names.departments.get(text(after, "parent"), "")
        names.tree[own] = (above, text(after, "title"))
        names.departments[change.key] = own


def _rename(workspace: Workspace, kind: ObjectKind, changes: Sequence[Change]) -> None:
    """Takes in new names, all at once."""
    names = workspace.names
    if kind == "department":
        _move(names, changes)
        return
    named = {names.row(change): text(change.fields_after, NAME_OF[kind]) for change in changes}
    names.rename(kind, {own: name for own, name in named.items() if name})


def _move(names: Names, changes: Sequence[Change]) -> None:
    """Takes in new titles of departments, and what they are now below."""
    wanted = wanted_departments(names, changes)
    for change in changes:
        after = change.fields_after
        own = names.row(change)
        parent, title = names.tree[own]
        if "parent" in after:
            parent = wanted.get(text(after, "parent"), "")
        names.tree[own] = (parent, text(after, "title") or title)


def _learn_links(
    workspace: Workspace, changes: Sequence[Change], written: Sequence[Written]
) -> None:
    """Takes in memberships and grants that were made or ended."""
    pairs = workspace.links["membership" if changes[0].kind == "membership" else "grant"]
    for change, outcome in zip(changes, written, strict=True):
        if outcome.result == "failed":
            continue
        if change.action == "create":
            pairs[workspace.names.new_link(change)] = text(change.fields_after, "origin")
        elif change.action == "delete":
            pairs.pop(workspace.names.link(change), None)


def _forget(workspace: Workspace, kind: ObjectKind, gone: set[str]) -> None:
    """Takes in that objects are no more, and their links with them."""
    if not gone:
        return
    workspace.names.forget(gone, kind)
    for own in gone:
        workspace.theirs.pop((kind, own), None)
    end = 0 if kind == "user" else 1
    for pairs in workspace.links.values():
        for pair in [pair for pair in pairs if pair[end] in gone]:
            del pairs[pair]
    _forget_identities(workspace, gone)


def _forget_identities(workspace: Workspace, gone: set[str]) -> None:
    """Records that objects no longer stand for any entry."""
    for entry in [entry for entry, own in workspace.identities.items() if own in gone]:
        del workspace.identities[entry]
