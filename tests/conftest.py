"""What holds for all tests."""

from typing import Final

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code: a busy build server
# would fail by it.
settings.register_profile("whole", deadline=None, max_examples=100)
settings.register_profile("half", deadline=None, max_examples=50)

LONG: Final = (
    "test_interrupts.py",
    "test_lifecycles.py",
    "test_crashes.py",
    "test_fuzzing.py",
    "test_convergence.py",
)
"""Files of a minute and more: they come first, so that one process is not left alone with one at
the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Where the rest of the grids is left out, half of the random examples is too."""
    settings.load_profile("half" if config.getoption("markexpr") == "not full" else "whole")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long files first; the order is otherwise kept."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
