"""The URNs of SCIM, and the names its resources have."""

from typing import Final

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MEDIA: Final = "application/scim+json"
USERS: Final = "Users"
GROUPS: Final = "Groups"
