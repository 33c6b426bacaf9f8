"""What a role is: user, group, one that is granted, or nothing to touch."""

from reconcile.platforms.postgresql_roles.reading import Account, Role, sort
from reconcile.platforms.postgresql_roles.settings import OnDelete, RoleSettings


def role(name: str, *, login: bool = False, superuser: bool = False, comment: str = "") -> Role:
    return Role(f"id-{name}", name, login, superuser, None, comment)


def account(administered: frozenset[str] | None = None) -> Account:
    return Account("keeper", "keeper", False, True, 150000, 6400, administered)


ROLES = [
    role("ann", login=True),
    role("bob", comment="[reconcile user id=2]"),
    role("gui", login=True, comment="[reconcile group]"),
    role("staff"),
    role("pg_monitor"),
    role("app_read"),
    role("app_root", superuser=True),
    role("root", login=True, superuser=True),
    role("keeper", login=True),
    role("Repl_1", login=True),
    role("heir"),
]
SETTINGS = RoleSettings(roles=("app_*", "pg_*"), protect=("repl_*",), on_delete=OnDelete("heir"))


def test_each_role_is_one_thing() -> None:
    known = sort(ROLES, account(), SETTINGS)
    assert [one.name for one, _ in known.users] == ["ann", "bob"]
    assert [one.name for one, _ in known.groups] == ["gui", "staff"]
    assert set(known.granted.values()) == {"pg_monitor", "app_read"}
    assert set(known.taken) == {
        *("pg_monitor", "app_read", "app_root", "root", "keeper", "Repl_1", "heir")
    }
    assert known.not_ours == []


def test_what_the_account_does_not_administer_is_left_alone() -> None:
    """From PostgreSQL 16 on ADMIN OPTION says what an account may change and grant."""
    known = sort(ROLES, account(frozenset({"id-ann", "id-app_read"})), SETTINGS)
    assert [one.name for one, _ in known.users] == ["ann"]
    assert known.groups == []
    assert set(known.granted.values()) == {"app_read"}
    assert set(known.not_ours) == {"bob", "gui", "staff"}
    assert {"bob", "gui", "staff", "pg_monitor"} <= set(known.taken)
