"""docs/migrating.md and its table of tests: what they name exists - tests, stories, keys, commands and options."""

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
    """A rule of a product, the headings it stands under, and what the file says about it."""

    headings: tuple[str, str]
    rule: str
    text: str


def headed(file: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """Every line of a file that is no heading, with the product and the section it stands under."""
    product = section = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            product, section = line.removeprefix("## "), ""
        elif line.startswith("### "):
            section = line.removeprefix("### ")
        elif product:
            yield (product, section), line


def documented() -> list[Row]:
    """The rules of docs/migrating.md: entries such as `- **Rule.** What it is here.`"""
    entries: list[tuple[tuple[str, str], str]] = []
    for headings, line in headed(TOP / "docs" / "migrating.md"):
        if line.startswith("- "):
            entries.append((headings, line))
        elif line:
            assert line.startswith("  "), line
            entries[-1] = (headings, f"{entries[-1][1]} {line.strip()}")
    rows = []
    for headings, entry in entries:
        match = re.fullmatch(r"- \*\*(.+?)\.\*\* (.+)", entry)
        assert match is not None, entry
        rows.append(Row(headings, match[1], match[2]))
    return rows


def traced() -> list[Row]:
    """The rules of tests/processmaker_and_vmmanager.md, each with its tests."""
    rows = []
    for headings, line in headed(TOP / "tests" / "processmaker_and_vmmanager.md"):
        if line.startswith("| ") and line != "| rule | tests |":
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 2, line
            rows.append(Row(headings, *cells))
    return rows


def keys(part: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all keys of the schema, as `sources[].users.create`."""
    part = schema["$defs"].get(part.get("$ref", "").removeprefix("#/$defs/"), {}) | part
    if path:
        yield path
    for name, below in part.get("properties", {}).items():
        yield from keys(below, schema, f"{path}.{name}" if path else name)
    for name in part.get("x-by-type", {}).values():
        yield from keys(schema["$defs"][name], schema, path)
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


def test_the_page_and_the_table_have_the_same_rules() -> None:
    assert [row[:2] for row in documented()] == [row[:2] for row in traced()]


def test_every_test_named_exists_and_every_rule_has_one() -> None:
    for row in traced():
        named = re.findall(r"`([^`]+)`", row.text)
        assert named, row.rule
        assert re.sub(r"`[^`]+`", "", row.text).replace(",", "").strip() == "", row.text
        for test in named:
            file, name = re.fullmatch(r"(tests/[\w/]+\.(?:py|yml))(?:::|: )(.+)", test).groups()  # type: ignore[union-attr]
            assert name in names_in(file), test
            assert name.startswith("test_") or file.endswith(".yml"), test


def test_every_rule_has_a_key_or_a_command_and_all_of_them_exist() -> None:
    for row in documented():
        named = 0
        for span in re.findall(r"`([^`]+)`", row.text):
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
    assert sum(row.headings[0] == product for row in documented()) >= 40
