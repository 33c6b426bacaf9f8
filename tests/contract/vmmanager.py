"""The platform vmmanager over its stand-in."""

from pathlib import Path
from typing import Any

from reconcile.model import desired
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.vmmanager.platform import VmManagerPlatform
from reconcile.testing.driven import ledger
from reconcile.testing.vmmanager import VmManagerStandIn
from tests.contract.platforms import Text


def adapter(
    service: VmManagerStandIn, *, workspaces: bool = False, **options: Any
) -> VmManagerPlatform:
    """The adapter with the settings that the stand-in needs, and `options` before them."""
    url = service.url_of_workspaces if workspaces else service.url
    own = {
        "auth": {"email": service.email, "password": Text(service.password)},
        "login": "email" if service.unknowns.login == "email" else "username",
    }
    return VmManagerPlatform(desired.Platform("vmmanager", Text(url), options=own | options))


def opened(service: VmManagerStandIn, folder: Path, **options: Any) -> DrivenPlatform:
    """The same with a ledger in the folder."""
    return DrivenPlatform(adapter(service, **options), ledger(folder))
