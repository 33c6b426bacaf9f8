"""Attributes with two names: a template may use either, whichever of them the server returns.

Servers return an attribute under its main name, or under one of the requested names, or do not know
the other name at all. So both are requested, and values under one name are also shown under the
other.
"""

from collections.abc import Iterable

from reconcile.model.directory import Attributes
from reconcile.model.text.attribute_types import MAIN

Pairs = tuple[tuple[str, str], ...]
"""Asked-for alias and main name."""


def pairs(asked: Iterable[str]) -> Pairs:
    """The aliases among names in lower case."""
    return tuple((name, MAIN[name]) for name in sorted(asked) if name in MAIN)


def filled(attributes: Attributes, asked: Pairs) -> Attributes:
    """Adds values that came under the other name; changes and returns the given dictionary."""
    for alias, main in asked:
        if main in attributes:
            attributes.setdefault(alias, attributes[main])
        elif alias in attributes:
            attributes[main] = attributes[alias]
    return attributes
