"""Erasing users: the row stays, and nothing personal is left.

So what points at the row goes on pointing somewhere.

What the user was related to (`responsibilities`) is handed on first: open work to the unknown user,
what it owned to the administrator; its permissions and posts as a supervisor go.
"""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from reconcile.model.change import Change
from reconcile.model.text.folding import fold_name
from reconcile.platforms.database.savepoints import expect, isolate
from reconcile.platforms.resolve import Unknown, text
from reconcile.platforms.sql import context as w
from reconcile.platforms.sql.tables import tables as t
from reconcile.platforms.sql.write import known_persons

_ZERO: Final = {"postgresql": "1970-01-01 00:00:00+00"}
"""The date of what has none any more; servers refuse a day 0."""
_NOWHERE: Final = "1970-01-01 00:00:00"


def erase(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Erases one user after the other; one that cannot be erased stays as it was."""
    rows: list[tuple[int, int, Change]] = []

    def step(index: int, change: Change) -> None:
        number = int(work.names.row(change))
        _check_heirs(work, number)
        rows.append((index, number, change))

    reasons = w.prepare(changes, step)

    def write(batch: Sequence[tuple[int, int, Change]]) -> None:
        for _, number, change in batch:
            _hand_on(work, number)
            _clear(work, number, change)

    for (index, _, _), reason in zip(rows, isolate(work.connection, rows, write), strict=True):
        reasons[index] = reason
    erased = {
        str(number): text(change.fields_after, "username")
        for index, number, change in rows
        if not reasons[index]
    }
    work.names.rename("user", erased)
    return reasons


def _relations(work: w.Work, number: int) -> set[str]:
    mine = (
        sa.select(t.responsibilities.c.relation)
        .where(t.responsibilities.c.user_id == number)
        .distinct()
    )
    return set(work.connection.execute(mine).scalars())


def _check_heirs(work: w.Work, number: int) -> None:
    """Raises Unknown when an account has to take over and cannot."""
    relations = _relations(work, number)
    if "owner" in relations:
        name = work.settings.administrator
        heir = _account(work, name)
        if heir in (None, number):
            raise Unknown(
                "it owns things that the administrator would take over, "
                f"and there is no other account {name!r}: "
                "name one in platform.administrator"
            )
    if "open_work" in relations:
        name = work.settings.unknown_user
        heir = _account(work, name)
        if heir == number:
            raise Unknown(
                f"it is {name!r}, who takes over open work: name another in platform.unknown_user"
            )
        if heir is None:
            _make_unknown(work, name)


def _account(work: w.Work, name: str) -> int | None:
    holder = work.names.holders("user").get(fold_name(name))
    return int(holder) if holder else None


def _make_unknown(work: w.Work, name: str) -> None:
    """The unknown user: a local account that cannot log in."""
    row = {"workspace_id": work.workspace_id, "username": name, "status": "inactive"}
    work.connection.execute(t.users.insert().inline(), row)
    mine = sa.select(t.users.c.id).where(
        t.users.c.workspace_id == work.workspace_id, t.users.c.username == name
    )
    work.names.users[name] = str(work.connection.execute(mine).scalar_one())


def _hand_on(work: w.Work, number: int) -> None:
    """Gives open work and property to the heirs, unless they have it already; the rest goes."""
    heirs = {"owner": work.settings.administrator, "open_work": work.settings.unknown_user}
    mine, theirs = t.responsibilities, t.responsibilities.alias()
    for relation in _relations(work, number) & heirs.keys():
        heir = _account(work, heirs[relation])
        same = sa.select(theirs.c.kind, theirs.c.reference).where(
            theirs.c.user_id == heir, theirs.c.relation == relation
        )
        held = set(work.connection.execute(same).all())
        wanted = sa.select(mine.c.id, mine.c.kind, mine.c.reference).where(
            mine.c.user_id == number, mine.c.relation == relation
        )
        for row, kind, reference in work.connection.execute(wanted).all():
            if (kind, reference) not in held:
                work.connection.execute(
                    sa.update(mine).where(mine.c.id == row).values(user_id=heir)
                )
    work.connection.execute(sa.delete(mine).where(mine.c.user_id == number))


def _clear(work: w.Work, number: int, change: Change) -> None:
    connection = work.connection
    known_persons.forget(work, [number])
    for table in (t.memberships, t.grants):
        connection.execute(sa.delete(table).where(table.c.user_id == number))
    connection.execute(
        sa.update(t.users).where(t.users.c.manager_id == number).values(manager_id=None)
    )
    after = change.fields_after
    values: dict[str, object] = {
        name: text(after, name) for name in ("username", "first_name", "last_name", "email")
    }
    values |= dict.fromkeys(("external_id", "dn", "department_id", "manager_id", "password_hash"))
    values |= {
        "status": "erased",
        "status_origin": text(after, "status_origin") or None,
        "status_cause": text(after, "status_cause") or None,
        "status_before": None,
        "departed": None,
        "departed_at": None,
        "attributes": {},
        "created_at": sa.text(f"'{_ZERO.get(connection.dialect.name, _NOWHERE)}'"),
        "updated_at": t.utc_now(),
    }
    statement = sa.update(t.users).where(t.users.c.id == number).values(values)
    expect(connection.execute(statement).rowcount, 1)
