"""Values as PHP serialises them, as the product keeps the settings of authentication sources."""

from collections.abc import Mapping
from typing import TypeAlias

Value: TypeAlias = "str | int | Mapping[str, Value]"


def serialized(value: Value) -> str:
    """The text of a value: texts count bytes of UTF-8."""
    if isinstance(value, int):
        return f"i:{value};"
    if isinstance(value, str):
        return f's:{len(value.encode())}:"{value}";'
    parts = "".join(serialized(key) + serialized(part) for key, part in value.items())
    return f"a:{len(value)}:{{{parts}}}"
