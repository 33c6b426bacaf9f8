"""YAML text of imported values, and changes in the text of files: the values are the same, the rest is untouched."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.config.templates import config_templates
from reconcile.config.yaml import documents
from reconcile.connections import yaml_edit, yaml_text
from reconcile.errors import Problem

UNWRITABLE = "\u2028\u2029\ufeff\ufffe\uffff"
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=UNWRITABLE))
ODD = [
    *(
        "no",
        "~",
        "1e3",
        "010",
        "0o17",
        "12:30",
        "2024-01-01",
        "=",
        "<<",
        "- x",
        "a: b",
        "a #b",
        "*a",
        "&a",
        "!x",
        "%",
    ),
    *(
        "{{ command('rm') }}",
        "{% if %}",
        "{# #}",
        "\\{{",
        '{{ "',
        "}}{{",
        "'",
        "",
        " ",
        "\n",
        "a\tb",
        "|",
        "? x",
        "@",
    ),
    *("null", "é", "ldap://x:1"),
]


def data(text: str) -> Any:
    problems: list[Problem] = []
    document = documents.read(Path(), text.encode(), exposed=False, problems=problems)
    assert document, (text, problems)
    assert not problems, (text, problems)
    return document.root.data()


def same(value: str) -> None:
    wanted = {
        "note": value,
        "users": {"select": [value], "fields": {"username": "{{ identifier }}"}},
    }
    item = yaml_text.literal(wanted, ())
    for text in (yaml_text.block({"sources": [item]}), f"sources: [{yaml_text.inline(item)}]"):
        (read,) = data(text)["sources"]
        assert config_templates.evaluate(read["note"], {}) == value
        assert config_templates.evaluate(read["users"]["select"][0], {}) == value
        assert read["users"]["fields"]["username"] == "{{ identifier }}", (
            "a template over an entry stays one"
        )


@pytest.mark.parametrize("value", ODD)
def test_odd_text_means_itself(value: str) -> None:
    same(value)


@given(TEXT)
def test_any_text_means_itself(value: str) -> None:
    same(value)


FILE = """\
# top
version: 1
sources:
  # Zürich 😀
  - name: corp   # the one
    servers:   # in order: these
      - ldap://a   # first
      - ldap://b
    tls: {mode: starttls}   # yes
    base_dn: "{{ suffix }}"
    note: |
      two
      lines
    users:
      # only some
      filter: (a=b)  # why
      create: all
    groups:
# below
roles: {mode: single}
"""
AT = ("sources", 0)
ORDER = "   # in order: these"


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        (("name",), "x", "corp   # the one", "x   # the one"),
        (("servers",), ["c"], f":{ORDER}\n      - ldap://a   # first\n      - ldap://b", f": [c]{ORDER}"),
        (("tls", "mode"), "none", "starttls", "none"),
        (("tls", "ca_file"), "x.pem", "starttls}", "starttls, ca_file: x.pem}"),
        (("users", "filter"), yaml_edit.ABSENT, "      filter: (a=b)  # why\n", ""),
        (("users", "create"), "mapped", "create: all", "create: mapped"),
        (("users", "scope"), "one", "create: all\n", "create: all\n      scope: one\n"),
        (("groups", "base"), "ou=x", "groups:", "groups: {base: ou=x}"),
        (("page_size",), 7, "groups:\n", "groups:\n    page_size: 7\n"),
        (("timeout", "read"), 7, "groups:\n", "groups:\n    timeout: {read: 7}\n"),
        (("tls", "mode"), yaml_edit.ABSENT, "{mode: starttls}", "{}"),
        (("name",), yaml_edit.ABSENT, "name: corp   # the one\n    ", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("crlf", [False, True])
@pytest.mark.parametrize("bom", [False, True])
def test_one_value_changes_and_nothing_else(
    path: tuple[str, ...], value: object, before: str, after: str, crlf: bool, bom: bool
) -> None:
    def file(text: str) -> bytes:
        return (("\ufeff" if bom else "") + (text.replace("\n", "\r\n") if crlf else text)).encode()

    assert FILE.count(before) == 1
    made = yaml_edit.edited(file(FILE), {(*AT, *path): value})
    assert made.decode() == file(FILE.replace(before, after)).decode()


def test_the_last_key_of_a_mapping_leaves_an_empty_one() -> None:
    text = b"sources:\n  - name: x\n    users:  # who\n      filter: (a=b)\n    note: y\n"
    made = yaml_edit.edited(text, {(*AT, "users", "filter"): yaml_edit.ABSENT})
    assert made == b"sources:\n  - name: x\n    users: {}  # who\n    note: y\n"


ITEM = {"name": "new", "users": {"select": ["a"]}}


@pytest.mark.parametrize(
    "text",
    [
        FILE,
        "version: 1\n",
        "version: 1",
        "sources: []  # none\nversion: 1\n",
        "sources: [{name: a}]\n",
        "sources:\n- name: a\n  note: |\n    x\n\n# end",
        "{version: 1}",
        '{"sources": [{"name": "a"}]}',
        "sources: [\n  {name: a},  # one\n]\n",
    ],
)
def test_a_source_is_added_at_the_end(text: str) -> None:
    made = data(yaml_edit.appended(text.encode(), ITEM).decode())
    assert made == data(text) | {"sources": [*data(text).get("sources", []), ITEM]}


@pytest.mark.parametrize(
    "text",
    [
        "vars: {a: &a x}\nsources:\n  - name: *a\n",
        "vars: {a: &a [x]}\nsources:\n  - name: [x]\n    servers: *a\n",
        "sources:\n  - &a {name: x}\n  - *a\n",
        "sources:\n  - name: x\r\n    note: y\n",
    ],
)
def test_what_cannot_be_told_apart_is_refused(text: str) -> None:
    with pytest.raises(yaml_edit.Uneditable):
        yaml_edit.edited(
            text.encode(), {("sources", 0, "servers"): ["n"], ("sources", 0, "name"): "n"}
        )


def test_the_excerpt_is_the_source_as_it_stands() -> None:
    text = yaml_edit.excerpt(FILE.encode(), AT)
    assert text.startswith("name: corp   # the one\nservers:")
    assert text.endswith("create: all\ngroups:")
