"""The life of a company on SCIM services that are odd in many ways; the oracle stays the same."""

from pathlib import Path
from typing import Any

import pytest

from reconcile.model import desired
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.scim.platform import ScimPlatform
from reconcile.ports import ManagedPlatform
from reconcile.testing.driven import ledger
from reconcile.testing.scim import Quirks, ScimStandIn, scim_service
from tests.contract.platforms import Text
from tests.scenarios.company_life import life
from tests.scenarios.stage import Stage

DEPARTMENTS = {"schema": "urn:example:Department"}
SERVICES: dict[str, tuple[dict[str, Any], Quirks]] = {
    "everything": ({"nested_groups": True, "departments": DEPARTMENTS}, Quirks()),
    "nothing but users and groups": (
        {"drop": ["roles", "manager"], "page_size": 2},
        Quirks(patch_answers=False, largest_page=2, ignores_filter=True),
    ),
    "no PATCH of users": ({"update": "put"}, Quirks()),
    "names that cannot change": (
        {"fixed": ["user.userName", "group.displayName"]},
        Quirks(fixed_usernames=True),
    ),
    "as for Entra ID": ({"service": "entra"}, Quirks(remove_by_value_removes_all=False)),
    "as AWS": ({"service": "aws"}, Quirks(cursor=True, no_members=True)),
    "members by name, no ids": (
        {"service": "canaille", "fixed": [], "require": {"title": "{last_name}"}},
        Quirks(members_by_name=True, no_paging=True, drops_external_id=True),
    ),
}


def opened(service: ScimStandIn, options: dict[str, Any], folder: Path) -> DrivenPlatform:
    own = {"auth": {"bearer": Text(service.token)}}
    settings = desired.Platform("scim", Text(service.url), options=own | options)
    return DrivenPlatform(ScimPlatform(settings), ledger(folder))


@pytest.mark.parametrize("name", SERVICES)
def test_life(name: str, tmp_path: Path) -> None:
    options, quirks = SERVICES[name]
    with scim_service(quirks) as service:

        def lose_ledger() -> ManagedPlatform:
            (tmp_path / "ledger.db").unlink()
            return opened(service, options, tmp_path)

        life(Stage(tmp_path, opened(service, options, tmp_path)), lose_ledger)
