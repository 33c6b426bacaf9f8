"""The keys of a platform of type postgresql_roles."""

from typing import Any

import pytest

from reconcile.model.desired import Platform
from reconcile.platforms.postgresql_roles import PostgresqlRoles
from reconcile.platforms.postgresql_roles.settings import OnDelete, RoleSettings, abilities


class Text:
    def reveal(self) -> str:
        return "postgresql://keeper@db.example.com/state"


def said(**changed: Any) -> dict[tuple[str | int, ...], str]:
    settings = {"type": "postgresql_roles", "url": Text()} | changed
    return dict(PostgresqlRoles.problems(Platform(**settings)))


def test_nothing_is_wrong_with_an_url_alone() -> None:
    assert said() == {}
    assert PostgresqlRoles(Platform("postgresql_roles", Text())).abilities.own_username == "keeper"


@pytest.mark.parametrize(
    ("changed", "path", "why"),
    [
        ({"url": None}, ("url",), "is missing"),
        ({"workspaces": ("a", "b")}, ("workspaces",), "one workspace"),
        ({"options": {"schema": "PG_state"}}, ("schema",), "begin with pg_"),
        ({"options": {"schema": "ü" * 32}}, ("schema",), "more than 63 bytes"),
        ({"options": {"on_delete": {"reassign_to": "x" * 64}}}, ("on_delete", "reassign_to"), "63"),
        ({"options": {"shema": "x"}}, ("shema",), "is not a setting"),
    ],
)
def test_what_the_schema_cannot_say(changed: Any, path: tuple[str, ...], why: str) -> None:
    assert why in said(**changed)[path]


def test_what_roles_are_able_to_do_follows_from_the_keys() -> None:
    plain = abilities(RoleSettings(), "keeper")
    assert plain.deletes == frozenset()
    assert plain.attributes == frozenset()
    assert "attributes" not in plain.fields["user"]
    full = RoleSettings(
        roles=("app_*",), protect=("repl_*",), valid_until="ends", on_delete=OnDelete("heir")
    )
    able = abilities(full, "keeper")
    assert able.deletes == {"user", "group"}
    assert able.attributes == able.times == {"ends"}
    assert {"app_*", "repl_*", "heir", "pg_*", "public"} <= set(able.protected["user"])
