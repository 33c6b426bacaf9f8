"""A real PostgreSQL server in a temporary folder, on a free port of the loopback interface.

    with postgresql() as server:
        server.run("CREATE DATABASE acme")
        ...  # server.url("acme"), server.port

It belongs to the package's own account where root starts the tests, for it refuses root. Nothing is
left when the block ends. Where it is not installed the test is skipped; under CI that is a failure.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers.databases import Server, belonging_to, started
from tests.servers.slapd import without

_PACKAGE = "postgresql"
_FOLDERS = Path("/usr/lib/postgresql")
_HBA = """\
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class PostgreSQL(Server):
    """A running server."""

    scheme = "postgresql+psycopg"
    stopping = signal.SIGINT

    def run(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Runs statements as the administrator, each by itself; the rows of the last."""
        rows: list[tuple[object, ...]] = []
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def create(self, name: str, account: str, password: str) -> None:
        """A database that belongs to an account of its own."""
        self.run(
            f"CREATE ROLE {account} LOGIN PASSWORD '{password}'",
            f"CREATE DATABASE {name} OWNER {account}",
        )

    def drop(self, name: str, account: str) -> None:
        """Removes what `create` made."""
        self.run(f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {account}")

    def ready(self) -> bool:
        """Whether it answers by now."""
        with contextlib.suppress(psycopg.OperationalError):
            self.run("SELECT 1")
            return True
        return False


@contextmanager
def postgresql(**changed: str) -> Iterator[PostgreSQL]:
    """Makes a cluster in UTF-8, starts its server and waits until it answers.

    `changed`: settings in place of those with which the tests save time.
    """
    initdb, server = _program("initdb"), _program("postgres")
    with belonging_to("postgres") as (folder, account):
        data = folder / "data"
        subprocess.run(
            [
                initdb,
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            **account,
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
        (data / "pg_hba.conf").write_text(_HBA, encoding="ascii")
        settings = [
            text
            for name, value in (_SETTINGS | changed).items()
            for text in ("-c", f"{name}={value}")
        ]

        def command(port: int) -> list[str | Path]:
            return [server, "-D", data, "-p", str(port), *settings]

        with started(PostgreSQL, command, folder, account) as running:
            yield running


def _program(name: str) -> str:
    """The newest installed version's program: Debian keeps them out of the path."""
    folders = sorted(_FOLDERS.glob("*/bin"), key=lambda one: float(one.parent.name), reverse=True)
    found = shutil.which(
        name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    )
    return found or without(f"{name} is not installed (Debian: apt-get install {_PACKAGE})")
