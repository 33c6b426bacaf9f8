"""What a platform of type processmaker decides without a database."""

import pytest

from reconcile.model.desired import Platform
from reconcile.platforms.processmaker.dates import day, default_due_date
from reconcile.platforms.processmaker.php import serialized
from reconcile.platforms.processmaker.platform import ProcessMaker
from reconcile.platforms.processmaker.titles import distinct, rooted


class Text:
    def __init__(self, text="mariadb+pymysql://db/wf_{workspace}"):
        self.text = text

    def reveal(self):
        return self.text


def faults(**changed):
    settings = {"type": "processmaker", "url": Text(), "sources": ("corp", "hq")} | changed
    return [
        f"{'.'.join(path)}: {what}" for path, what in ProcessMaker.problems(Platform(**settings))
    ]


def test_good_settings_have_no_faults():
    options = {"takeover": True, "authentication_sources": {"corp": "Corp"}, "roles": {"a": "A"}}
    assert faults(options=options) == []
    assert faults(url=Text("mariadb+pymysql://db/wf_main")) == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"url": None}, "url: is missing"),
        (
            {"url": Text("mariadb+pymysql://db/wf"), "workspaces": ("a", "b")},
            "url: each workspace has a database of its own: write {workspace}",
        ),
        ({"options": {"protect": []}}, "protect: is not a setting of a platform of type processm"),
        (
            {"options": {"authentication_sources": {"crop": "X"}}},
            "authentication_sources.crop: there is no such source; declared are: corp, hq",
        ),
        (
            {"options": {"authentication_sources": {"corp": "X", "hq": "X"}}},
            "authentication_sources.hq: corp already means 'X'",
        ),
        ({"options": {"roles": {"a": "X", "b": "X"}}}, "roles.b: a already means 'X'"),
    ],
)
def test_what_is_wrong_with_the_settings(changed, fault):
    (said,) = faults(**changed)
    assert said.startswith(fault)


def test_php_counts_bytes():
    data = {"a": "ü", "grid": {}, "n": 3}
    assert serialized(data) == 'a:3:{s:1:"a";s:2:"ü";s:4:"grid";a:0:{}s:1:"n";i:3;}'


def test_the_first_of_a_name_keeps_it():
    named = distinct(
        [("a" * 32, "x", ""), ("b" * 32, "x", ""), ("c" * 32, "x", "1"), ("d" * 32, "", "")]
    )
    assert list(named.values()) == ["x", "x", "x (bbbbbbbb)", "(dddddddd)"]


def test_names_that_look_like_ours_are_told_apart_by_more_of_their_ids():
    ids = ["0" * 32, "1" * 31 + "2", "1" * 31 + "3"]
    named = distinct((own, "x", "") for own in ids)
    assert len(set(named.values())) == 3


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({"a": "", "b": "a", "c": "gone"}, {"a": "", "b": "a", "c": ""}),
        ({"a": "a"}, {"a": ""}),
        ({"a": "b", "b": "c", "c": "a", "d": "a"}, {"a": "", "b": "c", "c": "a", "d": "a"}),
    ],
)
def test_a_tree_has_a_top(parents, expected):
    assert rooted(parents) == expected


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("20310506235959Z", "2031-05-06"),
        ("2031-05-06T23:59:59-02:00", "2031-05-07"),
        ("9223372036854775807", "9999-12-31"),
        ("soon", ""),
    ],
)
def test_a_due_date_is_a_day_in_utc(text, date):
    assert day(text) == date
    assert default_due_date()[4] == "-"
