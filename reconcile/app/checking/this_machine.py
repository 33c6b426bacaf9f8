"""CA files and database URLs, as this machine has them."""

from collections.abc import Iterator

from reconcile.config import Loaded
from reconcile.errors import Problem
from reconcile.model.desired import Secret


def problems(loaded: Loaded) -> Iterator[Problem]:
    """What would keep a source or the platform from being reached at all."""
    from reconcile.directories.tls import ca_file

    for at, name in _ca_files(loaded):
        if why := ca_file.fault(name):
            yield loaded.places.problem(f"sources[{at}].tls.ca_file", why)
    yield from _databases(loaded)


def warnings(loaded: Loaded) -> Iterator[Problem]:
    """What works now, and may not be meant."""
    from reconcile.directories.tls import ca_file

    for at, name in _ca_files(loaded):
        if not ca_file.fault(name) and (why := ca_file.doubt(name)):
            yield loaded.places.problem(f"sources[{at}].tls.ca_file", why)


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
    from reconcile.platforms.database import urls

    shape = getattr(secret, "shape", "")
    if shape and (why := urls.fault(shape, folder, made=setting == "state")):
        yield loaded.places.problem(setting, why)
