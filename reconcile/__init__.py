"""Keep an application platform's accounts equal to what its directories say.

The package's own names are few: the command line is `reconcile.cli`, the layers below it are drawn
in docs/architecture.md. `authenticate` is for applications (docs/logins.md). Nothing is imported
here before it is asked for, so that `reconcile --help` starts at once.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "authenticate":
        return import_module("reconcile.app.login.attempt").authenticate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "authenticate"})
