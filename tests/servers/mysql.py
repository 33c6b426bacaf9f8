"""A real MySQL server instead of MariaDB, in a temporary folder, on a free port of the loopback interface.

Debian's stable releases have none: `.ci/mysql` takes the programs out of the packages of its
development branch, with the libraries that they need.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.databases import belonging_to, started
from tests.servers.mariadb import MariaDB
from tests.servers.slapd import without

PROGRAMS = Path(__file__).parents[2] / ".venv" / "services" / "mysql"
_LIGHT = (
    "--performance-schema=OFF",
    "--innodb-redo-log-capacity=32M",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=OFF",
)
_SETTINGS = (
    *_LIGHT,
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
    "--max-connections=40",
)


_ADMINISTRATOR = """\
CREATE USER root@'127.0.0.1' IDENTIFIED BY '';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
"""
"""The server's own comes in by its socket only."""


class MySQL(MariaDB):
    """A running server; its sql_mode is the default one."""

    scheme = "mysql+pymysql"


@contextmanager
def mysql() -> Iterator[MySQL]:
    """Makes the system tables, starts the server and waits until it answers."""
    with belonging_to("mysql") as (folder, account):
        data = folder / "data"
        programs = [*_program(), f"--tmpdir={folder}"]
        first = folder / "first.sql"
        first.write_text(_ADMINISTRATOR, encoding="utf-8")
        first.chmod(0o644)
        initialize = ["--initialize-insecure", f"--datadir={data}", f"--init-file={first}"]
        subprocess.run(
            [*programs, *initialize, *_LIGHT],
            **account,
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=180,
        )

        def command(port: int) -> list[str | Path]:
            files = [
                f"--datadir={data}",
                f"--socket={folder / 'socket'}",
                f"--pid-file={folder / 'pid'}",
            ]
            return [*programs, *files, f"--port={port}", *_SETTINGS]

        with started(MySQL, command, folder, account) as running:
            yield running


def _program() -> list[str | Path]:
    """The server by the dynamic loader it was built for: this machine's may be older."""
    libraries = PROGRAMS / "usr" / "lib" / "x86_64-linux-gnu"
    if not libraries.exists():
        without("MySQL is not installed (.ci/mysql does it)")
    server = PROGRAMS / "usr" / "sbin" / "mysqld"
    base = [f"--basedir={PROGRAMS / 'usr'}", f"--lc-messages-dir={PROGRAMS / 'usr/share/mysql'}"]
    loader: list[str | Path] = [libraries / "ld-linux-x86-64.so.2", "--library-path", libraries]
    return [*loader, server, "--no-defaults", *base]
