"""The secrets that a desired state holds in clear text, for programs that print what they get.

The document need not be sound: what a program is given is often printed when it is refused.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconcile.config.schema import schema
from reconcile.config.schema.wording import Schema
from reconcile.config.secrets.secret import url_passwords
from reconcile.config.templates import config_templates
from reconcile.config.yaml.nodes import Path

_WORD: Final = re.compile(r"\w+")
_SECRET_KEY: Final = re.compile(r"pass(word|wd|phrase)?$|secret$|token$|bearer$", re.IGNORECASE)


def clear_texts(document: Mapping[str, Any], variables: Mapping[str, Any] = {}) -> frozenset[str]:
    """Secrets that are written as they are, passwords in URLs, and variables they are made from.

    `variables` go before the document's `vars`. What `env()`, `file()` and `command()` fetch is not
    among them, for it is not written there.
    """
    known = {**_mapping(document.get("vars")), **variables}
    found: set[str] = set()
    for path, text, marked in _texts(document):
        found.update(url_passwords(text))
        if marked or _SECRET_KEY.search(str(path[-1])):
            found |= _of_secret(path, text, known)
    found.update(str(value) for name, value in known.items() if _SECRET_KEY.search(name))
    return frozenset(filter(None, found))


def _texts(document: Mapping[str, Any]) -> Iterator[tuple[Path, str, bool]]:
    """Every text with its path, and whether the schema marks it as a secret."""
    found: list[tuple[Path, str, bool]] = []

    def visit(path: Path, text: str, at: Schema) -> object:
        found.append((path, text, bool(at.get("x-secret"))))
        return text

    schema.map_text(document, visit)
    yield from found


def _of_secret(path: Path, text: str, variables: Mapping[str, Any]) -> set[str]:
    """The text itself unless it is a template or a URL; the variables that a template names."""
    if "{{" not in text and "{%" not in text:
        return set() if path[-1] in ("url", "state") else {text}
    named = set(_WORD.findall(text)) & variables.keys()
    return {str(variables[name]) for name in named if not _fetches(variables[name])}


def _fetches(value: object) -> bool:
    """Whether a variable's value fetches its text itself."""
    try:
        return isinstance(value, str) and bool(config_templates.calls(value))
    except config_templates.Refused:
        return False


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
