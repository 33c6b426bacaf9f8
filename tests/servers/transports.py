"""Both ways to speak LDAP, for the tests of what every one of them does, and the library that binds with Kerberos."""

import importlib.util
import os

import pytest

from reconcile.directories.connection.transport import LDAP3, PYTHON_LDAP

__all__ = [
    "EITHER",
    "LDAP3",
    "PYTHON_LDAP",
    "TRANSPORTS",
    "installed",
    "needs",
    "needs_gssapi",
]

TRANSPORTS = (LDAP3, PYTHON_LDAP)
"""For tests of what a transport does itself: each is a subject of its own."""


def installed() -> tuple[str, ...]:
    """Those that can be used here; under CI all of them, so that a missing one fails."""
    here = os.environ.get("CI") == "true" or importlib.util.find_spec("_ldap") is not None
    return TRANSPORTS if here else (LDAP3,)


# Where python-ldap is not installed, ldap3 alone can run these tests, so `make test` keeps it.
EITHER = (
    pytest.param(LDAP3, marks=[pytest.mark.full] if PYTHON_LDAP in installed() else []),
    PYTHON_LDAP,
)
"""For tests of what follows once entries are read: `make test` takes one, `make test-all` both."""


def needs(transport: str) -> str:
    """The transport; skips the test where it is not installed, fails under CI."""
    if transport == PYTHON_LDAP:
        _needs("_ldap", 'python-ldap is not installed (pip install "reconcile-identity[fast]")')
    return transport


def needs_gssapi() -> None:
    """Skips the test where gssapi is not installed, fails under CI."""
    _needs("gssapi", 'gssapi is not installed (pip install "reconcile-identity[kerberos]")')


def _needs(module: str, reason: str) -> None:
    if importlib.util.find_spec(module) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
