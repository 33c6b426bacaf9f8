"""The life of a company on VMmanager, in two versions; the oracle stays the same."""

from pathlib import Path

import pytest

from reconcile.ports import ManagedPlatform
from reconcile.testing.vmmanager import Unknowns, vmmanager_service
from tests.contract.vmmanager import opened
from tests.effort import sample
from tests.scenarios.company_life import life
from tests.scenarios.stage import Stage


@pytest.mark.parametrize("login", sample(["username"], ["email"]))
def test_life(login: str, tmp_path: Path) -> None:
    unknowns = Unknowns(login=login, token_dies_after=25, single="where")
    with vmmanager_service(unknowns) as service:
        hidden = [service.email]

        def lose_ledger() -> ManagedPlatform:
            (tmp_path / "ledger.db").unlink()
            return opened(service, tmp_path, protect=hidden)

        stage = Stage(tmp_path, opened(service, tmp_path, protect=hidden))
        life(stage, lose_ledger, role="@advanced_user")
        assert service.tokens_given > 5
