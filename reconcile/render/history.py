"""The history for people and programs: runs as a table, their changes as `show` has them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import msgspec

from reconcile.model.change import Action, Change, Kind
from reconcile.model.history import Entry, Link
from reconcile.render import text, wording
from reconcile.render.json import as_text
from reconcile.render.tables import table

_COLUMNS = ("run", "workspace", "by", "outcome", "applied", "failed", "skipped", "commit")
_SHORT = 10
"""Characters of a commit in a table."""


def runs_text(links: Sequence[Link]) -> str:
    """A row for each run, the newest last."""
    several = len({link.run.workspace for link in links}) > 1
    columns = [column for column in _COLUMNS if column != "workspace" or several]
    rows = [
        {
            **msgspec.to_builtins(link.run),
            "run": link.run.id,
            "by": f"{link.run.login} on {link.run.host}",
            "commit": link.run.commit[:_SHORT] + (" and changes" if link.run.dirty else ""),
        }
        for link in links
    ]
    return table(rows, columns, "table")


def runs_json(links: Sequence[Link]) -> str:
    """A list of objects."""
    return as_text([_run(link) for link in links])


def run_text(parts: Iterable[tuple[Link, Sequence[Entry]]], *, colour: bool) -> str:
    """Each run with its changes."""
    return "\n\n".join("\n".join(_part(link, entries, colour=colour)) for link, entries in parts)


def run_json(parts: Iterable[tuple[Link, Sequence[Entry]]]) -> str:
    """A list of objects, each with its changes."""
    return as_text(
        [
            {**_run(link), "changes": [_change(one, link) for one in entries]}
            for link, entries in parts
        ]
    )


def _run(link: Link) -> dict[str, object]:
    values: dict[str, object] = msgspec.to_builtins(link.run)
    return {"run": values.pop("id"), **values, "previous_hash": link.previous, "hash": link.hash}


def _change(one: Entry, link: Link) -> dict[str, object]:
    payload = one.read()
    return {
        "position": one.position,
        "kind": one.kind,
        "action": one.action,
        "result": one.result,
        "user_id": one.user or None,
        "object_id": one.object or None,
        **{
            name: getattr(payload, name) if payload is not None else None
            for name in ("key", "before", "after", "reason", "source", "detail")
        },
        "workspace": link.run.workspace,
        "removed": not one.payload,
        "commitment": one.commitment,
    }


def _part(link: Link, entries: Sequence[Entry], *, colour: bool) -> Iterator[str]:
    run = link.run
    yield wording.printable(f"Run {run.id} in workspace {run.workspace}: {run.outcome}")
    yield wording.printable(f"  by {run.login} on {run.host}, {run.started} to {run.finished}")
    yield f"  configuration: {wording.configured(run.files, run.configuration)}"
    if run.commit:
        yield f"  Git commit {wording.printable(run.commit)}{', with changes' if run.dirty else ''}"
    if run.undoes:
        yield f"  undoes run {wording.printable(run.undoes)}"
    for accepted in run.accepted:
        yield wording.printable(f"  accepted by {accepted.by}, {accepted.at}: {accepted.code}")
    for limit, numbers in run.lost.items():
        yield wording.printable(
            f"  {limit}: {', '.join(f'{number} of {source}' for source, number in numbers.items())}"
        )
    yield f"  {run.applied} applied, {run.failed} failed, {run.skipped} skipped"
    yield ""
    for one in entries:
        payload = one.read()
        kind, action, result = map(
            wording.printable, (one.kind, one.action, one.result)
        )  # whatever stands in the table
        if payload is None:
            why = (
                "altered, and no longer readable"
                if one.payload
                else "removed when a user was erased"
            )
            yield f"  · {kind} of user {wording.printable(one.user)}: {action}: {why}"
            continue
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
        yield from text.changed(change, text.painted if colour else text.plain)
        if one.result != "applied" or payload.detail:
            yield f"      {result}: {wording.printable(payload.detail)}"
