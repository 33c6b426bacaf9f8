"""What holds for all tests."""

from typing import Final

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code: a busy build server
# would fail by it.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

LONG: Final = (
    "test_interrupts.py",
    "test_lifecycles.py",
    "test_crashes.py",
    "test_fuzzing.py",
    "test_convergence.py",
)
"""Files of a minute and more: they come first, so that one process is not left alone with one at
the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long files first; the order is otherwise kept."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
