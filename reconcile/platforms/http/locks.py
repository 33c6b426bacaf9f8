"""One request at a time for each object: services lose what two change at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Locks:
    """A lock for each name, made when it is first wanted."""

    def __init__(self) -> None:
        """There are none yet."""
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Keeps others out that want the same name."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            yield
