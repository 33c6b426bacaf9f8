"""What a terminal shows while a command works."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from reconcile.cli import progress
from reconcile.cli.progress import Shown


@pytest.fixture
def bars() -> Bars:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    return Bars(console=console, transient=True)


def test_what_is_done_at_once_shows_nothing(bars: Bars) -> None:
    shown = Shown(bars, 0)
    shown("users read", 5)
    assert not bars.live.is_started
    shown.end()
    assert isinstance(bars.console.file, io.StringIO)
    assert bars.console.file.getvalue() == ""


def test_what_takes_long_is_shown(bars: Bars, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    shown = Shown(bars, 0)
    shown._timer.join()
    assert bars.live.is_started
    with shown.aside():
        assert not bars.live.is_started
    assert bars.live.is_started
    shown.end()
    assert not bars.live.is_started


def test_an_apply_is_one_bar_with_an_end(bars: Bars) -> None:
    shown = Shown(bars, 40)
    shown("applying main", 10)
    shown("changes written", 12)
    shown("applying other", 30)
    (task,) = bars.tasks
    assert (task.description, task.completed, task.total) == ("applying", 30, 40)
    shown.end()


def test_the_clock_of_a_part_ends_with_it(bars: Bars) -> None:
    shown = Shown(bars, 0)
    shown("users read", 5)
    shown("corp: persons", 1)
    users, persons = bars.tasks
    assert users.stop_time is not None
    assert persons.stop_time is None
    shown.end()
