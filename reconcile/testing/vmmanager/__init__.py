"""VMmanager 6 for tests: accounts behind its API as it is documented.

Whatever is not documented, or differs between versions, is a field of `Unknowns`.

    with vmmanager_service(Unknowns(login="username")) as service:
        ...  # service.url, service.email, service.password, service.store

`python -m reconcile.testing.vmmanager` serves it as a process of its own.
"""

from reconcile.testing.vmmanager.server import VmManagerStandIn, vmmanager_service
from reconcile.testing.vmmanager.unknowns import Unknowns

__all__ = ["Unknowns", "VmManagerStandIn", "vmmanager_service"]
