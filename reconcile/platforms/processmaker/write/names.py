"""Names that are free: nothing in the product's tables keeps two objects from having one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from reconcile.platforms.processmaker import tables as t
from reconcile.ports import Rejected

_SOME: Final = 5000
"""Names that one statement looks for; there is no index on them."""


def expect_single_usernames(connection: sa.Connection, names: Iterable[str]) -> None:
    """Raises Rejected where a name that was just written means two users, as the login compares.

    What the login takes for one name is one: two users of it could log in as each other.
    """
    wanted = list(names)
    for table in (t.users, t.rbac_users):
        name = table.c.USR_USERNAME
        for at in range(0, len(wanted), _SOME):
            named = sa.select(name).where(name.in_(wanted[at : at + _SOME]))
            twice = connection.execute(
                named.group_by(name).having(sa.func.count() > 1).limit(1)
            ).scalar()
            if twice is not None:
                raise Rejected("the site has another user whose username its login takes for this")


def expect_free_titles(
    connection: sa.Connection,
    kind: str,
    statement: sa.Select[Any],
    wanted: Mapping[str, tuple[str, str]],
) -> None:
    """Raises Rejected unless each title is free among objects of one place.

    `statement` selects id, title and place of what there is; `wanted`: id, or any text for what is
    new → the title and place it is to have.
    """
    taken = {
        (title, place) for uid, title, place in connection.execute(statement) if uid not in wanted
    }
    twice = Counter(wanted.values())
    for title, place in wanted.values():
        if (title, place) in taken or twice[title, place] > 1:
            raise Rejected(f"another {kind} is called {title!r}")
