"""Where the product's tables say different things of one object.

Nothing in the database keeps them equal, and the product's own code does not always. Each question
is one query; its answer names the first few.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.site import Site
from reconcile.platforms.processmaker.uids import SYSTEM, UNTOUCHED

_SHOWN: Final = 3
_u, _r, _g, _d, _m, _c = (
    t.users.c,
    t.rbac_users.c,
    t.groups.c,
    t.departments.c,
    t.members.c,
    t.content.c,
)


class Inequality(NamedTuple):
    """Objects of which the site says two things."""

    what: str
    """Which they are."""
    names: tuple[str, ...]
    """The first few."""
    number: int

    def __str__(self) -> str:
        more = ", …" if self.number > len(self.names) else ""
        return f"{self.what}: {self.number} ({', '.join(self.names)}{more})"


class _Question(NamedTuple):
    what: str
    name: sa.ColumnElement[Any]
    """The name of an object that is wrong."""
    source: sa.FromClause
    wrong: sa.ColumnElement[bool]


def inequalities(connection: sa.Connection, site: Site) -> Iterable[Inequality]:
    """Each kind of inequality that the site has."""
    for question in (*_users(), *_titles(), *_links()):
        statement = sa.select(question.name).select_from(question.source).where(question.wrong)
        names = sorted(str(name) for name in connection.execute(statement).scalars())
        if names:
            yield Inequality(question.what, tuple(names[:_SHOWN]), len(names))
    yield from _duplicates(connection)
    del site


_TWINS: Final = t.users.outerjoin(t.rbac_users, _u.USR_UID == _r.USR_UID)
_BOTH: Final = t.users.join(t.rbac_users, _u.USR_UID == _r.USR_UID)
_LIVES: Final = _u.USR_STATUS != "CLOSED"
_EQUAL: Final = ("USR_USERNAME", "USR_FIRSTNAME", "USR_LASTNAME", "USR_EMAIL", "USR_DUE_DATE")


def _users() -> Iterable[_Question]:
    """Users whose two rows, or whose roles, do not agree."""
    named = _u.USR_USERNAME
    lacking = sa.and_(_LIVES, _r.USR_UID.is_(None))
    yield _Question("users in USERS and not in RBAC_USERS", named, _TWINS, lacking)
    backwards = t.rbac_users.outerjoin(t.users, _u.USR_UID == _r.USR_UID)
    yield _Question(
        "users in RBAC_USERS and not in USERS", _r.USR_USERNAME, backwards, _u.USR_UID.is_(None)
    )
    # Byte by byte: the collation of the site takes Anna and ANNA for equal.
    different = sa.or_(*(_bytes(_u[name]) != _bytes(_r[name]) for name in _EQUAL))
    yield _Question(
        "users with another name, e-mail address or due date in RBAC_USERS",
        named,
        _BOTH,
        sa.and_(_LIVES, different),
    )
    serves = sa.case((_u.USR_STATUS.in_(("ACTIVE", "VACATION")), 1), else_=0)
    yield _Question(
        "users with another status in RBAC_USERS, which decides at the login",
        named,
        _BOTH,
        serves != _r.USR_STATUS,
    )
    yield from _role_questions()


def _bytes(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.BINARY)


def _role_questions() -> Iterable[_Question]:
    """Users whose role in USERS is not that of RBAC_USERS_ROLES, or who have several."""
    held = (
        sa.select(
            t.users_roles.c.USR_UID,
            sa.func.min(t.roles.c.ROL_CODE).label("code"),
            sa.func.count().label("number"),
        )
        .select_from(t.users_roles.join(t.roles, t.roles.c.ROL_UID == t.users_roles.c.ROL_UID))
        .where(t.roles.c.ROL_SYSTEM == SYSTEM)
        .group_by(t.users_roles.c.USR_UID)
        .subquery()
    )
    joined = t.users.outerjoin(held, held.c.USR_UID == _u.USR_UID)
    code = sa.func.coalesce(held.c.code, "")
    different = sa.and_(sa.func.coalesce(held.c.number, 0) < 2, code != _u.USR_ROLE)
    yield _Question(
        "users with another role in RBAC_USERS_ROLES than in USERS",
        _u.USR_USERNAME,
        joined,
        sa.and_(_LIVES, different),
    )
    yield _Question(
        "users with several roles in the system PROCESSMAKER",
        _u.USR_USERNAME,
        joined,
        held.c.number > 1,
    )


def _titles() -> Iterable[_Question]:
    """Groups and departments whose title in CONTENT is lacking or another one."""
    for what, table, own, title, category in (
        ("groups", t.groups, _g.GRP_UID, _g.GRP_TITLE, "GRP_TITLE"),
        ("departments", t.departments, _d.DEP_UID, _d.DEP_TITLE, "DEPO_TITLE"),
    ):
        same = sa.and_(_c.CON_CATEGORY == category, _c.CON_ID == own, _c.CON_LANG == "en")
        wrong = sa.or_(_c.CON_VALUE.is_(None), _bytes(_c.CON_VALUE) != _bytes(title))
        yield _Question(
            f"{what} with another title in CONTENT, or none",
            title,
            table.outerjoin(t.content, same),
            wrong,
        )


def _links() -> Iterable[_Question]:
    """References that lead nowhere, and numbers that are not those of the group."""
    joined = t.members.outerjoin(t.groups, _g.GRP_UID == _m.GRP_UID)
    everyone = joined.outerjoin(t.users, _u.USR_UID == _m.USR_UID)
    pair = sa.func.concat(_m.USR_UID, "/", _m.GRP_UID)
    lost = sa.or_(_g.GRP_UID.is_(None), _u.USR_UID.is_(None))
    yield _Question("memberships of a user or group that does not exist", pair, everyone, lost)
    other = _m.GRP_ID != _g.GRP_ID
    yield _Question("memberships with the number of another group", pair, joined, other)
    parents = t.departments.alias("parents")
    tree = t.departments.outerjoin(parents, parents.c.DEP_UID == _d.DEP_PARENT)
    orphans = sa.and_(_d.DEP_PARENT != "", parents.c.DEP_UID.is_(None))
    yield _Question("departments below one that does not exist", _d.DEP_TITLE, tree, orphans)
    placed = t.users.outerjoin(t.departments, _d.DEP_UID == _u.DEP_UID)
    unplaced = sa.and_(_u.DEP_UID != "", _d.DEP_UID.is_(None))
    yield _Question("users in a department that does not exist", _u.USR_USERNAME, placed, unplaced)
    leaders = t.users.alias("leaders")
    led = t.users.outerjoin(leaders, leaders.c.USR_UID == _u.USR_REPORTS_TO)
    unled = sa.and_(_u.USR_REPORTS_TO != "", leaders.c.USR_UID.is_(None))
    yield _Question("users who report to a user that does not exist", _u.USR_USERNAME, led, unled)


def _duplicates(connection: sa.Connection) -> Iterable[Inequality]:
    """Names that several objects share, as the product compares them."""
    for what, name, places, mine in (
        (
            "usernames of several users, as the login compares them",
            _u.USR_USERNAME,
            (),
            sa.and_(_u.USR_USERNAME != "", _u.USR_UID.not_in(UNTOUCHED)),
        ),
        ("titles of several groups", _g.GRP_TITLE, (), sa.true()),
        (
            "titles of several departments in one place",
            _d.DEP_TITLE,
            (_d.DEP_PARENT,),
            sa.true(),
        ),
    ):
        statement = sa.select(sa.func.min(name)).where(mine).group_by(name, *places)
        twice = statement.having(sa.func.count() > 1)
        names = sorted(str(text) for text in connection.execute(twice).scalars())
        if names:
            yield Inequality(what, tuple(names[:_SHOWN]), len(names))
