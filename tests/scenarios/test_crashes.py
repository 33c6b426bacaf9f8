"""A run killed at any write point: the next one ends where an undisturbed one would; nothing twice, nothing half."""

import copy
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.testing.driven import driven
from tests.effort import diagonal, parts
from tests.scenarios.stage import DESIRED, Stage, ldif, told

DESIRED_STATE = DESIRED | {
    "sources": [
        DESIRED["sources"][0]
        | {
            "users": {
                "create": "all",
                "filter": "(employeeType=staff)",
                "attributes": [{"field": "phone", "value": "{{ telephoneNumber }}"}],
            }
        }
    ],
    "role_mappings": [
        {"role": "boss", "source": "corp", "groups": ["cn=bosses,dc=example,dc=com"]},
        {"role": "operator", "default": True},
    ],
    "groups": [{"source": "corp", "select": ["cn=*"], "nested": "keep"}],
    "departments": [{"source": "corp", "select": ["ou=*"]}],
    "lifecycle": {"on_missing": "erase", "on_out_of_scope": "delete", "on_disabled": "block"},
    # The guards have tests of their own; here so few people lose so much that they would refuse it.
    "safety": {
        "limits": dict.fromkeys(("users_lost", "memberships_lost", "grants_lost", "updates"), "none"),
        "shrink": "none",
    },
}  # fmt: skip
STAFF = {"employeeType": "staff"}
GONE = "Gudrun Goneforever"
"""The name of the person who is erased."""
BEFORE: dict[str, Any] = {
    "ou=Sales": None,
    "ou=North,ou=Sales": None,
    "ou=Works": None,
    "uid=ann": STAFF,
    "uid=bob": STAFF,
    "uid=cid,ou=Sales": STAFF | {"manager": "uid=ann"},
    "uid=dan,ou=North,ou=Sales": STAFF | {"sn": GONE, "telephoneNumber": GONE},
    "uid=eve": STAFF,
    "uid=fay": STAFF,
    "uid=gus,ou=Works": STAFF,
    "uid=hal": STAFF,
    "cn=bosses": {"member": ["uid=ann"]},
    "cn=outer": {"member": ["cn=inner", "uid=gus,ou=Works"]},
    "cn=inner": {"member": ["uid=eve", "uid=dan,ou=North,ou=Sales"]},
    "cn=left": {"member": ["uid=bob"]},
    "cn=right": {"member": ["uid=cid,ou=Sales"]},
}
AFTER: dict[str, Any] = {
    "ou=Sales": None,
    "ou=North": {"entryUUID": "id-North"},
    "ou=Works,ou=Sales": {"entryUUID": "id-Works"},
    "ou=New": None,
    "uid=ann": STAFF | {"entryUUID": "id-bob"},
    "uid=bob": STAFF | {"entryUUID": "id-ann", "manager": "uid=gus,ou=Works,ou=Sales"},
    "uid=cid,ou=Sales": STAFF | {"sn": "Changed", "telephoneNumber": "17"},
    "uid=eve": {"employeeType": "former"},
    "uid=fay": STAFF | {"pwdAccountLockedTime": "000001010000Z"},
    "uid=gus,ou=Works,ou=Sales": STAFF | {"manager": "uid=bob"},
    "uid=hal": STAFF,
    "uid=ivy,ou=New": STAFF,
    "uid=jon": STAFF,
    "cn=bosses": {"member": ["uid=hal", "uid=bob"]},
    "cn=outer": {"member": ["uid=ivy,ou=New", "uid=jon"]},
    "cn=inner": {"member": ["uid=hal", "cn=outer"]},
    "cn=left": {"entryUUID": "id-right", "member": ["uid=gus,ou=Works,ou=Sales"]},
    "cn=right": {"entryUUID": "id-left", "member": ["uid=bob", "uid=cid,ou=Sales"]},
    "cn=fresh": {"member": ["uid=ivy,ou=New"]},
}
KINDS = {
    "update department", "create department", "update group", "create group", "update user", "create user",
    "block user", "erase user", "delete user", "create grant", "delete grant", "create membership",
    "delete membership",
}  # fmt: skip
"""What the second run has to do; the first creates the tables too."""


