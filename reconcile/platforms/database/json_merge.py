"""Merging changes into a JSON column: null removes, anything else is set (RFC 7396, flat)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class merged(GenericFunction[Any]):  # noqa: N801 - as SQL writes functions
    """`merged(column, changes)`."""

    type = sa.JSON()
    inherit_cache = True
    name = "reconcile_merged"


def _arguments(element: merged, compiler: SQLCompiler, **options: Any) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]


@compiles(merged)
def _sqlite(element: merged, compiler: SQLCompiler, **options: Any) -> str:
    column, changes = _arguments(element, compiler, **options)
    return f"json_patch({column}, {changes})"


@compiles(merged, "mariadb")
def _mariadb(element: merged, compiler: SQLCompiler, **options: Any) -> str:
    column, changes = _arguments(element, compiler, **options)
    return f"JSON_MERGE_PATCH({column}, {changes})"


@compiles(merged, "postgresql")
def _postgresql(element: merged, compiler: SQLCompiler, **options: Any) -> str:
    column, changes = _arguments(element, compiler, **options)
    changed = f"({changes})::jsonb"
    nulls = f"jsonb_each({changed}) WHERE value = 'null'::jsonb"
    removed = f"ARRAY(SELECT key FROM {nulls})"  # noqa: S608 - made of a parameter
    return f"(({column} || {changed}) - {removed})"
