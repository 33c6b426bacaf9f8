"""The history for people and programs: runs as a table, their changes as `show` has them.

A run looks like this:

    Run 20261122T013000Z-3f2a91 in workspace main: applied
      by root on sync1, 2026-11-22T01:30:00Z to 2026-11-22T01:30:02Z
      configuration: reconcile.yml (sha256 4be0643f1d98)
      Git commit 0a1b2c3d4e5f
      1 applied, 0 failed, 0 skipped

      - user bob: block  # missing in corp
          status  "active" → "blocked"
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import msgspec

from reconcile.model.change import Action, Change, Kind
from reconcile.model.history import Entry, Link, Run
from reconcile.render import wording
from reconcile.render.json import as_text
from reconcile.render.layout import numbered
from reconcile.render.paint import Paint, paint_for
from reconcile.render.tables import table
from reconcile.render.text import change_lines

_COLUMNS = ("run", "by", "outcome", "applied", "failed", "skipped", "commit")
_COLUMNS_OF_SEVERAL = ("run", "workspace", *_COLUMNS[1:])
"""The columns where there are runs of several workspaces."""
_SHORT = 10
"""Characters of a commit in a table."""


def runs_text(links: Sequence[Link]) -> str:
    """A row for each run, the newest last.

        RUN                      BY             OUTCOME  APPLIED  FAILED  SKIPPED  COMMIT
        20261122T013000Z-3f2a91  root on sync1  applied  1        0       0        0a1b2c3d4e

    Runs of several workspaces have a column for the workspace.
    """
    runs = [link.run for link in links]
    columns = _COLUMNS_OF_SEVERAL if wording.has_several_workspaces(runs) else _COLUMNS
    return table(list(map(_row, runs)), columns, "table")


def _row(run: Run) -> dict[str, object]:
    """The fields of a run, and those that are made up for the table."""
    commit = run.commit[:_SHORT]
    return {
        **msgspec.to_builtins(run),
        "run": run.id,
        "by": f"{run.login} on {run.host}",
        "commit": f"{commit} and changes" if run.dirty else commit,
    }


def runs_json(links: Sequence[Link]) -> str:
    """A list of objects.

    Each has the fields of a Run, its id as `run`; `hash` and `previous_hash` are those of the
    chain, in hexadecimal digits.
    """
    return as_text(list(map(_run, links)))


def run_text(parts: Iterable[tuple[Link, Sequence[Entry]]], *, colour: bool) -> str:
    """Each run with its changes."""
    paint = paint_for(colour=colour)
    return "\n\n".join("\n".join(_part(link.run, entries, paint)) for link, entries in parts)


def run_json(parts: Iterable[tuple[Link, Sequence[Entry]]]) -> str:
    """A list of objects, each with its changes.

    A change has `position` (counted from 1 within the run), `kind`, `action`, `key`, `before`,
    `after`, `reason` and `source` of a plan, and `result` and `detail` of a report. `commitment`
    is the hash that the chain holds of it; `removed` says that its text was erased.
    """
    return as_text([_run(link) | {"changes": _changes(link, entries)} for link, entries in parts])


def _run(link: Link) -> dict[str, object]:
    """A run and its place in the chain of hashes."""
    values: dict[str, object] = msgspec.to_builtins(link.run)
    return {"run": values.pop("id"), **values, "previous_hash": link.previous, "hash": link.hash}


_OF_PAYLOAD = ("key", "before", "after", "reason", "source", "detail")


def _changes(link: Link, entries: Sequence[Entry]) -> list[dict[str, object]]:
    """The entries of a run as objects."""
    return [_change(entry, link) for entry in entries]


def _change(entry: Entry, link: Link) -> dict[str, object]:
    """An entry; what its payload says is null where that was removed or altered."""
    payload = entry.read()
    return {
        "position": entry.position,
        "kind": entry.kind,
        "action": entry.action,
        "result": entry.result,
        "user_id": entry.user or None,
        "object_id": entry.object or None,
        **{name: getattr(payload, name, None) for name in _OF_PAYLOAD},
        "workspace": link.run.workspace,
        "removed": not entry.payload,
        "commitment": entry.commitment,
    }


def _part(run: Run, entries: Sequence[Entry], paint: Paint) -> Iterator[str]:
    """A run: its origin, what was accepted and lost in it, its numbers, its changes."""
    yield wording.printable(f"Run {run.id} in workspace {run.workspace}: {run.outcome}")
    yield wording.printable(f"  by {run.login} on {run.host}, {run.started} to {run.finished}")
    yield f"  configuration: {wording.configured(run.files, run.configuration)}"
    if run.commit:
        yield f"  Git commit {wording.printable(run.commit)}{', with changes' if run.dirty else ''}"
    if run.undoes:
        yield f"  undoes run {wording.printable(run.undoes)}"
    for signature in run.signatures:
        yield wording.printable(f"  signed by {signature.principal} ({signature.fingerprint})")
    for accepted in run.accepted:
        yield wording.printable(f"  accepted by {accepted.by}, {accepted.at}: {accepted.code}")
    for limit, numbers in run.lost.items():
        yield wording.printable(f"  {limit}: {numbered(numbers, ' of ')}")
    yield f"  {run.applied} applied, {run.failed} failed, {run.skipped} skipped"
    yield ""
    for entry in entries:
        yield from _entry(entry, paint)


def _entry(entry: Entry, paint: Paint) -> Iterator[str]:
    """A change as in a plan, and its result unless it was applied without a remark.

    The columns of the table are foreign text too: anything may stand in them.
    """
    kind, action, result = map(wording.printable, (entry.kind, entry.action, entry.result))
    payload = entry.read()
    if payload is None:
        user = wording.printable(entry.user)
        yield f"  · {kind} of user {user}: {action}: {_why_unreadable(entry)}"
        return
    change = Change(
        cast("Kind", kind),
        cast("Action", action),
        payload.key,
        payload.before,
        payload.after,
        payload.reason,
        payload.source,
        "",
    )
    yield from change_lines(change, paint)
    if entry.result != "applied" or payload.detail:
        yield f"      {result}: {wording.printable(payload.detail)}"


def _why_unreadable(entry: Entry) -> str:
    """Why an entry says no more than what kind of change it was."""
    if entry.payload:
        return "altered, and no longer readable"
    return "removed when a user was erased"
