"""Which of several values counts: that of the RDN, then the platform's, then the smallest.

The values of an attribute are a set (RFC 4512, 2.2), so their order must decide nothing. The
directories put the value of the RDN first and the others in ascending order. This module prefers
the value that the platform has.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Final

import msgspec

from reconcile.model.desired import Template, TemplateEntry
from reconcile.model.text import dn

TRIES: Final = 64
"""How many choices of values are tried for one template."""


class _Chosen(msgspec.Struct, gc=False):
    """An entry with other values first."""

    dn: str
    attributes: Mapping[str, Sequence[str]]


def rendered(
    template: Template, entry: TemplateEntry, current: str, identifiers: Sequence[str] = ("",)
) -> str | None:
    """What the template gives, with the choice of values that gives `current`, if one does.

    `current` is the text on the platform, "" for none; `identifiers` are the values of the login
    attribute, the one that counts first. Raises TemplateFailed.
    """
    text = template.render(entry, identifiers[0])
    if text == current or not current:
        return text
    for other, identifier in islice(_choices(template, entry, identifiers), TRIES):
        if template.render(other, identifier) == current:
            return current
    return text


def _choices(
    template: Template, entry: TemplateEntry, identifiers: Sequence[str]
) -> Iterator[tuple[TemplateEntry, str]]:
    """The entry with each other combination of first values; none if nothing has several."""
    several = [
        name for name in sorted(template.attributes) if len(entry.attributes.get(name, ())) > 1
    ]
    if not several and len(identifiers) == 1:
        return
    named = _rdn_types(entry.dn)
    free = [name for name in several if _type(name) not in named]
    for identifier, *values in product(identifiers, *(entry.attributes[name] for name in free)):
        first = {name: (value,) for name, value in zip(free, values, strict=True)}
        yield _Chosen(entry.dn, {**entry.attributes, **first}), identifier


def _rdn_types(name: str) -> set[str]:
    """The attribute types of an RDN, by their main names: their value is not for choice."""
    return {part.partition("=")[0] for part in dn.key(dn.rdn(name)).split("+")}


def _type(name: str) -> str:
    """The main name of an attribute, which may have others."""
    return dn.key(f"{name}=x").partition("=")[0]
