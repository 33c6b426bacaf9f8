"""From a run's outcomes to the entries of its history.

Only computes, but for the salts, which are random.
"""

import secrets
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from reconcile.model.book import Ids
from reconcile.model.change import Change, Fields, Kind
from reconcile.model.history import Entry, Payload, commitment, payload_text, traces
from reconcile.model.kinds import PAIRS
from reconcile.model.platform import NOW
from reconcile.model.report import Outcome
from reconcile.platforms.ledger.history.people import erases
from reconcile.platforms.resolve import Names, text

_CHUNK: Final = 5000
"""Entries made at once: few enough to be small beside the state, many enough to be written fast."""
_NONE: Final[dict[str, str]] = {}
_NO_MANAGERS: Final = ("", "")


def ids_before(names: Names) -> Ids:
    """The ids as the workspace was read."""
    return Ids(names.users_before, names.groups_before, names.departments_before)


def ids_now(names: Names) -> Ids:
    """The ids with what was written since."""
    return Ids(names.users, names.groups, names.departments)


def entries_of(
    outcomes: Sequence[Outcome], before: Ids, now: Ids, started: str
) -> Iterator[list[Entry]]:
    """The entries of a run, in chunks; no payload is kept of the users it erased.

    `started` is the time of `departed_at`.
    """
    erased = frozenset(
        before.users.get(outcome.change.key, "") for outcome in outcomes if erases(outcome)
    )
    numbered = enumerate(outcomes, start=1)
    while chunk := list(islice(numbered, _CHUNK)):
        salts = secrets.token_hex(16 * len(chunk))
        yield [
            _entry(position, outcome, before, now, started, salts[at * 32 : at * 32 + 32], erased)
            for at, (position, outcome) in enumerate(chunk)
        ]


def _entry(
    position: int,
    outcome: Outcome,
    before: Ids,
    now: Ids,
    started: str,
    salt: str,
    erased: frozenset[str],
) -> Entry:
    change = outcome.change
    user, thing = _about(change, before, now, made=outcome.result == "applied")
    after = change.after
    if after is not None and after.get("departed_at") == NOW:
        after = {**after, "departed_at": started}
    ids = (_NONE, _NONE)
    if change.kind in _REFERRING:
        ids = _references(change.before, before), _references(after, now)
    said = Payload(
        change.key, change.before, after, change.reason, change.source, outcome.detail, *ids
    )
    payload = payload_text(said)
    sealed = commitment(salt, payload)
    managers, unresolved = traces(change.kind, user, said)
    if erased and not erased.isdisjoint((user, *managers)):
        salt, payload, managers, unresolved = "", "", _NO_MANAGERS, 0
    return Entry(
        *(position, change.kind, change.action, outcome.result, user, thing),
        *(salt, payload, sealed, managers, unresolved),
    )


def _about(change: Change, before: Ids, now: Ids, *, made: bool) -> tuple[str, str]:
    """The ids of the user, and of the group or department, that a change concerns.

    "" if there is none.
    """
    new = change.before is None
    if new and change.kind in _REFERRING and not made:
        return "", ""  # another object has that name now
    ids = now if new else before
    fields = change.fields_after if new else change.fields_before
    return _user_id(change, fields, ids), _object_id(change, fields, ids)


def _user_id(change: Change, fields: Fields, ids: Ids) -> str:
    if change.kind == "user":
        return ids.users.get(change.key, "")
    return ids.users.get(text(fields, "user"), "") if change.kind in PAIRS else ""


def _object_id(change: Change, fields: Fields, ids: Ids) -> str:
    if change.kind == "department":
        return ids.departments.get(change.key, "")
    if change.kind == "group":
        return ids.groups.get(change.key, "")
    return ids.groups.get(text(fields, "group"), "") if change.kind == "membership" else ""


_REFERRING: Final[frozenset[Kind]] = frozenset({"user", "department", "group"})


def _references(fields: Fields | None, ids: Ids) -> dict[str, str]:
    """The ids of what a side of a change of a user, group or department names."""
    if not fields:
        return _NONE
    references: dict[str, str | None] = {}
    if manager := fields.get("manager"):
        references["manager"] = ids.users.get(str(manager))
    if department := fields.get("department"):
        references["department"] = ids.departments.get(str(department))
    if parent := fields.get("parent"):
        references["parent"] = ids.departments.get(str(parent))
    if groups := fields.get("groups"):
        references |= {f"groups.{name}": ids.groups.get(name) for name in groups}
    if not references:
        return _NONE
    return {field: own for field, own in references.items() if own}
