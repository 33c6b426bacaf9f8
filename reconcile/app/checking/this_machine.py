"""CA files and database URLs, as this machine has them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconcile.config import Loaded
from reconcile.errors import Problem
from reconcile.files import sqlite_fault
from reconcile.model.desired import Secret
from reconcile.ports import IN_PLATFORM

_PLAIN_FILE: Final = re.compile(r"sqlite:///([\w./-]+)")


def problems(loaded: Loaded) -> Iterator[Problem]:
    """What would keep a source or the platform from being reached at all."""
    from reconcile.directories.tls import ca_file

    for at, name in _ca_files(loaded):
        if why := ca_file.fault(name):
            yield loaded.places.problem(f"sources[{at}].tls.ca_file", why)
    yield from _databases(loaded)


def warnings(loaded: Loaded) -> Iterator[Problem]:
    """What works now and may not be meant, or may be as it should on the machine of the runs."""
    from reconcile.directories.tls import ca_file

    for at, name in _ca_files(loaded):
        if not ca_file.fault(name) and (why := ca_file.doubt(name)):
            yield loaded.places.problem(f"sources[{at}].tls.ca_file", why)
    platform = loaded.desired.platform
    file = _PLAIN_FILE.fullmatch(getattr(platform.url, "shape", ""))
    if file and _is_elsewhere(file[1]) and (why := sqlite_fault(file[1], platform.folder)):
        yield loaded.places.problem("platform.url", f"on this machine, {why}")


def _ca_files(loaded: Loaded) -> Iterator[tuple[int, str]]:
    """The position of each source that uses a CA file, and the file."""
    for at, source in enumerate(loaded.desired.sources):
        if source.tls.ca_file is not None and source.tls.mode != "none":
            yield at, source.tls.ca_file


def _databases(loaded: Loaded) -> Iterator[Problem]:
    """The URLs of the platform and of the ledger."""
    platform = loaded.desired.platform
    if platform.type in ("sql", "tables", "processmaker", "postgresql_roles"):
        yield from _database(loaded, platform.url, platform.folder, "platform.url")
    yield from _database(loaded, platform.state, platform.state_folder, "state")


def _database(
    loaded: Loaded, secret: Secret | None, folder: str, setting: str
) -> Iterator[Problem]:
    """One URL, with what is fetched later left open."""
    shape, made = getattr(secret, "shape", ""), setting == "state"
    if shape and (why := _fault(shape, folder, made=made)):
        yield loaded.places.problem(setting, why)


def _fault(url: str, folder: str, *, made: bool) -> str:
    """Why no database can be meant. A plain file needs no SQLAlchemy, which loads slowly."""
    if made and url == IN_PLATFORM:
        return ""
    if file := _PLAIN_FILE.fullmatch(url):
        return "" if made or _is_elsewhere(file[1]) else sqlite_fault(file[1], folder)
    from reconcile.platforms.database import urls

    return urls.fault(url, folder, made=made)


def _is_elsewhere(file: str) -> bool:
    """Whether a path is absolute: a pipeline may validate it on a machine without that folder."""
    return Path(file).is_absolute()
