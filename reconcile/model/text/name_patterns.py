"""Patterns of names on a platform: of users, groups, roles and departments."""

from collections.abc import Iterable

from reconcile.model.text.normalization import normalized
from reconcile.model.text.wildcards import Wildcard


def folded(name: str) -> str:
    """A name on the platform as it is compared.

    Case does not matter, nor whether é is one character or two.
    """
    if name.isascii():
        return name.lower()
    return normalized("NFKC", normalized("NFKC", name).casefold())


class NamePatterns:
    """Patterns of names on the platform, matched together.

    `*` stands for any text; case never matters.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        """Any character except `*` is literal."""
        texts = [folded(pattern) for pattern in patterns]
        self._exact = {text for text in texts if "*" not in text}
        self._wild = [Wildcard.of(text.split("*")) for text in texts if "*" in text]

    def __bool__(self) -> bool:
        return bool(self._exact or self._wild)

    def matches(self, name: str) -> bool:
        """Whether any of the patterns is all of the name."""
        name = folded(name)
        return name in self._exact or any(wild.matches(name) for wild in self._wild)
