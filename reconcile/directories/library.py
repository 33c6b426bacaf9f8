"""The one place that imports ldap3, for its import warns.

ldap3 2.9.1 uses two names of pyasn1 that pyasn1 has renamed. Exactly these two warnings are silenced, and only while
ldap3 is imported. Nothing here touches ldap3's settings: they are global to the process.
"""

import warnings
from collections.abc import Callable

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"(tagMap|typeMap) is deprecated", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError
    from ldap3.core.results import RESULT_CODES
    from ldap3.core.tls import Tls
    from ldap3.operation import search as operators
    from ldap3.operation.search import FilterNode, search_operation
    from ldap3.protocol.rfc2696 import paged_search_control
    from ldap3.protocol.sasl import sasl

parse_filter: Callable[..., FilterNode] = operators.parse_filter  # The stubs leave it without types.
send_sasl_negotiation: Callable[..., object] = sasl.send_sasl_negotiation

__all__ = [
    "RESULT_CODES",
    "FilterNode",
    "LDAPException",
    "LDAPInvalidFilterError",
    "Tls",
    "ldap3",
    "operators",
    "paged_search_control",
    "parse_filter",
    "search_operation",
    "send_sasl_negotiation",
]
