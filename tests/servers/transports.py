"""Both ways to speak LDAP, for the tests of what every one of them does."""

import importlib.util
import os

import pytest

from reconcile.directories.transports import LDAP3, PYTHON_LDAP

__all__ = ["LDAP3", "PYTHON_LDAP", "TRANSPORTS", "installed", "needs"]

TRANSPORTS = (LDAP3, PYTHON_LDAP)


def installed() -> tuple[str, ...]:
    """Those that can be used here; under CI all of them, so that a missing one fails."""
    here = os.environ.get("CI") == "true" or importlib.util.find_spec("_ldap") is not None
    return TRANSPORTS if here else (LDAP3,)


def needs(transport: str) -> str:
    """The transport; skips the test where it is not installed, fails under CI."""
    if transport == PYTHON_LDAP and importlib.util.find_spec("_ldap") is None:
        reason = 'python-ldap is not installed (pip install "reconcile-identity[fast]")'
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return transport
