"""The one place that imports python-ldap, which has no types, and what all connections share.

python-ldap also installs a top-level module `ldif`; nothing here uses it. Importing this raises
ImportError if libldap is too old.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, TypeAlias

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.ldapobject import SimpleLDAPObject

LDAPError: Final = ldap.LDAPError

# PYTHON_LDAP_TRACE_LEVEL in the environment makes python-ldap print every call with its arguments:
# passwords too.
ldap._trace_level = 0  # noqa: SLF001 - there is no public way to overrule the environment

Entry: TypeAlias = tuple[str, dict[str, list[bytes]]]
"""An entry as python-ldap returns it."""

NO_CONNECTION: Final = "ldapi://%2Fdev%2Fnull"
"""A URL at which nothing can answer."""


class _Unlocked(nullcontext[None]):
    """What python-ldap takes for a lock."""

    def acquire(self) -> None:
        """Does nothing."""

    def release(self) -> None:
        """Does nothing."""


class Connection(SimpleLDAPObject):  # type: ignore[misc]  # python-ldap has no types
    """A connection of libldap, which does not open itself again once it is lost."""

    def _ldap_lock(self, desc: str = "") -> AbstractContextManager[None]:
        """No lock: only one thread uses it.

        An interrupt could leave a lock held, and closing would wait for it.
        """
        del desc
        return _Unlocked()

    def next(self, number: int, entries: list[Entry]) -> int | None:
        """The kind of the next answer that is not an entry; None if there is none yet.

        The entries before it are added to `entries`. Raises LDAPError or ValueError. Calls libldap
        directly, because nothing else uses the connection.
        """
        next_one, option = self._l.result4, self._l.get_option
        one, entry, code = ldap.MSG_ONE, ldap.RES_SEARCH_ENTRY, ldap.OPT_RESULT_CODE
        while True:
            kind: int | None
            kind, parsed, _, _ = next_one(number, one, 0, 0, 0, 0)
            if kind != entry:
                return kind
            # What libldap cannot decode of an entry it leaves out, and only here it says so.
            if option(code):
                raise Undecodable(f"the entry {parsed[0][0]!r} cannot be decoded")
            entries += parsed


class Undecodable(ValueError):
    """libldap cannot parse a message as an entry."""


def why(error: Exception) -> str:
    """What an LDAPError says; its own text would be a Python dictionary."""
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else None
    if details is None:
        return str(error) or type(error).__name__
    number = details.get("errno")
    return str(
        details.get("info")
        or (number and os.strerror(number))
        or details.get("desc")
        or type(error).__name__
    )


def page(size: int, cookie: bytes) -> Any:
    """The request for a page.

    Critical: a server that cannot page has to say so instead of sending anything.
    """
    return SimplePagedResultsControl(criticality=True, size=size, cookie=cookie)


__all__ = [
    "NO_CONNECTION",
    "Connection",
    "Entry",
    "LDAPError",
    "Undecodable",
    "ldap",
    "page",
    "why",
]
