"""Attributes with two names: a template may use either, whichever of them the server answers with.

Servers give an attribute back under its main name, or under one of those that were asked for, or do
not know the other name at all; so both are asked for, and what comes under one is shown under the
other too.
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
    """Adds to attributes what came under the other name; changes and returns that dictionary."""
    for alias, main in asked:
        if main in attributes:
            attributes.setdefault(alias, attributes[main])
        elif alias in attributes:
            attributes[main] = attributes[alias]
    return attributes
