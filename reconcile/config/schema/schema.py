"""The JSON Schema of the desired-state file: its errors in words for people, and its marks.

Custom keywords: `x-secret` (true: may use the secret functions), `x-template` (`entry`: a template
over one directory entry, not over the configuration), `x-path` (true: a file, relative to the
folder of the file that says it), `x-not-supported-yet` (true, or a list of the values meant),
`x-message` (what to say if the `pattern` does not match).
"""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path as File
from typing import Any, Final

from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator, extend

from reconcile.config.schema.wording import NOT_YET, WORDINGS, Fault, Schema
from reconcile.config.yaml.nodes import Path

NAME: Final = "config.schema.json"
BUILT_IN: Final = {
    "sources": ("openldap", "active_directory", "389ds", "freeipa", "ldap", "ldif"),
    "platform": ("sql",),
}
"""The types whose keys this project knows; other types come from plug-ins."""


@functools.cache
def schema() -> Schema:
    """The schema itself."""
    return read(NAME)


def read(name: str) -> Schema:
    """A file of `schemas/`: inside the package in a wheel, next to it in an editable install."""
    package = File(__file__).resolve().parents[2]
    places = (package / "schemas" / name, package.parent / "schemas" / name)
    found = next(filter(File.exists, places), places[0])
    loaded: Schema = json.loads(found.read_text(encoding="utf-8"))
    return loaded


def step(below: Schema, key: str | int) -> Schema:
    """The schema of a value's part; an empty one for a part that it does not know."""
    part: Schema = (
        below.get("items", {}) if isinstance(key, int) else below.get("properties", {}).get(key, {})
    )
    if "$ref" in part:
        part = {**schema()["$defs"][part["$ref"].removeprefix("#/$defs/")], **part}
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
            return {
                key: map_text(item, visit, (*path, key), step(at, key))
                for key, item in value.items()
            }
        case _:
            return value


def faults(data: object, available: Mapping[str, Iterable[str]]) -> Iterator[Fault]:
    """Everything in which a rendered document is not as the schema says.

    `available` has the adapter types there are, under `sources` and `platform`; they count as
    supported.
    """
    refused: list[Path] = []
    found: list[tuple[str, Fault]] = []
    for error in _validator()(schema()).iter_errors(data):
        path: Path = tuple(error.absolute_path)
        if error.validator == NOT_YET:
            if path[-1] == "type" and error.instance in available[str(path[0])]:
                continue
            refused.append(path)
        keyword = (
            "propertyNames"
            if "propertyNames" in error.absolute_schema_path
            else str(error.validator)
        )
        faults = WORDINGS[keyword](path, error.instance, error.validator_value, error.schema)
        found += [(keyword, fault) for fault in faults]
    # Of the wrong type is all there is to say about a value.
    typed = {fault.path for keyword, fault in found if keyword == "type"}
    for keyword, fault in found:
        if keyword in {"enum", "pattern"} and fault.path in typed:
            continue
        # What is not supported at all has no details worth checking.
        if not any(
            len(fault.path) > len(above) and fault.path[: len(above)] == above for above in refused
        ):
            yield fault


@functools.cache
def _validator() -> Any:
    def not_yet(
        _validator: Any, value: object, instance: object, _schema: Any
    ) -> Iterator[ValidationError]:
        if value is True or (isinstance(value, list) and instance in value):
            yield ValidationError("not supported yet")

    return extend(Draft202012Validator, {NOT_YET: not_yet})  # type: ignore[no-untyped-call]  # its stubs leave it open
