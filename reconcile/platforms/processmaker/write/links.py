"""Memberships and roles: made and removed, several in one call."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import sqlalchemy as sa

from reconcile.model.platform import Pair
from reconcile.platforms.database import bulk
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.write.statements import (
    GONE,
    chunks,
    expect_all,
    insert,
    numbers,
)
from reconcile.platforms.processmaker.write.work import Work
from reconcile.ports import Rejected

Kind = Literal["membership", "grant", "nesting"]
_m, _h, _u = t.members.c, t.users_roles.c, t.users.c


def link(work: Work, kind: Kind, pairs: Sequence[Pair]) -> None:
    """Makes links, all of them or none; those that exist stay as they are."""
    if kind == "nesting":
        raise Rejected("the product has no groups in groups")
    act = _join if kind == "membership" else _grant
    act(work, list(dict.fromkeys(pairs)))


def unlink(work: Work, kind: Kind, pairs: Sequence[Pair]) -> None:
    """Removes links, all of them or none; one that does not exist is no error."""
    if kind == "membership":
        _remove(work, t.members, _m.USR_UID, _m.GRP_UID, list(dict.fromkeys(pairs)))
    elif kind == "grant":
        _revoke(work, list(dict.fromkeys(pairs)))


def _join(work: Work, pairs: Sequence[Pair]) -> None:
    """Puts users into groups, each with the numbers that the product gives them."""
    connection = work.connection
    users = numbers(connection, _u.USR_UID, _u.USR_ID, {user for user, _ in pairs})
    groups = numbers(
        connection, t.groups.c.GRP_UID, t.groups.c.GRP_ID, {group for _, group in pairs}
    )
    expect_all(users, (user for user, _ in pairs), "user")
    expect_all(groups, (group for _, group in pairs), "group")
    present = _present(work, groups, pairs)
    rows = [
        {"GRP_UID": group, "GRP_ID": groups[group], "USR_UID": user, "USR_ID": users[user]}
        for user, group in pairs
        if (user, group) not in present
    ]
    insert(connection, t.members, rows)


def _present(work: Work, groups: Iterable[str], pairs: Sequence[Pair]) -> set[Pair]:
    """The memberships of these groups and users that exist."""
    present: set[Pair] = set()
    of_groups = _m.GRP_UID.in_(list(groups))
    for users in chunks({user for user, _ in pairs}):
        statement = sa.select(_m.USR_UID, _m.GRP_UID).where(of_groups, _m.USR_UID.in_(users))
        present |= {(user, group) for user, group in work.connection.execute(statement)}
    return present


def _remove(
    work: Work,
    table: sa.Table,
    member: sa.Column[str],
    holder: sa.Column[str],
    pairs: Sequence[Pair],
) -> None:
    """Deletes the rows of a table that link these pairs."""
    if pairs:
        statement = sa.delete(table).where(
            member == sa.bindparam("old_member", type_=work.site.uid),
            holder == sa.bindparam("old_holder", type_=work.site.uid),
        )
        bulk.Prepared(work.connection, statement, ["old_member", "old_holder"]).run(pairs)


def _grant(work: Work, pairs: Sequence[Pair]) -> None:
    """Gives each user its role, in place of another one: the product's users have one.

    The role is in two places: RBAC_USERS_ROLES, and its code in USERS.
    """
    given = {user: work.role(role) for user, role in pairs}
    held = _held_roles(work, given)
    others = [(user, role) for user, role in held if given[user][0] != role]
    _remove(work, t.users_roles, _h.USR_UID, _h.ROL_UID, others)
    rows = [
        {"USR_UID": user, "ROL_UID": uid}
        for user, (uid, _) in given.items()
        if (user, uid) not in held
    ]
    _put_codes(work, given)
    insert(work.connection, t.users_roles, rows)


def _put_codes(work: Work, given: Mapping[str, tuple[str, str]]) -> None:
    """Writes the codes of roles into USERS. Raises Rejected where a user no longer exists."""
    by_code: dict[str, list[str]] = {}
    for user, (_, code) in given.items():
        by_code.setdefault(code, []).append(user)
    for code, users in by_code.items():
        for some in chunks(users):
            mine = sa.update(t.users).where(_u.USR_UID.in_(some))
            if work.connection.execute(mine.values(USR_ROLE=code)).rowcount != len(some):
                raise Rejected(GONE)


def _held_roles(work: Work, users: Iterable[str]) -> set[Pair]:
    """The roles of the system PROCESSMAKER that users have, by the ids of both."""
    mine = [uid for uid, _ in work.roles.values()]
    held: set[Pair] = set()
    for some in chunks(users):
        statement = sa.select(_h.USR_UID, _h.ROL_UID).where(
            _h.USR_UID.in_(some), _h.ROL_UID.in_(mine)
        )
        held |= {(user, role) for user, role in work.connection.execute(statement)}
    return held


def _revoke(work: Work, pairs: Sequence[Pair]) -> None:
    """Takes roles from users who have them; one who got another one meanwhile keeps that."""
    known = [(user, *work.roles[role]) for user, role in pairs if role in work.roles]
    _remove(work, t.users_roles, _h.USR_UID, _h.ROL_UID, [(user, uid) for user, uid, _ in known])
    by_code: dict[str, list[str]] = {}
    for user, _, code in known:
        by_code.setdefault(code, []).append(user)
    for code, users in by_code.items():
        for some in chunks(users):
            held = sa.update(t.users).where(_u.USR_UID.in_(some), _u.USR_ROLE == code)
            work.connection.execute(held.values(USR_ROLE=""))
