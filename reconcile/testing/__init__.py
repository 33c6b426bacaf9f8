"""For authors of adapters: contract suites, builders and adapters that live in memory.

A suite is a module of tests. Import all of it into a test module of your own that has the fixture
it asks for (`docs/adapters.md` shows it in full):

    from reconcile.testing.contract.objects import *
    from reconcile.testing.contract.names import *

    @pytest.fixture
    def case(tmp_path): ...

Needs pytest. Nothing else of the package imports this.
"""

import pytest

pytest.register_assert_rewrite("reconcile.testing.contract", "reconcile.testing.builders")

from reconcile.directories.ldif.memory import MemoryDirectory  # noqa: E402 - after the line above
from reconcile.platforms.memory.application import MemoryApplication  # noqa: E402
from reconcile.testing.builders import (  # noqa: E402
    Case,
    change,
    department,
    grant,
    group,
    member,
    user,
    view,
)
from reconcile.testing.driven import driven, ledger  # noqa: E402

__all__ = [
    "Case",
    "MemoryApplication",
    "MemoryDirectory",
    "change",
    "department",
    "driven",
    "grant",
    "group",
    "ledger",
    "member",
    "user",
    "view",
]
