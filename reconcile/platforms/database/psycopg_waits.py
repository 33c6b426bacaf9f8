"""A psycopg connection whose waits end: libpq itself waits for ever for a silent server."""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

Value = TypeVar("Value")


class Connection(psycopg.Connection[Any]):
    """Counts as broken, and is closed, once the server has not responded for `patience` seconds."""

    patience = float("inf")

    def wait(self, gen: Generator[Any, Any, Value], *arguments: Any, **named: Any) -> Value:
        """Sees the operation to its end. Raises OperationalError if the server keeps silent."""
        return super().wait(self._bounded(gen), *arguments, **named)

    def _bounded(self, operation: Generator[Any, Any, Value]) -> Generator[Any, Any, Value]:
        """The same operation; psycopg resumes it with 0 every tenth of a second of silence."""
        end = time.monotonic() + self.patience
        try:
            state = next(operation)
            while True:
                ready = yield state
                if ready:
                    end = time.monotonic() + self.patience
                elif time.monotonic() > end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(
                        f"the server has not responded for {self.patience:g} s"
                    )
                state = operation.send(ready)
        except StopIteration as done:
            value: Value = done.value
            return value
