"""For MariaDB: one UPDATE or DELETE for many rows, whose values are given as one JSON text.

PyMySQL would send a statement for each row and wait for each answer, which over a network costs a
round trip per row. The server makes a table of the text and goes through it in order, looking up
the rows by their keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

CHUNK: Final = 2 * 1024 * 1024
"""Bytes of one text; a server takes 16 MiB in one statement unless configured otherwise."""
_TEXT: Final = "LONGTEXT CHARACTER SET utf8mb4"
"""Without this it would have the database's own character set, and turn what that one cannot hold
into "?"."""


def as_join(statement: str, order: Sequence[int], numbers: Sequence[bool]) -> str:
    """Rewrites a statement with a `%s` for each value into one over a table that is the only `%s`.

    `order` says which of a row's values each `%s` stands for, `numbers` which values are numbers.
    """
    first, *others = statement.split("%s")
    text = first + "".join(
        f"given.v{place}{rest}" for place, rest in zip(order, others, strict=True)
    )
    kinds = ("BIGINT" if number else _TEXT for number in numbers)
    columns = ", ".join(f"v{place} {kind} PATH '$[{place}]'" for place, kind in enumerate(kinds))
    table = f"JSON_TABLE(%s, '$[*]' COLUMNS ({columns})) AS given STRAIGHT_JOIN"
    verb, _, rest = text.partition(" ")
    if verb == "DELETE":
        name = rest.split()[1]
        return f"DELETE {name} FROM {table} {rest.removeprefix('FROM ')}"
    return f"UPDATE {table} {rest}"


def texts(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """The rows as JSON, in texts of about CHUNK bytes."""
    parts: list[bytes] = []
    size = 0
    for row in rows:
        part = msgspec.json.encode(row)
        if parts and size + len(part) > CHUNK:
            yield f"[{b','.join(parts).decode()}]"
            parts, size = [], 0
        parts.append(part)
        size += len(part)
    if parts:
        yield f"[{b','.join(parts).decode()}]"
