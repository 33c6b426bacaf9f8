"""What SQLAlchemy has made of a statement for one database serves all databases of its kind.

Each engine has a cache of its own, and each test opens a few databases: to write the same hundred
statements again for each would take a third of the time of many tests.
"""

from collections.abc import Hashable
from typing import Any, Final

import sqlalchemy as sa

_MOST: Final = 5_000
"""As many statements are kept for each kind of database; those that are not used go first."""
_caches: dict[Hashable, sa.util.LRUCache[Any, Any]] = {}


def install() -> None:
    """From here on, in this process and those that it forks."""
    if not sa.event.contains(sa.Engine, "engine_connect", _share):
        sa.event.listen(sa.Engine, "engine_connect", _share)


class _Shared:
    """A cache whose keys do not name the engine's own dialect."""

    def __init__(self, cache: sa.util.LRUCache[Any, Any]) -> None:
        self._cache = cache

    def get(self, key: tuple[Any, ...]) -> Any:
        return self._cache.get(key[1:])

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._cache[key[1:]] = compiled


def _share(connection: sa.Connection) -> None:
    engine: Any = connection.engine
    if not isinstance(engine._compiled_cache, _Shared):
        cache = _caches.setdefault(_kind(connection.dialect), sa.util.LRUCache(_MOST))
        engine._compiled_cache = _Shared(cache)


def _kind(dialect: Any) -> Hashable:
    """What a statement may depend on: server, version, schema, how values and names are written."""
    names = dialect.identifier_preparer
    return (
        type(dialect),
        dialect.server_version_info,
        dialect.default_schema_name,
        dialect.paramstyle,
        getattr(dialect, "is_mariadb", False),
        getattr(dialect, "_backslash_escapes", True),
        getattr(dialect, "_json_serializer", None),
        getattr(dialect, "_json_deserializer", None),
        names.initial_quote,
        names.quote("workspaces"),  # some databases have other names for the tables
    )
