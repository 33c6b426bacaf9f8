"""Whether a document is as the JSON Schema says: yes, or no without the reasons.

Nearly every document is right, and the library that explains what is wrong takes longer to import
than a small run takes. So the keywords which our schema uses are decided here, as jsonschema
decides them, and only a document that is refused is given to jsonschema. Nothing is remembered: the
document is looked at each time. What is not decided here, such as a keyword that is new in the
schema, is `Undecided`, and left to jsonschema as well.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from reconcile.config.schema.wording import Schema

Keyword: TypeAlias = Callable[[Any, Any, Schema, Schema], bool]
"""Of a value, what the keyword wishes, the schema around it and the whole schema."""

_REFERENCE: Final = "#/$defs/"
_ANNOTATIONS: Final = frozenset(
    ("$defs", "$id", "$schema", "default", "description", "examples", "then", "title")
)
"""They refuse nothing; `then` is read by `if`."""


class Undecided(Exception):
    """This module does not know whether a document is as the schema says."""


def conforms(value: object, at: Schema, root: Schema) -> bool:
    """Whether a value is as a part of the schema says. Raises Undecided."""
    for keyword, wish in at.items():
        if keyword in _ANNOTATIONS or keyword.startswith("x-"):
            continue
        if keyword not in _KEYWORDS:
            raise Undecided(keyword)
        if not _KEYWORDS[keyword](value, wish, at, root):
            return False
    return True


def _is_number(value: object) -> bool:
    """True and false are no numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    """Also 1.0, as in JSON."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def _type(value: Any, wish: Any, _at: Schema, _root: Schema) -> bool:
    return any(_TYPES[name](value) for name in ([wish] if isinstance(wish, str) else wish))


def _enum(value: Any, wish: Any, _at: Schema, _root: Schema) -> bool:
    if not all(isinstance(word, str) or _is_number(word) for word in wish):
        raise Undecided("enum")
    # Python takes true for 1, JSON does not.
    return (isinstance(value, str) or _is_number(value)) and value in wish


def _ref(value: Any, wish: Any, _at: Schema, root: Schema) -> bool:
    return conforms(value, _referred(wish, root), root)


def _referred(reference: str, root: Schema) -> Schema:
    """The definition that a reference names."""
    if not reference.startswith(_REFERENCE):
        raise Undecided(reference)
    definition: Schema = root["$defs"][reference.removeprefix(_REFERENCE)]
    return definition


def _properties(value: Any, wish: Any, _at: Schema, root: Schema) -> bool:
    if not isinstance(value, dict):
        return True
    return all(conforms(value[key], part, root) for key, part in wish.items() if key in value)


def _others(value: Any, wish: Any, at: Schema, root: Schema) -> bool:
    if not isinstance(value, dict) or wish is True:
        return True
    others = [item for key, item in value.items() if key not in at.get("properties", {})]
    return not others if wish is False else _all(others, wish, root)


def _unevaluated(value: Any, wish: Any, at: Schema, root: Schema) -> bool:
    if wish is not False:
        raise Undecided("unevaluatedProperties")
    return not isinstance(value, dict) or value.keys() <= _evaluated(value, at, root)


def _evaluated(value: Mapping[str, Any], at: Schema, root: Schema) -> set[str]:
    """The keys of a mapping that a schema and the parts that apply to it speak of."""
    if "additionalProperties" in at:
        return set(value)
    keys = set(at.get("properties", ()))
    parts = list(at.get("allOf", ()))
    if "$ref" in at:
        parts.append(_referred(at["$ref"], root))
    if "if" in at and conforms(value, at["if"], root):
        parts += [at["if"], at.get("then", {})]
    return keys.union(*(_evaluated(value, part, root) for part in parts))


def _names(value: Any, wish: Any, _at: Schema, root: Schema) -> bool:
    return not isinstance(value, dict) or _all(value, wish, root)


def _items(value: Any, wish: Any, _at: Schema, root: Schema) -> bool:
    return not isinstance(value, list) or _all(value, wish, root)


def _all(values: Iterable[object], at: Schema, root: Schema) -> bool:
    return all(conforms(value, at, root) for value in values)


def _unique(value: Any, wish: Any, _at: Schema, _root: Schema) -> bool:
    if not wish or not isinstance(value, list):
        return True
    if not all(isinstance(item, str) for item in value):
        raise Undecided("uniqueItems")  # of values that may be equal in another type
    return len(set(value)) == len(value)


def _if(value: Any, wish: Any, at: Schema, root: Schema) -> bool:
    if "else" in at:
        raise Undecided("else")
    return not conforms(value, wish, root) or conforms(value, at.get("then", {}), root)


_KEYWORDS: Final[Mapping[str, Keyword]] = {
    "$ref": _ref,
    "additionalProperties": _others,
    "allOf": lambda value, wish, _at, root: all(conforms(value, part, root) for part in wish),
    "enum": _enum,
    "exclusiveMinimum": lambda value, wish, *_: not _is_number(value) or not value <= wish,
    "if": _if,
    "items": _items,
    "maximum": lambda value, wish, *_: not _is_number(value) or not value > wish,
    "maxLength": lambda value, wish, *_: not isinstance(value, str) or len(value) <= wish,
    "minimum": lambda value, wish, *_: not _is_number(value) or not value < wish,
    "minItems": lambda value, wish, *_: not isinstance(value, list) or len(value) >= wish,
    "minLength": lambda value, wish, *_: not isinstance(value, str) or len(value) >= wish,
    "not": lambda value, wish, _at, root: not conforms(value, wish, root),
    "pattern": lambda value, wish, *_: (
        not isinstance(value, str) or re.search(wish, value) is not None
    ),
    "properties": _properties,
    "propertyNames": _names,
    "required": lambda value, wish, *_: (
        not isinstance(value, dict) or all(key in value for key in wish)
    ),
    "type": _type,
    "unevaluatedProperties": _unevaluated,
    "uniqueItems": _unique,
}
