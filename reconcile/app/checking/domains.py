"""Slips in domains: in names of entries, and in what templates put after an `@`."""

import re
from collections.abc import Iterator
from typing import Final

from reconcile.config import Loaded
from reconcile.errors import Problem
from reconcile.model.desired import Source
from reconcile.model.text import dn, slips

_AFTER_AT: Final = re.compile(r"@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_WORDS: Final = ("identifier", "domain", "source")
"""What a template can use, as far as it is long enough for a slip to be one."""


def warnings(loaded: Loaded) -> Iterator[Problem]:
    """Each name or template with a domain that is one slip away from that of its source."""
    for at, source in enumerate(loaded.desired.sources):
        own = dn.domain(source.base_dn)
        for path, name in _names(loaded, at, source):
            if near := _near(_domain_of(name), own):
                message = f"it is in the domain {_domain_of(name)}; did you mean {near}?"
                yield loaded.places.problem(path, message)
        for path, text in _templates(at, source):
            for problem in _in_template(text, own):
                yield loaded.places.problem(path, problem)


def _in_template(text: str, own: str) -> Iterator[str]:
    """What may be a slip in a template."""
    for domain in _AFTER_AT.findall(text):
        if near := _near(domain, own):
            yield f"@{domain} is not the domain of the source; did you mean @{near}?"
    for word in re.findall(r"\{\{\s*(\w+)\s*\}\}", text):
        near = slips.meant(word, _WORDS) if word not in _WORDS else ""
        if near and slips.one_slip(word, near):
            yield f"{word} would be an attribute of the directory; did you mean {near}?"


def _near(domain: str, own: str) -> str:
    """The domain of the source, if the other is one slip away from it."""
    return own if domain and slips.one_slip(domain, own) else ""


def _domain_of(name: str) -> str:
    """The domain of a DN; "" for what is none."""
    try:
        return dn.domain(name) if "dc=" in name.lower() else ""
    except ValueError:
        return ""


def _names(loaded: Loaded, at: int, source: Source) -> Iterator[tuple[str, str]]:
    """The DNs that rules write for a source."""
    for part in ("users", "groups", "departments"):
        yield f"sources[{at}].{part}.base", getattr(source, part).base
    for number, name in enumerate(source.users.require_groups):
        yield f"sources[{at}].users.require_groups[{number}]", name
    for path, mapping in loaded.desired.role_mappings_of(source.name):
        if mapping.source == source.name or len(loaded.desired.sources) == 1:
            for number, name in enumerate(mapping.groups):
                yield f"{path}.groups[{number}]", name
    groups = ((path, rule.select) for path, rule in loaded.desired.groups_of(source.name))
    units = ((path, rule.select) for path, rule in loaded.desired.departments_of(source.name))
    for path, patterns in (*groups, *units):
        for number, name in enumerate(patterns):
            yield f"{path}.select[{number}]", name


def _templates(at: int, source: Source) -> Iterator[tuple[str, str]]:
    """The templates of the fields of users."""
    for field, template in source.users.fields.items():
        if template is not None:
            yield f"sources[{at}].users.fields.{field}", template.text
    for number, attribute in enumerate(source.users.attributes):
        yield f"sources[{at}].users.attributes[{number}].value", attribute.value.text
