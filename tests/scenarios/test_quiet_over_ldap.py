"""Quiet runs over LDAP: the multiset of entries counts, and what is asked because of other answers."""

import logging
import os
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reconcile
from reconcile.app import inputs
from reconcile.app.quiet import planned
from reconcile.directories.vendors import active_directory
from reconcile.directories.vendors.table import principal_ends
from reconcile.errors import SourceUnreadable
from reconcile.model.quiet.tally import CHUNK, RowTally, Tally
from reconcile.model.quiet.trace import Question, Trace, without
from tests.effort import sample, size
from tests.scenarios.over_ldap import serve
from tests.scenarios.shell import Shell

pytestmark = pytest.mark.skipif(
    "RECONCILE_TEST_QUIET" in os.environ, reason="quiet runs are forced on or off"
)

BASE = "dc=example,dc=com"
DAY = 86400
START = datetime(2026, 1, 10, 12, tzinfo=UTC).timestamp()


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def filetime(seconds: float) -> str:
    filetimes = int(seconds * active_directory.FILETIMES_A_SECOND)
    return str(filetimes + active_directory.FILETIME_OF_1970)


def person(number: int, **more: Any) -> tuple[str, dict[str, Any]]:
    """A user of Active Directory."""
    attributes = {
        "objectclass": ["top", "person", "user"],
        "objectcategory": ["person"],
        "samaccountname": [f"p{number}"],
        "givenname": ["The"],
        "sn": [f"P{number}"],
        "mail": [f"p{number}@example.com"],
        "objectguid": [UUID(int=number + 1).bytes_le],
        "useraccountcontrol": ["512"],
        "accountexpires": ["0"],
    }
    return f"cn=p{number},{BASE}", attributes | more


def group(name: str, members: list[str], **more: Any) -> tuple[str, dict[str, Any]]:
    """A group of Active Directory."""
    attributes = {
        "objectclass": ["top", "group"],
        "cn": [name],
        "objectguid": [UUID(int=1000 + sum(map(ord, name))).bytes_le],
        "member": members,
    }
    return f"cn={name},{BASE}", attributes | more


RULES: dict[str, Any] = {
    "sources": [
        {
            "name": "corp",
            "type": "active_directory",
            "servers": ["ldap://x"],
            "tls": {"mode": "none"},
            "bind": {"anonymous": True},
            "base_dn": BASE,
            "users": {"create": "all", "filter": "(&(objectClass=user)(!(title=out)))"},
            "groups": {"filter": "(&(objectClass=group)(!(title=out)))"},
        }
    ],
    "groups": [{"source": "corp", "select": ["*"]}],
    "lifecycle": {"on_missing": {"action": "deactivate", "after": "5d", "then": "block"}},
    "quiet_runs": {"full_every": "99d"},
    "safety": {
        "shrink": "none",
        "limits": {
            "users_lost": "none",
            "memberships_lost": "none",
            "updates": "none",
            "emptied": "none",
        },
    },
}


