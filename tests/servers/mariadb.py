"""A real MariaDB server in a temporary folder, on a free port of the loopback interface.

    with mariadb() as server:
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
from contextlib import closing, contextmanager
from pathlib import Path

import pymysql

from tests.servers.databases import Server, belonging_to, started
from tests.servers.slapd import without

_PACKAGE = "mariadb-server"
_SETTINGS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--sync-frm=0",
    "--max-connections=40",
)


class MariaDB(Server):
    """A running server; its sql_mode is the default one."""

    scheme = "mariadb+pymysql"
    stopping = signal.SIGTERM

    def url(self, database: str, account: str, password: str) -> str:
        """Without TLS, which this server has not; PyMySQL would load the machine's authorities for every connection."""
        return super().url(database, account, password) + "?ssl_disabled=true"

    def run(self, *statements: str, database: str = "mysql") -> list[tuple[object, ...]]:
        """Runs statements as the administrator, each by itself; the rows of the last."""
        rows: list[tuple[object, ...]] = []
        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database,
            autocommit=True,
            charset="utf8mb4",
            ssl_disabled=True,
        )
        with closing(connection), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
        return rows

    def create(self, name: str, account: str, password: str) -> None:
        """A database, and an account that may do everything in it."""
        self.run(
            f"CREATE DATABASE {name}",
            f"CREATE USER {account}@'127.0.0.1' IDENTIFIED BY '{password}'",
            f"GRANT ALL ON {name}.* TO {account}@'127.0.0.1'",
        )

    def drop(self, name: str, account: str) -> None:
        """Removes what `create` made."""
        self.run(f"DROP DATABASE {name}", f"DROP USER {account}@'127.0.0.1'")

    def ready(self) -> bool:
        """Whether it answers by now."""
        with contextlib.suppress(pymysql.OperationalError):
            self.run("SELECT 1")
            return True
        return False


@contextmanager
def mariadb() -> Iterator[MariaDB]:
    """Makes the system tables, starts the server and waits until it answers."""
    install, server = _program("mariadb-install-db"), _program("mariadbd")
    with belonging_to("mysql") as (folder, account):
        data = folder / "data"
        subprocess.run(
            [
                *(
                    install,
                    "--no-defaults",
                    f"--datadir={data}",
                    "--auth-root-authentication-method=normal",
                ),
                *(
                    "--skip-test-db",
                    "--skip-name-resolve",
                    "--innodb-flush-method=nosync",
                    "--innodb-log-file-size=32M",
                ),
            ],
            **account,
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )

        def command(port: int) -> list[str | Path]:
            files = [
                f"--datadir={data}",
                f"--socket={folder / 'socket'}",
                f"--pid-file={folder / 'pid'}",
            ]
            return [server, "--no-defaults", *files, f"--port={port}", *_SETTINGS]

        with started(MariaDB, command, folder, account) as running:
            yield running


def _program(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    return found or without(f"{name} is not installed (Debian: apt-get install {_PACKAGE})")
