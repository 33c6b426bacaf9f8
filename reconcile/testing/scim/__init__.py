"""A SCIM service for tests, that can be made as odd as real ones are.

    with scim_service(Quirks(ignores_paging=20)) as service:
        ...  # service.url, service.token

`python -m reconcile.testing.scim` serves it as a process of its own.
"""

from reconcile.testing.scim.quirks import Quirks
from reconcile.testing.scim.server import ScimStandIn, scim_service

__all__ = ["Quirks", "ScimStandIn", "scim_service"]
