"""The values that new rows get: literals, and texts with `{{ random(40) }}` and `{{ now }}`.

These two are all there is. The text is never rendered as a template of the configuration.
"""

import re
import secrets
import string
from datetime import datetime
from typing import Final, NamedTuple

from reconcile.platforms.tables.declared.conditions import Value

_PLACE: Final = re.compile(r"\{\{(.*?)\}\}")
_RANDOM: Final = re.compile(r"random\(\s*(\d{1,4})\s*\)")
_CHARACTERS: Final = string.ascii_letters + string.digits
_EVEN: Final = 256 - 256 % len(_CHARACTERS)
_UNEVEN: Final = bytes(range(_EVEN, 256))
"""Bytes that would make some characters likelier than others."""
_TO_CHARACTERS: Final = bytes(ord(_CHARACTERS[byte % len(_CHARACTERS)]) for byte in range(256))
LONGEST: Final = 1000


class ValueWrong(Exception):
    """A value has a template that there is not."""


class Made(NamedTuple):
    """A text with places: each is a text, a number of random characters, or None for the time."""

    parts: tuple[str | int | None, ...]

    @property
    def is_now(self) -> bool:
        """Whether it is the time and nothing else: then a column of times gets one."""
        return self.parts == (None,)

    def text(self, now: datetime) -> str:
        """The text, with new random characters each time."""
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return "".join(_part(part, stamp) for part in self.parts)


def _part(part: str | int | None, stamp: str) -> str:
    if part is None:
        return stamp
    if isinstance(part, int):
        return _random(part)
    return part


def _random(count: int) -> str:
    """So many random letters and digits, each as likely as any other."""
    text = b""
    while len(text) < count:
        text += secrets.token_bytes(2 * count).translate(_TO_CHARACTERS, _UNEVEN)
    return text[:count].decode()


def parse(value: Value) -> Value | Made:
    """A literal as it is, a text with places as Made. Raises ValueWrong."""
    if not isinstance(value, str) or "{{" not in value:
        return value
    parts: list[str | int | None] = []
    end = 0
    for match in _PLACE.finditer(value):
        parts.append(value[end : match.start()])
        parts.append(_place(match[1].strip()))
        end = match.end()
    parts.append(value[end:])
    if "{{" in value[end:]:
        raise ValueWrong("`{{` is not closed by `}}`")
    return Made(tuple(part for part in parts if part != ""))


def _place(name: str) -> int | None:
    """None for the time, otherwise a number of random characters. Raises ValueWrong."""
    if name == "now":
        return None
    random = _RANDOM.fullmatch(name)
    if random is None or not 1 <= int(random[1]) <= LONGEST:
        raise ValueWrong(
            f"{{{{ {name} }}}} is not known here: there are {{{{ now }}}} and "
            f"{{{{ random(N) }}}} with up to {LONGEST} characters"
        )
    return int(random[1])
