"""From a run's outcomes to the entries of its history.

Only computes, but for the salts, which are random.
"""

import secrets
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from reconcile.model.book import Ids
from reconcile.model.change import Change, Fields, Kind
from reconcile.model.history import Entry, Payload, commitment, payload_texts, traces
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
    for start in range(0, len(outcomes), _CHUNK):
        chunk = _chunk(outcomes[start : start + _CHUNK], start + 1, before, now, started)
        yield [_forgetting(entry, erased) for entry in chunk] if erased else chunk


def _chunk(
    outcomes: Sequence[Outcome], first: int, before: Ids, now: Ids, started: str
) -> list[Entry]:
    """The entries of consecutive outcomes; the position of the first is `first`."""
    payloads = [_payload(outcome, before, now, started) for outcome in outcomes]
    texts = payload_texts(payloads)
    salts = secrets.token_hex(16 * len(outcomes))
    entries: list[Entry] = []
    for at, (outcome, payload, said) in enumerate(zip(outcomes, payloads, texts, strict=True)):
        change, salt = outcome.change, salts[at * 32 : at * 32 + 32]
        user, thing = _about(change, before, now, made=outcome.result == "applied")
        managers, unresolved = traces(change.kind, user, payload)
        entries.append(
            Entry(
                first + at,
                change.kind,
                change.action,
                outcome.result,
                user,
                thing,
                salt,
                said,
                commitment(salt, said),
                managers,
                unresolved,
            )
        )
    return entries


def _forgetting(entry: Entry, erased: frozenset[str]) -> Entry:
    """The entry, without its payload if it is about one of the erased users."""
    if erased.isdisjoint((entry.user, *entry.managers)):
        return entry
    return msgspec.structs.replace(entry, salt="", payload="", managers=_NO_MANAGERS, unresolved=0)


def _payload(outcome: Outcome, before: Ids, now: Ids, started: str) -> Payload:
    """What the entry of an outcome says about people."""
    change = outcome.change
    after = change.after
    ids = (_NONE, _NONE)
    if change.kind in _REFERRING:
        if after is not None and after.get("departed_at") == NOW:
            after = {**after, "departed_at": started}
        ids = _references(change.before, before), _references(after, now)
    return Payload(
        change.key, change.before, after, change.reason, change.source, outcome.detail, *ids
    )


def _about(change: Change, before: Ids, now: Ids, *, made: bool) -> tuple[str, str]:
    """The ids of the user, and of the group or department, that a change concerns.

    "" if there is none.
    """
    new = change.before is None
    kind, ids = change.kind, now if new else before
    if kind in PAIRS:
        fields = change.fields_after if new else change.fields_before
        group = ids.groups.get(text(fields, "group"), "") if kind == "membership" else ""
        return ids.users.get(text(fields, "user"), ""), group
    if new and not made:
        return "", ""  # another object has that name now
    if kind == "user":
        return ids.users.get(change.key, ""), ""
    if kind == "department":
        return "", ids.departments.get(change.key, "")
    return "", ids.groups.get(change.key, "") if kind == "group" else ""


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
