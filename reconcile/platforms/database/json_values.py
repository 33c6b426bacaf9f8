"""Attributes as the database keeps them: one JSON object of text."""

from contextlib import suppress
from typing import Final

import msgspec

from reconcile.errors import PlatformUnreadable

_strict = msgspec.json.Decoder(dict[str, str])
_object = msgspec.json.Decoder(dict[str, object])


_LONGEST: Final = 500


def brief(text: str) -> str:
    """What a server or a row says, as one line for a message, cut if it is long."""
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def quoted(value: object) -> str:
    """A value of a row for a message."""
    return brief(repr(value))


def encode(value: object) -> str:
    """JSON of any value."""
    return msgspec.json.encode(value).decode()


def decode(text: str, username: str) -> dict[str, str]:
    """A user's attributes.

    Values written by hand may not be text: their JSON notation is used, null means no value. Raises
    PlatformUnreadable if it is not a JSON object.
    """
    if text == "{}":
        return {}
    with suppress(msgspec.DecodeError):  # not what we write: looked at more closely below
        return _strict.decode(text)
    try:
        values = _object.decode(text)
    except msgspec.DecodeError as error:
        raise PlatformUnreadable(
            f"users.attributes of {quoted(username)} is not a JSON object ({error}); "
            "correct it, or set it to {}"
        ) from error
    return {
        name: value if isinstance(value, str) else encode(value)
        for name, value in values.items()
        if value is not None
    }