SHARES, SHARES_OF_FILES = 3, 2
"""How many shares the steps of a run are dealt out to, and the points within statements and file writes."""

Job: TypeAlias = tuple[Path, tuple[str, ...], tuple[str, int] | None]


@pytest.fixture(scope="module")
def crashing() -> Iterator[Callable[..., list[int]]]:
    """Runs commands at once, each with the point to die at, and answers how they ended."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.scenarios.crashing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answers = process.stdin, process.stdout

        def run(*jobs: Job) -> list[int]:
            asked.write(
                json.dumps([(str(folder), arguments, point) for folder, arguments, point in jobs])
                + "\n"
            )
            asked.flush()
            ended: list[int] = json.loads(answers.readline())
            return ended

        yield run
        asked.close()


def written(folder: Path, directory: dict[str, Any]) -> None:
    (folder / "reconcile.yml").write_text(yaml.safe_dump(DESIRED_STATE), encoding="utf-8")
    (folder / "corp.ldif").write_text(ldif(directory), encoding="utf-8")


def held(folder: Path) -> tuple[Any, ...]:
    """All that a platform holds, in names, and how many rows there are of each kind."""
    with closing(sqlite3.connect(folder / "platform.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        names = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        counts = {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()
            for name in sorted(names)
        }
    assert counts["locks"] == (0,)
    del counts["quiet_memos"]  # only a run that finds nothing to do leaves one
    return Stage(folder).state(), counts


def kind_of(statement: str) -> str:
    """The kind of a statement: what it does, and to which table; all that only define tables are one kind each."""
    words = re.sub(r"_\d+$", "", statement).split()
    return words[0] if words[0] in ("CREATE", "ALTER") else " ".join(words)


def of_share(share: int, kinds: list[str]) -> list[int]:
    """The numbers, from 1, of those of the steps of a run that belong to a share.

    The first share has each kind where it first comes, so every kind of change and every phase of a
    run; the others divide the rest.
    """
    first = sorted({kind: number for number, kind in reversed([*enumerate(kinds, 1)])}.values())
    rest = [number for number in range(1, len(kinds) + 1) if number not in first]
    return first if share == 0 else rest[share - 1 :: SHARES - 1]


def points(kind: str, share: int, statements: list[str]) -> Iterator[tuple[str, int]]:
    """Every statement; within statements and file writes so many that a run meets them all over."""
    if kind == "statement":
        kinds = [kind_of(statement) for statement in statements]
        assert len({*kinds}) > 25, kinds
        yield from ((kind, number) for number in of_share(share, kinds))
    else:
        # The shares of these take turns, so that each of them meets the whole run. The first run
        # takes some 5,000 steps and writes 220 KiB: each share has more than five points in it.
        step = {"steps": 3, "page": 15}[kind]
        yield from (
            (kind, number) for number in range(1 + share * step, 100_000, step * SHARES_OF_FILES)
        )


APPLY, AGAIN = ("apply", "--yes"), ("apply", "--yes", "--force")


KEPT = {(1, "statement"), (2, "statement"), (1, "steps"), (2, "page")}
"""Runs and kinds of points of which `make test` keeps the first share."""


@pytest.mark.parametrize(
    ("number", "kind", "share"),
    [
        pytest.param(
            number,
            kind,
            share,
            marks=() if (number, kind) in KEPT and not share else pytest.mark.full,
        )
        for number in (1, 2)
        for kind, shares in (
            ("statement", SHARES),
            ("steps", SHARES_OF_FILES),
            ("page", SHARES_OF_FILES),
        )
        for share in range(shares)
    ],
)
def test_killed_at_every_point(
    number: int, kind: str, share: int, crashing: Callable[..., list[int]], tmp_path: Path
) -> None:
    start = tmp_path / "start"
    start.mkdir()
    written(start, BEFORE)
    if number == 2:
        assert crashing((start, APPLY, None)) == [0]
        assert GONE.encode() in (start / "platform.db").read_bytes()
        written(start, AFTER)
        plan, _ = Stage(start).plan()
        assert {f"{change.action} {change.kind}" for change in plan.changes} == KINDS, list(
            map(told, plan.changes)
        )
    undisturbed = shutil.copytree(start, tmp_path / "undisturbed")
    assert crashing((undisturbed, APPLY, ("statement", 0))) == [0]
    expected = held(undisturbed)
    statements = (undisturbed / "statements.txt").read_text(encoding="utf-8").splitlines()
    where = points(kind, share, statements)
    killed = 0
    while chosen := [*islice(where, 4)]:
        batch = {point: shutil.copytree(start, tmp_path / f"{kind}{point[1]}") for point in chosen}
        codes = crashing(*((folder, APPLY, point) for point, folder in batch.items()))
        again = crashing(*((folder, AGAIN, None) for folder in batch.values()))
        for (point, folder), code, second in zip(batch.items(), codes, again, strict=True):
            assert code <= 0, (point, (folder / "output.txt").read_text())
            assert second == 0, (point, (folder / "output.txt").read_text())
            assert held(folder) == expected, point
            if number == 2:
                for file in folder.glob("platform.db*"):
                    assert GONE.encode() not in file.read_bytes(), (point, file.name)
            shutil.rmtree(folder)
        killed += sum(code < 0 for code in codes)
        if 0 in codes:
            break
    assert killed > 5


class Died(BaseException):
    """What kills a process: nothing catches it."""


class Fuse:
    """Kills at the n-th step; never for 0."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self) -> None:
        self.left -= 1
        if not self.left:
            raise Died


