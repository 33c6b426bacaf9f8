"""The life of a company on applications in memory, each with other abilities."""

from pathlib import Path
from typing import Any

import pytest

from reconcile.model.platform import Abilities
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.ports import ManagedPlatform
from reconcile.testing.driven import driven
from tests.scenarios.company_life import life
from tests.scenarios.stage import Stage

PLAIN = frozenset({"username", "first_name", "last_name", "email", "status"})
SERVICE = frozenset({"active", "inactive"})
ABLE: dict[str, dict[str, Any]] = {
    "everything": {},
    "no departments, flat groups, no erased": {
        "lacks": frozenset({"department"}),
        "nested_groups": False,
        "statuses": SERVICE,
        "fields": {"user": PLAIN | {"attributes"}},
        "attributes": frozenset({"phone"}),
    },
    "users alone, which cannot be deleted": {
        "lacks": frozenset({"department", "group", "grant"}),
        "nested_groups": False,
        "statuses": SERVICE,
        "deletes": frozenset(),
        "fields": {"user": PLAIN},
    },
    "names that cannot change, one role that each has to have": {
        "fixed": {"user": frozenset({"username"}), "group": frozenset({"name"})},
        "several_roles": False,
        "fields": {"user": PLAIN},
        "lacks": frozenset({"department"}),
    },
    "nothing but a name": {
        "lacks": frozenset({"department"}),
        "statuses": SERVICE,
        "fields": {"user": frozenset({"username", "status"})},
    },
}


@pytest.mark.parametrize("able", ABLE)
def test_in_memory(able: str, tmp_path: Path) -> None:
    abilities = Abilities(**{"any_role": True, "nested_groups": True, **ABLE[able]})
    application = MemoryApplication(abilities=abilities)

    def lose_ledger() -> ManagedPlatform:
        (tmp_path / "ledger.db").unlink()
        return driven(tmp_path, application)

    life(Stage(tmp_path, driven(tmp_path, application)), lose_ledger)
