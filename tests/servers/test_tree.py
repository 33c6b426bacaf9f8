"""`reconcile tree` while the directory is still being read: what is printed when, and how a read that fails ends."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.servers import ber
from tests.servers.proxy import Proxy, proxy
from tests.servers.site import Site
from tests.servers.slapd import SUFFIX, Slapd
from tests.servers.stand_in import BASE, Answer, stand_in, success

TREES = f"""\
corp: {SUFFIX}

departments: 1
    [ ] people  # ou=people,{SUFFIX}

groups: 0
"""
PEOPLE = f"""\

persons: 10

persons in departments:
    people (10)  # ou=people,{SUFFIX}
"""
FIRST_PAGE_OF_PERSONS = 4
"""The dones before it are those of the base, the OUs and the groups."""


@pytest.mark.server
def test_departments_and_groups_are_printed_while_persons_are_read(
    tmp_path: Path, server: Slapd
) -> None:
    released = threading.Event()

    def hold(_: Proxy) -> None:
        released.wait(60)

    site = Site(tmp_path)
    with proxy(server.port, after_dones=FIRST_PAGE_OF_PERSONS, then=hold) as held:
        site.desired(held.url, bind={"anonymous": True}, timeout={"read": "60s"})
        command = [sys.executable, "-m", "reconcile", "tree", "corp"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            in_time = threading.Timer(30, released.set)  # a test that fails ends too
            in_time.start()
            early = "".join(child.stdout.readline() for _ in TREES.splitlines())
            came_before_the_rest = not released.is_set()
            released.set()
            in_time.cancel()
            late = child.stdout.read()
    assert came_before_the_rest
    assert early == TREES
    assert late == PEOPLE
    assert child.returncode == 0


@pytest.mark.server
def test_a_read_that_is_cut_ends_as_incomplete(tmp_path: Path, server: Slapd) -> None:
    site = Site(tmp_path)
    with proxy(server.port, after_dones=FIRST_PAGE_OF_PERSONS) as cut:
        site.desired(cut.url)
        out, err = site.run("tree", "corp", code=7)
        nothing, _ = site.run("tree", "corp", "--format", "json", code=7)
    assert out == f"{TREES}\nINCOMPLETE: corp could not be read to its end.\n", (
        "each part once, whatever was tried"
    )
    assert "the connection broke" in err
    assert "after 3 attempts" in err
    assert nothing == "", "a document is whole or not there"


def test_what_differs_when_it_is_read_again_is_printed_again(tmp_path: Path) -> None:
    first, second = units("a"), units("a", "b")
    broken: Answer = lambda _: b""  # noqa: E731 - an answer like the others
    answers = [success(BASE), first, page(), broken, success(BASE), second, page(), page(), page()]
    with stand_in(answers, goes_on=True) as url:
        Site(tmp_path).desired(url)
        out, _ = Site(tmp_path).run("tree", "corp")
    told = out.splitlines()
    assert [line for line in told if line.startswith("departments")] == [
        "departments: 1",
        "departments: 2",
    ]
    assert told.count("groups: 0") == 1
    assert told[-1] == "persons: 0"


def page(*entries: bytes) -> Answer:
    return success(*entries, controls=ber.page_control(b""))


def units(*names: str) -> Answer:
    return page(
        *(ber.entry(f"ou={name},{SUFFIX}", {"ou": [name], "entryUUID": [name]}) for name in names)
    )
