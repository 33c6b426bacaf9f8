"""Every file of `valid` loads; every file of `wrong` has exactly the problems that its first lines say."""

from pathlib import Path

import pytest

from reconcile.config.starter import starter
from reconcile.config.yaml import documents
from tests.unit.config.reading import loaded, said

HERE = Path(__file__).parent


def files(folder: str) -> list[Path]:
    found = sorted((HERE / folder).glob("*.yml"))
    assert found
    return found


@pytest.mark.parametrize("path", files("valid"), ids=lambda path: path.stem)
def test_valid(path):
    assert loaded(path).files == (str(path),)


@pytest.mark.parametrize("path", files("wrong"), ids=lambda path: path.stem)
def test_wrong(path):
    expected = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ")]
    assert expected
    assert [line.removeprefix(f"{path.name}:") for line in said(path)] == expected


def test_the_python_parser_builds_the_same(monkeypatch):
    import yaml

    for path in files("valid"):
        fast = documents.read(path, path.read_bytes(), exposed=False, problems=[])
        slow = documents.read(
            path, path.read_bytes(), exposed=False, problems=[], loader=yaml.SafeLoader
        )
        assert fast.root.data() == slow.root.data()
    for path in files("wrong"):
        found = [[], []]
        for loader, problems in zip((yaml.CSafeLoader, yaml.SafeLoader), found, strict=True):
            documents.read(path, path.read_bytes(), exposed=False, problems=problems, loader=loader)
        assert [bool(problems) for problems in found] in ([True, True], [False, False]), path.name


def test_starter(tmp_path):
    path = tmp_path / "reconcile.yml"
    path.write_text(starter())
    state = loaded(path).desired
    assert [source.name for source in state.sources] == ["corp"]
    assert state.sources[0].base_dn == "dc=example,dc=com"


def test_starter_explains_every_key_that_works():
    import json
    import re

    schema = json.loads((HERE.parents[2] / "schemas" / "config.schema.json").read_text())
    for name in own_pages(schema):
        del schema["$defs"][name]
    words = set(re.findall(r"\w+(?=:)", starter()))
    missing = [key for key, part in properties(schema) if key not in words]
    assert missing == []


def own_pages(schema):
    """Definition and page of the keys that only one type of platform has; sql is the starter's."""
    types = schema["$defs"]["platform"]["x-by-type"]
    return {name: f"platforms/{kind}.md" for kind, name in types.items() if kind != "sql"}


def properties(part):
    for key, below in part.get("properties", {}).items():
        yield key, below
    for name, below in part.items():
        if isinstance(below, dict) and name != "if":
            yield from properties(below)


def test_the_schema_has_only_keywords_with_words_and_explains_every_key():
    import json

    from jsonschema import Draft202012Validator

    from reconcile.config.schema.wording import WORDINGS

    schema = json.loads((HERE.parents[2] / "schemas" / "config.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    silent = {
        "$schema",
        "$id",
        "$defs",
        "$ref",
        "title",
        "description",
        "default",
        "examples",
        "items",
        "properties",
    }
    marks = {
        "x-secret",
        "x-template",
        "x-message",
        "x-removed",
        "x-path",
        "x-by-type",
        "x-defaults",
        "if",
        "then",
        "not",
        "allOf",
        "additionalProperties",
    }
    for key, part in properties(schema):
        shared = schema["$defs"].get(part.get("$ref", "").removeprefix("#/$defs/"), {})
        assert {"title", "description"} <= {**shared, **part}.keys(), key

    def keywords(part):
        yield from part
        for name, below in part.items():
            if name in {"properties", "$defs"}:
                for item in below.values():
                    yield from keywords(item)
            elif isinstance(below, dict) and name in {"items", "propertyNames", "then"}:
                yield from keywords(below)

    assert set(keywords(schema)) - silent - marks <= WORDINGS.keys()


def test_every_key_is_in_the_reference():
    import json

    schema = json.loads((HERE.parents[2] / "schemas" / "config.schema.json").read_text())
    docs = HERE.parents[2] / "docs"
    for name, page in own_pages(schema).items():
        own, text = schema["$defs"].pop(name), (docs / page).read_text()
        assert [key for key, _ in properties(own) if f"`{key}`" not in text] == []
    reference = (docs / "configuration.md").read_text()
    assert [key for key, _ in properties(schema) if f"`{key}`" not in reference] == []
