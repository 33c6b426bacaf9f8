"""How fast requests go out: evenly within what the service allows, and later when it says so."""

import threading
import time


class Pacer:
    """Lets requests of all threads through, one slot each."""

    def __init__(self, per_minute: int) -> None:
        """`per_minute` 0 is without limit."""
        self._gap = 60 / per_minute if per_minute else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._closed_until = 0.0

    def wait(self) -> None:
        """Waits for the next slot."""
        with self._lock:
            now = time.monotonic()
            slot = max(now, self._next, self._closed_until)
            self._next = slot + self._gap
        if slot > now:
            time.sleep(slot - now)

    def close_for(self, seconds: float) -> None:
        """Lets nothing through for a while: the service has asked for it."""
        with self._lock:
            self._closed_until = max(self._closed_until, time.monotonic() + seconds)
