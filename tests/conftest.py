"""What holds for all tests."""

from collections.abc import Iterator
from typing import Final

import coverage
import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code: a busy build server
# would fail by it.
settings.register_profile("whole", deadline=None, max_examples=100)
settings.register_profile("third", deadline=None, max_examples=34)

LONG: Final = (
    "test_interrupts.py",
    "test_scenarios.py",
    "test_crashes.py",
    "test_streams.py",
    "test_fuzzing.py",
    "test_platforms.py",
    "test_convergence.py",
)
"""Files that take long: they come first, so that one process is not left alone with one
at the end. For this to hold, xdist has to keep the order (`--no-loadscope-reorder`)."""

WATCHED: Final = (
    "tests/unit/",
    *(
        f"tests/scenarios/test_{name}.py"
        for name in (
            "abilities",
            "exit_codes",
            "explaining",
            "forged_changes",
            "forged_plans",
            "guards",
            "looking",
            "renaming",
            "scenarios",
            "undo",
        )
    ),
)
"""Where the tests are for which coverage counts branches. To count them doubles the time of a test."""


def pytest_configure(config: pytest.Config) -> None:
    """Where the rest of the grids is left out, most of the random examples are too."""
    settings.load_profile("third" if config.getoption("markexpr") == "not full" else "whole")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long files first; the order is otherwise kept."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Counts no branches during a test that is not watched."""
    counting = coverage.Coverage.current()
    if counting is None or item.nodeid.startswith(WATCHED):
        return (yield)
    counting.stop()
    try:
        return (yield)
    finally:
        counting.start()
