"""The library that binds with Kerberos, which is an extra."""

import importlib.util
import os

import pytest


def needs_gssapi() -> None:
    """Skips the test where gssapi is not installed, fails under CI."""
    if importlib.util.find_spec("gssapi") is None:
        reason = 'gssapi is not installed (pip install "reconcile-identity[kerberos]")'
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
