"""What holds for all tests."""

import gc
import os
import signal
from collections.abc import Iterator
from typing import Final

import coverage
import pytest
from hypothesis import settings

from tests.effort import take_turns
from tests.servers.forking import Execute, forking

# How long an example takes says more about the machine than about the code: a busy build server
# would fail by it.
settings.register_profile("whole", deadline=None, max_examples=100)
settings.register_profile("third", deadline=None, max_examples=34)

LONG: Final = (
    "test_ansible.py",
    "test_ansible_role.py",
    "test_tables.py",
    "test_interrupts.py",
    "test_scenarios.py",
    "test_active_directory.py",
    "test_platforms_sql_commits.py",
    "test_logins.py",
    "test_four.py",
    "test_kerberos.py",
    "test_bad_days.py",
    "test_crashes.py",
    "test_serving.py",
    "test_platforms.py",
    "test_incidents.py",
    "test_postgresql_roles_crashes.py",
    "test_examples.py",
    "test_streams.py",
    "test_tables_stopped.py",
    "test_readme.py",
    "test_fuzzing.py",
    "test_foreign.py",
)
"""Files that take long, the longest first: they come first, so that one process is not left alone
with one at the end. xdist must keep the order for it (`--no-loadscope-reorder`)."""

WATCHED: Final = (
    "tests/unit/",
    *(
        f"tests/scenarios/test_{name}"
        for name in (
            "abilities",
            "command_line",
            "convergence",
            "explaining",
            "faults",
            "forged_",
            "guards",
            "history",
            "hostile_directory",
            "lifecycles",
            "looking",
            "lost_ledger",
            "migrating",
            "notices",
            "plan_files",
            "renaming",
            "scenarios",
            "undo",
            "validating",
            "workspaces",
        )
    ),
    "tests/contract/test_logins.py",
    "tests/contract/test_undoing.py",
)
"""Where the tests are for which coverage counts branches. To count them doubles the time of a test."""
NOT_WATCHED: Final = (
    "tests/unit/config/test_hostile.py",
    "tests/unit/cli/",
    "tests/unit/directories/",
    "tests/unit/model/",
    "tests/unit/platforms/",
    "tests/unit/render/",
    "tests/unit/test_",
    "tests/scenarios/test_looking.py::test_a_directory_deeper_than_anybody_would_make",
)
"""Those of them that take the same branches as others do, again and again."""


def pytest_configure(config: pytest.Config) -> None:
    """Where the rest of the grids is left out, most of the random examples are too."""
    if way := os.environ.get("RECONCILE_TEST_QUIET"):
        from tests.quiet_runs import force

        force(way)
    os.environ["RECONCILE_PAGER"] = "cat"  # on a terminal a pager would wait for a key
    settings.load_profile("third" if config.getoption("markexpr") == "not full" else "whole")
    # A shell that starts the tests in the background has them ignore Ctrl-C, which many are about.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Keeps the collector of garbage from going through modules and tests, which stay, again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long files first; the order is otherwise kept."""
    take_turns(items)
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def quick() -> Iterator[Execute]:
    """Carries commands out without the time that Python takes to start."""
    with forking() as execute:
        yield execute


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Counts no branches during a test that is not watched."""
    counting = coverage.Coverage.current()
    watched = item.nodeid.startswith(WATCHED) and not item.nodeid.startswith(NOT_WATCHED)
    if counting is None or watched:
        return (yield)
    counting.stop()
    try:
        return (yield)
    finally:
        counting.start()
