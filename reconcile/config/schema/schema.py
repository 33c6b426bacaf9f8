"""The JSON Schema of the desired-state file: its errors in words for people, and its marks.

Custom keywords: `x-secret` (true: may use the secret functions), `x-template` (`entry`: a template
over one directory entry, not over the configuration), `x-path` (true: a file, relative to the
folder of the file that says it), `x-message` (what to say where the `pattern` does not match),
`x-by-type` (a mapping's `type` and the definition that holds the keys which only this type has),
`x-removed` (keys that a mapping had in earlier versions, and what to say about each), `x-defaults`
(in the definition of a type: paths of other keys, and their defaults for this type).
"""

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from reconcile.config.schema import published
from reconcile.config.schema.conforms import Undecided, conforms
from reconcile.config.schema.wording import Fault, Schema
from reconcile.config.yaml.nodes import Path

NAME: Final = "config.schema.json"
BY_TYPE: Final = "x-by-type"
SOURCE_TYPES: Final = ("openldap", "active_directory", "389ds", "freeipa", "ldap", "ldif")
"""The types whose keys this project knows; other types come from plug-ins."""


@functools.cache
def schema() -> Schema:
    """The schema itself."""
    return read(NAME)


def platform_types() -> tuple[str, ...]:
    """The types of platform whose keys this project knows; others come from plug-ins."""
    return tuple(schema()["$defs"]["platform"][BY_TYPE])


def platform_defaults(name: str) -> Mapping[str, Any]:
    """Path of a key, as in `safety.at_least` → its default for this type of platform."""
    definition = schema()["$defs"]["platform"][BY_TYPE].get(name, "")
    defaults: Mapping[str, Any] = schema()["$defs"].get(definition, {}).get("x-defaults", {})
    return defaults


def of_type(at: Schema, value: object) -> Schema:
    """The schema of a mapping with the keys that only its `type` has."""
    types: Mapping[str, str] = at.get(BY_TYPE, {})
    name = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(name, str) or name not in types:
        return at
    own = schema()["$defs"][types[name]]
    return {**at, "properties": {**at["properties"], **own["properties"]}}


def read(name: str) -> Schema:
    """A file of `schemas/`."""
    loaded: Schema = json.loads(published.file(name).read_text(encoding="utf-8"))
    return loaded


def step(below: Schema, key: str | int) -> Schema:
    """The schema of a value's part; an empty one for a part that it does not know."""
    part = _part(below, key)
    if "$ref" in part:
        part = {**schema()["$defs"][part["$ref"].removeprefix("#/$defs/")], **part}
    return part


def _part(below: Schema, key: str | int) -> Schema:
    """As `step`, where a reference is not followed."""
    if isinstance(key, int):
        items: Schema = below.get("items", {})
        return items
    others = below.get("additionalProperties")
    unnamed = others if isinstance(others, Mapping) else {}
    part: Schema = below.get("properties", {}).get(key, unnamed)
    return part


def map_text(
    value: object,
    visit: Callable[[Path, str, Schema], object],
    path: Path = (),
    at: Schema | None = None,
) -> Any:
    """The same value with every text in it replaced by what `visit(path, text, schema)` returns."""
    at = schema() if at is None else at
    match value:
        case str():
            return visit(path, value, at)
        case list():
            return [
                map_text(item, visit, (*path, index), step(at, index))
                for index, item in enumerate(value)
            ]
        case dict():
            within = of_type(at, value)
            return {
                key: map_text(item, visit, (*path, key), step(within, key))
                for key, item in value.items()
            }
        case _:
            return value


def faults(data: object) -> Iterable[Fault]:
    """Everything in which a rendered document is not as the schema says."""
    if _conforms(data):
        return ()
    # Imported here: jsonschema is slow to import, and few documents are refused.
    from reconcile.config.schema import refusal

    return refusal.faults(data, schema(), of_type)


def _conforms(data: object) -> bool:
    """Whether it is certain that there is nothing to find."""
    try:
        return conforms(data, schema(), schema())
    except Undecided:
        return False
