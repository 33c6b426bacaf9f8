"""The stand-in for SCIM services as a case of the contract suite."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from reconcile.model import desired
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.scim.platform import ScimPlatform
from reconcile.testing import Case, ledger
from reconcile.testing.scim import Quirks, scim_service
from tests.contract.platforms import Text


@contextmanager
def stand_in_case(folder: Path, options: dict[str, Any], quirks: Quirks) -> Iterator[Case]:
    """An empty service that is odd in some way, and the platform with settings that suit it."""
    with scim_service(quirks) as service:
        own = {
            "auth": {"bearer": Text(service.token)},
            "nested_groups": True,
            "departments": {"schema": "urn:example:Department"},
        }
        settings = desired.Platform("scim", Text(service.url_of_workspaces), options=own | options)
        with closing(DrivenPlatform(ScimPlatform(settings), ledger(folder))) as platform:
            yield Case("scim", platform, service.store.refused.add)
