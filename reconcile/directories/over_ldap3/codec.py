"""Requests by ldap3, entries by `messages`, which reads them ten times faster than ldap3 does."""

from collections.abc import Sequence
from typing import Final

from reconcile.directories.connection import messages
from reconcile.directories.connection.messages import Slice
from reconcile.directories.over_ldap3.library import (
    LDAPException,
    LdapMessage,
    build_controls_list,
    encode,
    ldap3,
    message_number,
    operation,
    paged_search_control,
    search_operation,
)
from reconcile.directories.search.search import RawEntry, Search

_SCOPES: Final = {"base": ldap3.BASE, "one": ldap3.LEVEL, "subtree": ldap3.SUBTREE}


class LdapThree:
    """Writes requests and reads entries."""

    def __init__(self) -> None:
        self._number = 100
        """After the numbers of the bind."""

    def request(self, search: Search, page_size: int, cookie: bytes) -> tuple[int, bytes]:
        """Number and bytes of the request for a page. Raises ValueError."""
        self._number += 1
        try:
            asked = search_operation(
                search.base,
                search.filter,
                _SCOPES[search.scope],
                ldap3.DEREF_NEVER,
                list(search.attributes),
                size_limit=0,
                time_limit=search.seconds,
                types_only=False,
                auto_escape=False,
                auto_encode=False,
            )
            message = LdapMessage()
            message["messageID"] = message_number(self._number)
            message["protocolOp"] = operation().setComponentByName("searchRequest", asked)
            if page_size:
                # Critical: a server that cannot page has to say so instead of sending what it
                # likes.
                message["controls"] = build_controls_list(
                    [paged_search_control(True, page_size, cookie)]
                )
            return self._number, encode(message)
        except LDAPException as error:
            raise ValueError(str(error)) from error

    def entries(self, _number: int, slices: Sequence[Slice], _done: object) -> list[RawEntry]:
        """The entries of a page. Raises ValueError."""
        span, entry, kind = messages.span, messages.entry, messages.ENTRY
        return [entry(data, *span(data, at, end, kind)) for data, _, at, end in slices]

    def close(self) -> None:
        """Holds nothing."""
