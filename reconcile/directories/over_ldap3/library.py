"""The one place that imports ldap3, for its import warns.

ldap3 2.9.1 uses two names of pyasn1 that pyasn1 has renamed. Exactly these two warnings are
silenced, and only while ldap3 is imported. Nothing here touches ldap3's settings: they are global
to the process.
"""

import warnings
from collections.abc import Callable

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"(tagMap|typeMap) is deprecated", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError
    from ldap3.operation import search as operators
    from ldap3.operation.search import FilterNode, search_operation
    from ldap3.protocol import rfc4511
    from ldap3.protocol.convert import build_controls_list
    from ldap3.protocol.rfc2696 import paged_search_control
    from ldap3.utils import asn1

parse_filter: Callable[..., FilterNode] = (
    operators.parse_filter
)  # The stubs leave it without types.
encode: Callable[[object], bytes] = asn1.encode  # type: ignore[attr-defined]  # not in the stubs
LdapMessage, message_number, operation = rfc4511.LDAPMessage, rfc4511.MessageID, rfc4511.ProtocolOp

__all__ = [
    "FilterNode",
    "LDAPException",
    "LDAPInvalidFilterError",
    "LdapMessage",
    "build_controls_list",
    "encode",
    "ldap3",
    "message_number",
    "operation",
    "operators",
    "paged_search_control",
    "parse_filter",
    "search_operation",
]
