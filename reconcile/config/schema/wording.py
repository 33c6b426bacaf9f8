"""Schema errors in plain words: one short sentence for each keyword."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from reconcile.config.yaml.nodes import Path, shortened, shown

Schema: TypeAlias = Mapping[str, Any]
REMOVED: Final = "x-removed"

_WORDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_ITEMS: Final = {"string": " of text", "object": " of mappings", "integer": " of whole numbers"}


class Fault(NamedTuple):
    """A violation of the schema; `missing` is the key that is missing at the path."""

    path: Path
    message: str
    missing: str = ""
    at_key: bool = False


def suggestion(word: object, known: Iterable[str]) -> str:
    """`; did you mean x?` for a word that is nearly one of the known, otherwise nothing."""
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(str(word)[:100].casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean `{folded[close[0]]}`?" if close else ""


def choice(value: object, words: Sequence[object]) -> str:
    """What to say to a value that is none of the words."""
    names = [str(word) for word in words]
    listed = f"{', '.join(names[:-1])} or {names[-1]}" if names[1:] else names[0]
    return f"expected {listed}, got {_quoted(value)}{suggestion(value, names)}"


def _quoted(value: object) -> str:
    """Texts and whole numbers as they are, other values by their type."""
    if isinstance(value, str):
        return shortened(value)
    return str(value)[:20] if isinstance(value, int) else shown(value)


def _type(path: Path, value: Any, wish: Any, at: Schema) -> Iterator[Fault]:
    """Another type than the value may have."""
    types = [wish] if isinstance(wish, str) else wish
    expected = " or ".join(_WORDS[name] for name in types)
    if wish == "array":
        expected += _ITEMS[_kind(at["items"])]
    got = "nothing: leave the key out, or give it a value" if value is None else shown(value)
    yield Fault(path, f"expected {expected}, got {got}")


def _kind(items: Schema) -> str:
    """The type of a list's items; a reference is to text or to a mapping."""
    named = "string" if items.get("$ref") == "#/$defs/text" else "object"
    return str(items.get("type", named))


def _enum(path: Path, value: Any, wish: Any, _at: Schema) -> Iterator[Fault]:
    """None of the words that the value may be."""
    yield Fault(path, choice(value, wish))


def _required(path: Path, value: Any, wish: Any, _at: Schema) -> Iterator[Fault]:
    """One fault for each missing key."""
    for key in wish:
        if key not in value:
            yield Fault(path, "", missing=key)


def _unknown(path: Path, value: Any, _wish: Any, at: Schema) -> Iterator[Fault]:
    """One fault for each key that the schema does not know.

    It says which key may be meant, or what to do with a key of an earlier version.
    """
    known = list(at["properties"])
    for key in value:
        if key in at.get(REMOVED, {}):
            yield Fault((*path, key), at[REMOVED][key], at_key=True)
        elif key not in at["properties"]:
            hint = suggestion(key, known) or f"; known here: {', '.join(known)}"
            yield Fault((*path, key), f"unknown key{hint}", at_key=True)


def _pattern(path: Path, _value: Any, _wish: Any, at: Schema) -> Iterator[Fault]:
    """A text of another form; the schema has the words for it."""
    yield Fault(path, at["x-message"])


def _names(path: Path, value: Any, _wish: Any, at: Schema) -> Iterator[Fault]:
    """A key of another form, as `_pattern`."""
    # jsonschema has the error at the mapping: the key itself is the better place.
    yield Fault((*path, value), at["x-message"], at_key=True)


def _empty(path: Path, *_: Any) -> Iterator[Fault]:
    """An empty text or list."""
    yield Fault(path, "must not be empty")


def _bound(words: str) -> "Wording":
    """A number beyond a bound."""
    return lambda path, _value, wish, _at: iter([Fault(path, f"must be {words} {wish}")])


def _unique(path: Path, value: Any, _wish: Any, _at: Schema) -> Iterator[Fault]:
    """One fault for each item that is in the list before."""
    for index, item in enumerate(value):
        if item in value[:index]:
            yield Fault((*path, index), f"{shortened(str(item))} is already in the list")


Wording: TypeAlias = Callable[[Path, Any, Any, Schema], Iterator[Fault]]
WORDINGS: Final[Mapping[str, Wording]] = {
    "type": _type,
    "enum": _enum,
    "required": _required,
    "additionalProperties": _unknown,
    "unevaluatedProperties": _unknown,
    "pattern": _pattern,
    "propertyNames": _names,
    "minItems": _empty,
    "minLength": _empty,
    "minimum": _bound("at least"),
    "exclusiveMinimum": _bound("more than"),
    "maximum": _bound("at most"),
    "uniqueItems": _unique,
}
"""By keyword of the schema; called with the path, the value, what the keyword wishes and the schema
around it."""
