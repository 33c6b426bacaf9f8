"""Keep an application platform's users equal to what its directories say.

`plan`, `apply`, `load_plan`, `inventory` and `authenticate` are for Python programs
(docs/python.md); the errors they raise are in `reconcile.errors`. The command line is
`reconcile.cli`; docs/architecture.md shows the layers below it. Nothing is imported before it is
used, so that `reconcile --help` starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers; at run time `__getattr__` imports them
    from reconcile.app.api import apply as apply
    from reconcile.app.api import authenticate as authenticate
    from reconcile.app.api import inventory as inventory
    from reconcile.app.api import load_plan as load_plan
    from reconcile.app.api import plan as plan
    from reconcile.app.inspection import Inventory as Inventory
    from reconcile.app.results import ApplyResult as ApplyResult
    from reconcile.app.results import PlanResult as PlanResult
    from reconcile.model.login import Login as Login

__version__ = "0.1.0"

_PUBLIC = {
    "ApplyResult": "reconcile.app.results",
    "Inventory": "reconcile.app.inspection",
    "Login": "reconcile.model.login",
    "PlanResult": "reconcile.app.results",
    "apply": "reconcile.app.api",
    "authenticate": "reconcile.app.api",
    "inventory": "reconcile.app.api",
    "load_plan": "reconcile.app.api",
    "plan": "reconcile.app.api",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