def same_as(application: MemoryApplication) -> MemoryApplication:
    """Another application that holds the same."""
    made = MemoryApplication()
    for name in ("_rows", "_links", "_roles", "_numbers"):
        setattr(made, name, copy.deepcopy(getattr(application, name)))
    return made


@pytest.mark.parametrize("share", parts(SHARES, 1))
@pytest.mark.parametrize(("number", "when"), diagonal([1, 2], ["before", "after"]))
def test_without_transactions_every_call_is_a_point(
    number: int, when: str, share: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any call, before it is made or once it is, the next run ends as an undisturbed one."""
    monkeypatch.setattr(DrivenPlatform, "_settle", lambda *_: None)  # the dead settle nothing

    start = tmp_path / "start"
    start.mkdir()
    begun = MemoryApplication()
    written(start, BEFORE)
    if number == 2:
        stage = Stage(start, driven(start, begun))
        stage.apply(stage.plan()[0])
        written(start, AFTER)

    def prepared(name: str) -> tuple[Stage, MemoryApplication]:
        folder, application = shutil.copytree(start, tmp_path / name), same_as(begun)
        return Stage(folder, driven(folder, application)), application

    undisturbed, application = prepared("undisturbed")
    undisturbed.apply(undisturbed.plan()[0])
    expected = undisturbed.state()
    for died in of_share(share, [" ".join(call.split()[:2]) for call in application.calls]):
        stage, application = prepared(f"died-{died}")
        fuse = Fuse(died)
        setattr(application, when, lambda call, fuse=fuse: None if call == "read" else fuse())
        with pytest.raises(Died):
            stage.apply(stage.plan()[0])
        fuse.left = 0
        stage = Stage(stage.folder, driven(stage.folder, application))
        report = stage.apply(stage.plan()[0], force=True)
        assert {one.result for one in report.outcomes} <= {"applied"}, died
        assert stage.state() == expected, died
        assert stage.plan()[0].changes == (), died
