"""Signals at random moments: the lock is let go, a workspace is as before or as planned, and the output says which."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.contract.platforms import acme
from tests.effort import sample
from tests.scenarios.stage import DESIRED, ldif
from tests.servers.mariadb import mariadb
from tests.servers.postgresql import postgresql

pytestmark = pytest.mark.server

FEW, MANY = 6, 40
"""Signals for each kind of database: so many in `make test`, and in `make test-all`."""
ANEW = 10
"""Every so often Python itself is started."""
APPLY = ("apply", "--yes")
WORKSPACES = ("main", "other")
SENT = (signal.SIGINT, signal.SIGTERM)

Query = Callable[[str], list[tuple[Any, ...]]]


def directory(version: int) -> str:
    people = {f"uid=p{n}": {"sn": f"Version {version}"} for n in range(5)} | {
        f"uid=only{version}": {"sn": "x"}
    }
    return ldif(people | {"cn=all": {"member": [*people]}, f"ou=v{version}": None})


class Commands:
    """Commands in one folder, against one platform."""

    def __init__(self, folder: Path, url: str, query: Query) -> None:
        self.folder, self.query = folder, query
        (folder / "reconcile.yml").write_text(
            yaml.safe_dump(
                DESIRED
                | {
                    "platform": {"type": "sql", "url": url, "workspaces": list(WORKSPACES)},
                    "groups": [{"source": "corp", "select": ["cn=*"]}],
                    "lifecycle": {"on_missing": "delete"},
                    "safety": {"limits": {"users_lost": "none", "updates": "none"}},
                }
            ),
            encoding="utf-8",
        )
        (folder / "reconcile.yml").chmod(0o600)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.interrupting"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def close(self) -> None:
        with self.process:  # which closes its pipes, and so ends it
            pass

    def run(
        self, *arguments: str, signals: list[tuple[int, float]] | None = None, anew: bool = False
    ) -> tuple[int, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(
            json.dumps([str(self.folder), arguments, signals or [], anew]) + "\n"
        )
        self.process.stdin.flush()
        code, seconds = json.loads(self.process.stdout.readline())
        return code, seconds

    def printed(self) -> tuple[str, str]:
        return tuple((self.folder / name).read_text(encoding="utf-8") for name in ("out", "err"))  # type: ignore[return-value]

    def target(self, version: int) -> None:
        (self.folder / "corp.ldif").write_text(directory(version), encoding="utf-8")

    def held(self) -> dict[str, tuple[Any, ...]]:
        """Of each workspace, all in which the versions differ, and how many runs there were."""
        found = {}
        for name in WORKSPACES:
            own = f"workspace_id = (SELECT id FROM workspaces WHERE name = '{name}')"
            people = self.query(
                f"SELECT username, last_name FROM users WHERE {own} ORDER BY username"
            )
            members = self.query(
                "SELECT count(*) FROM memberships WHERE user_id IN (SELECT id FROM users WHERE "
                + own
                + ")"
            )
            runs = self.query(f"SELECT count(*) FROM history_runs WHERE {own}")
            found[name] = (tuple(map(tuple, people)), members[0][0], runs[0][0])
        return found


@contextmanager
def sqlite(folder: Path) -> Iterator[tuple[str, Query]]:
    def query(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(folder / "platform.db")) as database:
            return database.execute(statement).fetchall()

    yield "sqlite:///platform.db", query


@contextmanager
def on_server(starter: Any) -> Iterator[tuple[str, Query]]:
    with starter() as server, acme(server) as db:
        yield db.url, db.by_hand


KINDS: dict[str, Callable[[Path], Any]] = {
    "sqlite": sqlite,
    "postgresql": lambda _: on_server(postgresql),
    "mariadb": lambda _: on_server(mariadb),
}


class Seen(NamedTuple):
    """How a storm went."""

    broken_off: int
    in_part: int


def storm(kind: str, folder: Path, seed: int, count: int) -> Seen:
    """Signal after signal, each at a run that takes the platform to the other version of the directory."""
    generator = random.Random(seed)
    with ExitStack() as stack:
        url, query = stack.enter_context(KINDS[kind](folder))
        commands = stack.enter_context(closing(Commands(folder, url, query)))
        versions, lengths = {}, {}
        for version in (1, 2, 1):
            commands.target(version)
            for anew in (True, False):
                code, lengths[anew] = commands.run(*APPLY, anew=anew)
                assert code == 0, commands.printed()
                if anew and version == 1:
                    lengths[False] = 0.0
            versions[version] = {name: one[:2] for name, one in commands.held().items()}
        commands.target(2)
        _, lengths[False] = commands.run(*APPLY)
        broken_off = in_part = 0
        for number in range(count):
            version = number % 2 + 1
            commands.target(version)
            before = commands.held()
            anew = number % ANEW == 0
            # Python's own start is not ours: it takes some 50 ms until the first line of the
            # command runs.
            moment = generator.uniform(0.1 if anew else 0.0, lengths[anew])
            sent = generator.choice(SENT)
            signals = [(int(sent), moment)]
            if number % 3 == 0:  # another one while it cleans up
                signals.append((int(generator.choice(SENT)), generator.uniform(0, 0.01)))
            code, _ = commands.run(*APPLY, signals=signals, anew=anew)
            out, err = commands.printed()
            context = (kind, seed, number, moment, code, err, out)
            # On a busy machine Python's own start takes longer; it ends by the signal itself.
            unstarted = (
                anew
                and code in {-one for one, _ in signals}
                and not out
                and "reconcile/" not in err
            )
            assert unstarted or code in {0, *(128 + one for one, _ in signals)}, context
            assert unstarted or "Traceback" not in out + err, context
            assert not query("SELECT * FROM locks"), context
            moved = []
            for name, now in commands.held().items():
                planned = (*versions[version][name],)
                done = now[2] - before[name][2]
                assert now[:2] == (planned if done else before[name][:2]), context
                moved += [name] if done else []
            if code == 0:
                assert all(
                    now[:2] == versions[version][name] for name, now in commands.held().items()
                ), context
                # It was over by then: the machine is faster now than when the length was measured.
                lengths[anew] = moment
                continue
            broken_off += 1
            in_part += len(moved) == 1
            if moved:
                assert "Done: " in out, context
                assert "interrupted by" in err, context
            else:
                assert not err or unstarted or "nothing was written" in err, context
        for version in (1, 2):
            commands.target(version)
            assert commands.run(*APPLY)[0] == 0
            assert {name: one[:2] for name, one in commands.held().items()} == versions[version]
        return Seen(broken_off, in_part)


@pytest.mark.parametrize("count", sample([FEW], [MANY]))
def test_signals_at_random_moments(tmp_path: Path, count: int) -> None:
    seed = random.randrange(1 << 32)
    folders = {kind: tmp_path / kind for kind in KINDS}
    for folder in folders.values():
        folder.mkdir()
    with ThreadPoolExecutor(len(KINDS)) as pool:
        storms = {
            kind: pool.submit(storm, kind, folder, seed, count) for kind, folder in folders.items()
        }
        seen = {kind: one.result() for kind, one in storms.items()}
    assert sum(one.broken_off for one in seen.values()) > count, seen
    if count == MANY:  # few of them may all miss the moment between the two workspaces
        assert any(one.in_part for one in seen.values()), seen
