"""What the JSON Schema refuses in a document, in words for people.

The only module that imports jsonschema for desired state: import it for a document that is refused.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator

from reconcile.config.schema.wording import WORDINGS, Fault, Schema
from reconcile.config.yaml.nodes import Path

OfType: TypeAlias = Callable[[Schema, object], Schema]
"""The schema of a mapping with the keys that only its `type` has."""


def faults(data: object, rules: Schema, of_type: OfType) -> Iterator[Fault]:
    """Everything in which a rendered document is not as the schema says."""
    errors = Draft202012Validator(rules).iter_errors(data)
    worded = [(_keyword(error), fault) for error in errors for fault in _worded(error, of_type)]
    # Of the wrong type is all there is to say about a value.
    of_wrong_type = {fault.path for keyword, fault in worded if keyword == "type"}
    for keyword, fault in worded:
        if keyword not in ("enum", "pattern") or fault.path not in of_wrong_type:
            yield fault


def _keyword(error: ValidationError) -> str:
    """The keyword of the schema by which an error is worded; errors of keys have one for all."""
    if "propertyNames" in error.absolute_schema_path:
        return "propertyNames"
    return str(error.validator)


def _worded(error: ValidationError, of_type: OfType) -> Iterator[Fault]:
    """An error in words for people, as one fault or several."""
    path: Path = tuple(error.absolute_path)
    around: Any = error.schema
    wording = WORDINGS[_keyword(error)]
    return wording(path, error.instance, error.validator_value, of_type(around, error.instance))
