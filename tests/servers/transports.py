"""Both ways to speak LDAP, for the tests of what every one of them does."""

import importlib.util
import os

import pytest

from reconcile.directories.transports import LDAP3, PYTHON_LDAP

TRANSPORTS = (LDAP3, PYTHON_LDAP)


def needs(transport: str) -> str:
    """The transport; skips the test where it is not installed, fails under CI."""
    if transport == PYTHON_LDAP and importlib.util.find_spec("_ldap") is None:
        reason = 'python-ldap is not installed (pip install "reconcile-identity[fast]")'
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return transport
