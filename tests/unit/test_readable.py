"""What the lint cannot see: no conditional expression within another, no function over 60 lines."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "reconcile"
LONGEST = 60


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in path.parts:
            yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def test_no_conditional_expression_is_within_another() -> None:
    nested = [
        f"{name}:{outer.lineno}"
        for name, tree in trees()
        for outer in ast.walk(tree)
        if isinstance(outer, ast.IfExp)
        and any(isinstance(inner, ast.IfExp) for inner in ast.walk(outer) if inner is not outer)
    ]
    assert nested == []


def test_no_function_is_longer_than_a_page() -> None:
    long = [
        f"{name}:{function.lineno} {function.name}"
        for name, tree in trees()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and (function.end_lineno or 0) - function.lineno >= LONGEST
    ]
    assert long == []


def test_no_folder_has_more_than_16_modules() -> None:
    crowded = {
        str(folder.relative_to(PACKAGE)): count
        for folder in (PACKAGE, *PACKAGE.rglob("*"))
        if folder.is_dir() and (count := len(list(folder.glob("*.py")))) > 16
    }
    assert crowded == {}
