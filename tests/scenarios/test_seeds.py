"""docs/seeds.md: whatever its tables name is there - tests, stories, keys of the schema, commands and their options."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from reconcile import cli

TOP = Path(__file__).parents[2]


class Row(NamedTuple):
    """One rule of a product: what it is here, and the tests that show it."""

    rule: str
    here: str
    tests: str


def rows() -> list[Row]:
    found = []
    for line in (TOP / "docs" / "seeds.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and cells[1] != "here":
            assert len(cells) == 3, line
            found.append(Row(*cells))
    return found


def keys(part: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all keys of the schema, as `sources[].users.create`."""
    part = schema["$defs"].get(part.get("$ref", "").removeprefix("#/$defs/"), {}) | part
    if path:
        yield path
    for name, below in part.get("properties", {}).items():
        yield from keys(below, schema, f"{path}.{name}" if path else name)
    if "items" in part:
        yield from keys(part["items"], schema, f"{path}[]")


@cache
def known_keys() -> frozenset[str]:
    schema = json.loads((TOP / "schemas" / "config.schema.json").read_text(encoding="utf-8"))
    return frozenset(keys(schema, schema))


def problem_of_command(text: str) -> str:
    """What is wrong with a command line such as `reconcile apply --force`, "" for nothing."""
    command: click.Command = cli.cli
    for word in text.split()[1:]:
        if word.startswith("-"):
            options = {
                option for one in command.params for option in (*one.opts, *one.secondary_opts)
            }
            if word not in options and word != "-vv":
                return f"{text}: no option {word}"
        elif not isinstance(command, click.Group) or word not in command.commands:
            return f"{text}: no command {word}"
        else:
            command = command.commands[word]
    return ""


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of the tests, or the stories, of a file."""
    path = TOP / file
    if not path.is_file():
        return frozenset()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yml":
        return frozenset(story["what"] for story in yaml.safe_load(text))
    return frozenset(
        node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)
    )


def test_every_test_named_exists_and_every_rule_has_one() -> None:
    for row in rows():
        named = re.findall(r"`([^`]+)`", row.tests)
        assert named, row.rule
        assert re.sub(r"`[^`]+`", "", row.tests).strip() == "", row.tests
        for test in named:
            file, name = re.fullmatch(r"(tests/[\w/]+\.(?:py|yml))(?:::|: )(.+)", test).groups()  # type: ignore[union-attr]
            assert name in names_in(file), test
            assert name.startswith("test_") or file.endswith(".yml"), test


def test_every_rule_has_a_key_or_a_command_and_all_of_them_exist() -> None:
    for row in rows():
        named = 0
        for span in re.findall(r"`([^`]+)`", row.here):
            key = span.partition(": ")[0]
            if span.startswith("reconcile "):
                assert problem_of_command(span) == ""
                named += 1
            elif re.split(r"\.|\[", key)[0] in known_keys() or re.fullmatch(
                r"[\w\[\]]+\.[\w.\[\]]+", key
            ):
                assert key in known_keys(), row.rule
                named += 1
        assert named, row.rule


@pytest.mark.parametrize("product", ["ProcessMaker", "VMmanager"])
def test_each_product_has_its_rules(product: str) -> None:
    text = (TOP / "docs" / "seeds.md").read_text(encoding="utf-8")
    part = text.partition(f"\n## {product}\n")[2].partition("\n## ")[0]
    assert part.count("\n| ") >= 40