class World:
    """A clock, a directory and a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        self.server = serve(monkeypatch)
        clock = SimpleNamespace(time=lambda: self.now)
        monkeypatch.setattr("reconcile.directories.ldap.adapter.time", clock)
        import time

        whole = SimpleNamespace(time=lambda: self.now, strftime=time.strftime, gmtime=time.gmtime)
        monkeypatch.setattr("reconcile.directories.vendors.active_directory.time", whole)
        monkeypatch.setattr(inputs, "now", lambda: moment(self.now))

    def put(self, *entries: tuple[str, dict[str, Any]]) -> None:
        """Adds entries, or replaces them."""
        self.server.entries |= dict(entries)


@pytest.fixture
def world(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> World:
    shell.desired(**RULES)
    made = World(monkeypatch)
    made.put((BASE, {"objectclass": ["domain"]}), *(person(number) for number in range(5)))
    inner = f"cn=inner,{BASE}"
    made.put(group("staff", [f"cn=p0,{BASE}", inner]))
    made.put(group("inner", [f"cn=p1,{BASE}"], title=["out"], memberof=[f"cn=staff,{BASE}"]))
    return made


@pytest.fixture
def settled(world: World) -> World:
    """A full run has found that there is nothing to do, with a person gone and a group outside."""
    reconcile.apply()
    del world.server.entries[f"cn=p4,{BASE}"]
    reconcile.apply()
    assert reconcile.apply().planned.last_full == ""
    assert reconcile.plan().last_full
    return world


@pytest.fixture
def why(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.INFO, logger=planned.__name__)

    def last() -> str:
        said = [record.getMessage() for record in caplog.records if record.name == planned.__name__]
        return said[-1].partition("as it was: ")[2] if said else ""

    return last


def test_a_quiet_run_asks_what_the_full_one_asked(settled: World) -> None:
    settled.server.asked.clear()
    assert reconcile.plan(full=True).last_full == ""
    full = sorted(settled.server.asked)
    settled.server.asked.clear()
    assert reconcile.plan().last_full
    assert sorted(settled.server.asked) == full
    assert any("cn=staff" in asked or "memberOf" in asked for asked in full)
    assert any("objectguid" in asked.lower() for asked in full)


ENTRIES: dict[str, tuple[Callable[[World], None], str]] = {
    "a value": (lambda world: world.put(person(1, sn=["Other"])), "persons"),
    "a value more": (lambda world: world.put(person(1, sn=["P1", "Q"])), "persons"),
    "a person": (lambda world: world.put(person(9)), "persons"),
    "a member": (lambda world: world.put(group("staff", [f"cn=p0,{BASE}"])), "groups"),
    "the base": (lambda world: world.server.entries.pop(BASE) and None, ""),
    "a group outside the rules": (
        lambda world: world.put(
            group("inner", [f"cn=p2,{BASE}"], title=["out"], memberof=[f"cn=staff,{BASE}"])
        ),
        "what else was asked",
    ),
    "a missing person, outside the rules": (
        lambda world: world.put(person(4, title=["out"])),
        "what else was asked",
    ),
}


@pytest.mark.parametrize("name", sample(list(ENTRIES)[-3:], list(ENTRIES)[:-3]))
def test_an_entry_that_differs_makes_a_full_run(
    settled: World, why: Callable[[], str], name: str
) -> None:
    change, part = ENTRIES[name]
    change(settled)
    if not part:
        with pytest.raises(SourceUnreadable):
            reconcile.plan()
        return
    made = reconcile.plan()
    assert made.last_full == ""
    assert part in why()


def test_an_entry_that_is_sent_twice_counts_twice(settled: World, why: Callable[[], str]) -> None:
    from tests.servers import ber

    again = ber.entry(*person(1))
    settled.server.also = lambda asked: (
        [(again, 0, len(again))]
        if "title" in asked.search.filter and asked.search.scope != "base"
        else ()
    )
    with pytest.raises(SourceUnreadable):
        reconcile.plan()
    assert "corp" in why()


def test_an_account_expires(world: World, why: Callable[[], str]) -> None:
    world.put(person(2, accountexpires=[filetime(START + DAY)]))
    world.put(person(3, accountexpires=[filetime(START - DAY)]))
    reconcile.apply()
    reconcile.apply()
    for seconds, quiet in ((0, True), (DAY - 2, True), (DAY - 1, False), (DAY, False)):
        world.now = START + seconds
        assert bool(reconcile.plan().last_full) is quiet
    assert why() == "the time"
    assert [change.key for change in reconcile.plan().changes] == ["p2"]


def test_an_end_of_freeipa_is_its_earliest() -> None:
    values = ("20300101000000Z", "20290101000000.5Z")
    assert (
        principal_ends({"krbprincipalexpiration": values})
        == datetime(2029, 1, 1, tzinfo=UTC).timestamp()
    )
    assert principal_ends({}) is None
    with pytest.raises(ValueError, match="does not match"):
        principal_ends({"krbprincipalexpiration": ("20299999000000Z",)})


def test_a_tally_is_a_multiset() -> None:
    def tally(*pieces: bytes, key: bytes = b"k") -> bytes:
        made = Tally(key)
        made.add(pieces[:1])
        made.add(pieces[1:])
        return made.digest()

    assert tally(b"a", b"b", b"c") == tally(b"c", b"a", b"b")
    different = [(), (b"",), (b"a",), (b"a", b"a"), (b"a", b"a", b"a"), (b"a", b"b"), (b"ab",)]
    assert len({tally(*pieces) for pieces in different}) == len(different)
    assert tally(b"a") != tally(b"a", key=b"l")


@pytest.mark.parametrize("ordered", [True, False])
def test_rows_are_tallied_by_value_and_type(ordered: bool) -> None:
    def tally(*rows: tuple[object, ...]) -> bytes:
        made = RowTally(b"k", ordered=ordered)
        for start in range(0, len(rows), CHUNK):
            made.add(list(rows[start : start + CHUNK]))
        return made.digest()

    rows: list[tuple[tuple[object, ...], ...]] = [
        (), (("1",),), ((1,),), ((None,),), (("",),), (("a", "b"),), (("ab", ""),), (("a",), ("b",)),
        ((b"a",),), ((1.0,),), ((True,),),
    ]  # fmt: skip
    assert len({tally(*some) for some in rows}) == len(rows)
    assert (tally(("a",), ("b",)) == tally(("b",), ("a",))) is not ordered


def test_a_trace_forgets_what_failed_attempts_asked() -> None:
    trace = Trace(b"k")
    first, second = Question("a"), Question("b")
    trace.begin()
    trace.ask(first)
    trace.begin()
    trace.ask(first).add([b"x"])
    trace.ask(second)
    trace.done()
    trace.begin()
    trace.ask(first)
    trace.begin()
    answers = trace.answers()
    assert [question for question, _ in answers] == [first, second]
    assert without(answers, [first, Question("c")]) == answers[1:]
    assert without([*answers, answers[0]], [first]) == [answers[1], answers[0]]


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    kinds = st.sampled_from(
        [
            "person",
            "gone",
            "out",
            "expires",
            "group",
            "outside",
            "time",
            "back",
            "hand",
            "apply",
            "apply",
        ]
    )
    step = st.tuples(kinds, st.integers(0, 4), st.integers(0, 4))
    return draw(st.lists(step, min_size=3, max_size=6))


def _members(first: int, second: int) -> list[str]:
    return [f"cn=p{number},{BASE}" for number in range(min(first, second), max(first, second))]


def take(world: World, kind: str, first: int, second: int) -> None:
    """One change of the world."""
    entries = world.server.entries
    match kind:
        case "person":
            world.put(person(first, sn=[f"S{second}"], mail=[f"m{second}@example.com"][:second]))
        case "gone":
            entries.pop(f"cn=p{first},{BASE}", None)
        case "out":
            world.put(person(first, title=["out"]))
        case "expires":
            world.put(person(first, accountexpires=[filetime(world.now + (second - 1) * DAY)]))
        case "group":
            world.put(group("staff", [*_members(first, second), f"cn=inner,{BASE}"]))
        case "outside":
            above = [f"cn=staff,{BASE}"]
            world.put(group("inner", _members(first, second), title=["out"], memberof=above))
        case "time":
            world.now += (0, 1, DAY - 1, DAY, 5 * DAY)[first]
        case "back":
            world.now -= first * DAY
        case "hand":
            by_hand(first, second)
        case "apply":
            reconcile.apply()


def by_hand(first: int, second: int) -> None:
    """Somebody works on the platform."""
    import sqlite3

    name = Path("platform.db")
    if not name.exists():
        return
    statements = (
        f"UPDATE users SET status = 'blocked' WHERE username = 'p{second}'",
        f"UPDATE users SET first_name = 'Eve' WHERE username = 'p{second}'",
        f"DELETE FROM memberships WHERE user_id = {second}",
        "INSERT INTO groups (workspace_id, name) VALUES (1, 'more') ON CONFLICT DO NOTHING",
        f"DELETE FROM users WHERE username = 'p{second}'",
    )
    with closing(sqlite3.connect(name)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(statements[first])


@settings(
    max_examples=size(2, 25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps())
def test_a_quiet_answer_is_always_the_full_one(
    world: World, taken: list[tuple[str, int, int]]
) -> None:
    """Random directories, platforms and times; a full run that disagrees would raise, too."""
    for file in Path().glob("platform.db*"):
        file.unlink()
    world.now = START
    world.put(*(person(number) for number in range(5)))
    for _ in range(2):
        reconcile.apply()
    for kind, first, second in [("time", 0, 0), *taken, ("apply", 0, 0), ("apply", 0, 0)]:
        take(world, kind, first, second)
        quiet, full = reconcile.plan(), reconcile.plan(full=True)
        assert msgspec.structs.replace(quiet.plan, created="") == msgspec.structs.replace(
            full.plan, created=""
        )
    assert reconcile.plan().last_full or reconcile.plan().plan.violations
