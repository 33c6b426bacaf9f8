"""What bounds a read: moments, limits of LDIF files, and text of strangers in messages."""

import time
from pathlib import Path

import pytest

from reconcile.directories.connection.allowance import Allowance, TooMuch
from reconcile.directories.deadlines import CONNECT, TOTAL, Overdue, after, share, within
from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.text.printing import quoted
from tests.servers.sources import PERSONS, ldif, people, source


def test_the_earlier_moment_holds() -> None:
    until = after(5, TOTAL)
    assert after(10, CONNECT, until) == until
    assert after(1, CONNECT, until).setting == CONNECT
    assert 0 < share(until, 2).left() <= 2.6
    assert share(until, 1) == until


def test_a_moment_that_has_passed_says_which_setting_it_is_from() -> None:
    with pytest.raises(Overdue, match=r"no answer within 0 s \(timeout\.connect\)"):
        after(0, CONNECT).left()


def test_work_that_takes_too_long_is_not_waited_for() -> None:
    assert within(after(5, CONNECT), lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(after(5, CONNECT), lambda: 1 // 0)
    with pytest.raises(Overdue):
        within(after(0.05, CONNECT), lambda: time.sleep(5))


def test_an_allowance_is_one_for_all_searches() -> None:
    allowance = Allowance(desired.ReadLimits(entries=3, total_size=10), after(5, TOTAL))
    allowance.found(2)
    allowance.received(10)
    with pytest.raises(TooMuch, match=r"more than 3 entries \(limits\.entries\)"):
        allowance.found(2)
    with pytest.raises(TooMuch, match=r"more than 10 bytes in all \(limits\.total_size\)"):
        allowance.received(1)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"entries": 6}, "corp.ldif:"),
        ({"entries": 6}, "there are more than 6 entries (limits.entries)"),
        ({"entry_size": 100}, "more than 100 (limits.entry_size): raise that limit"),
        ({"total_size": 600}, "there are more than 600 bytes in all (limits.total_size)"),
    ],
)
def test_an_ldif_file_that_is_too_large(tmp_path: Path, limits: dict[str, int], said: str) -> None:
    file = tmp_path / "corp.ldif"
    file.write_text(ldif(people(5)), encoding="utf-8")
    settings = source(type="ldif", files=(str(file),))
    assert len(LdifDirectory(settings).read(PERSONS).persons) == 5
    refused = source(type="ldif", files=(str(file),), limits=desired.ReadLimits(**limits))
    with pytest.raises(SourceUnreadable) as caught:
        LdifDirectory(refused).read(PERSONS)
    assert said in str(caught.value)
    assert caught.value.exit_code == 7


def test_a_file_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "corp.ldif"
    with path.open("wb") as file:
        file.truncate(2**40)  # which takes no place on the disk, and would take all of the memory
    settings = source(type="ldif", files=(str(path),), limits=desired.ReadLimits(total_size=2**20))
    with pytest.raises(SourceUnreadable, match=r"limits\.total_size"):
        LdifDirectory(settings).read(PERSONS)


def test_text_of_strangers_is_one_short_line() -> None:
    assert quoted("plain") == "plain"
    assert quoted("a\r\nb\x1b[2J\u202e") == "a\\r\\nb\\x1b[2J\\u202e"
    assert quoted("A" * 301) == "A" * 300 + "… (301 characters)"
