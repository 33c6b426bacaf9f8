"""`assertions` of the files: compiled expressions over the state that a plan leads to."""

from collections.abc import Mapping
from typing import Any

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import Values, mappings, text
from reconcile.config.templates.assertions import CompiledCheck
from reconcile.config.templates.config_templates import Refused
from reconcile.config.yaml.nodes import Path
from reconcile.model.desired import Assertion


def assertions(
    data: Values, variables: Mapping[str, Any], findings: Findings
) -> tuple[Assertion, ...]:
    """All assertions that compile; those that do not are added to the findings."""
    compiled: list[Assertion] = []
    names: dict[str, int] = {}
    for index, item in mappings(data, "assertions"):
        path: Path = ("assertions", index)
        values = findings.sound(path, dict(item))
        name = text(values, "name")
        if name and names.setdefault(name, index) != index:
            findings.twice((*path, "name"), ("assertions", names[name], "name"))
        if {"name", "for", "assert"} <= values.keys():
            compiled += _assertion(values, variables, path, findings)
    return tuple(compiled)


def _assertion(
    values: Values, variables: Mapping[str, Any], path: Path, findings: Findings
) -> list[Assertion]:
    """One assertion; none if an expression of it does not compile."""
    try:
        check = CompiledCheck(
            values["for"],
            values.get("where"),
            values["assert"],
            values.get("message"),
            variables,
        )
    except Refused as error:
        key, _, why = str(error).partition(": ")
        findings.add((*path, key), why)
        return []
    return [
        Assertion(
            name=values["name"],
            about=values["for"],
            check=check,
            conditional="where" in values,
            severity=values.get("severity", "error"),
            acceptable=values.get("acceptable", False),
        )
    ]
