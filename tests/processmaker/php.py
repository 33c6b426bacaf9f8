"""PHP's serialised values, which the product keeps in AUTH_SOURCE_DATA."""

from typing import Any


def serialized(value: Any) -> str:
    """A text, number, list or dictionary as PHP's `serialize` writes it; lengths are counted in bytes."""
    if isinstance(value, bool):
        return f"b:{int(value)};"
    if value is None:
        return "N;"
    if isinstance(value, int):
        return f"i:{value};"
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        inner = "".join(serialized(part) for pair in value.items() for part in pair)
        return f"a:{len(value)}:{{{inner}}}"
    return f's:{len(str(value).encode())}:"{value}";'


def unserialized(text: str) -> Any:
    """The value of such a text; an array with keys 0, 1, 2 … becomes a list."""
    value, rest = _value(text.encode())
    assert rest == b"", rest
    return value


def _value(text: bytes) -> tuple[Any, bytes]:
    kind = text[:1]
    if kind == b"N":
        return None, text[2:]
    if kind in (b"i", b"b"):
        number, _, rest = text[2:].partition(b";")
        return (int(number) if kind == b"i" else number == b"1"), rest
    length, _, rest = text[2:].partition(b":")
    if kind == b"s":
        end = int(length) + 1
        return rest[1:end].decode(), rest[end + 2 :]
    assert kind == b"a", text
    rest, pairs = rest[1:], {}
    for _ in range(int(length)):
        key, rest = _value(rest)
        pairs[key], rest = _value(rest)
    plain = list(pairs) == list(range(len(pairs)))
    return (list(pairs.values()) if plain else pairs), rest[1:]
