"""What our own check of the schema says is what jsonschema says."""

import copy
import random
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from jsonschema.validators import Draft202012Validator

from reconcile.config.schema.conforms import Undecided, conforms
from reconcile.config.schema.schema import schema
from tests.effort import size

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples"
VALUES = [
    *(None, True, False, 0, 1, -1, 1.0, 0.5, float("nan"), float("inf"), 10**40),
    *("", "x", "5m", "1.5s", "10%", "none", "clear", "sql", "ldif", "\n", "5m\n", "x" * 60),
    *([], [1], ["a", "a"], ["a", ["b"]], [True, 1], [{}], {}, {"type": "ldif"}, {"type": 1}),
    *({"": ""}, {"x-y": 1}, {"type": "unknown", "anything": 1}, {"type": "sql", "limits": {}}),
]


def documents():
    files = [*(HERE / "valid").glob("*.yml"), *EXAMPLES.glob("*/reconcile.yml")]
    return [yaml.safe_load(file.read_bytes()) for file in sorted(files)]


def places(value):
    """Every place in a document: the mapping or list that holds it, and its key."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items) if isinstance(value, dict | list) else ():
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


def test_the_schema_has_no_keyword_that_is_undecided():
    """Otherwise most documents are given to jsonschema, and every command takes its time."""
    answers = [conforms(document, schema(), schema()) for document in documents()]
    assert answers.count(True) > 5  # those that have templates are rendered before they are checked


def test_a_wrong_value_anywhere_is_refused_exactly_if_jsonschema_refuses_it():
    judge = Draft202012Validator(schema())
    chance, answers = random.Random(7), {True: 0, False: 0}
    for whole in documents():
        for _ in range(size(20, 100)):
            document = copy.deepcopy(whole)
            held, key = chance.choice(list(places(document)))
            held[key] = copy.deepcopy(chance.choice(VALUES))
            if chance.random() < 0.2 and isinstance(held, dict):
                held[chance.choice(["type", "name", "no-such-key", "pattern"])] = "x"
            right = judge.is_valid(document)
            answers[right] += 1
            with suppress(Undecided):  # what is not decided is left to jsonschema
                assert conforms(document, schema(), schema()) == right, document
    assert min(answers.values()) > 10


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_each_definition_decides_each_value_as_jsonschema_does(value):
    for name, definition in schema()["$defs"].items():
        judge = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema()["$defs"]})
        with suppress(Undecided):
            assert conforms(value, definition, schema()) == judge.is_valid(value), name


@pytest.mark.parametrize(
    "rules",
    [
        {"contains": {"type": "string"}},
        {"enum": [None]},
        {"if": {"type": "string"}, "then": {}, "else": {"type": "null"}},
        {"$ref": "other.json"},
        {"uniqueItems": True},
    ],
    ids=lambda rules: next(iter(rules)),
)
def test_what_it_does_not_decide_is_never_accepted(rules):
    with pytest.raises(Undecided):
        conforms([1], rules, {"$defs": {}})
