"""Connection files: what is written is read back, what is no connection is refused, no password gets through."""

import json

import msgspec
import pytest

from reconcile import connections
from reconcile.config.sections.build import FIELDS
from reconcile.config.templates.entry_templates import Surroundings, compiled
from reconcile.errors import ConfigError
from reconcile.model import desired
from tests.servers.sources import Known

AROUND = Surroundings("corp", "example.com", {})
SOURCE = desired.Source(
    name="corp",
    type="openldap",
    base_dn="dc=example,dc=com",
    servers=("ldap://a.example.com",),
    tls=desired.Tls(ca_file="/etc/corp/ca.pem"),
    bind=desired.Bind(dn="cn=reader,dc=example,dc=com", password=Known("s3cret")),
    users=desired.Users(
        fields={key: compiled(text, AROUND) for key, text in FIELDS.items()},
        attributes=(
            desired.Attribute(
                "phone", compiled("{{ telephoneNumber }}", AROUND), frozenset({"b", "a"})
            ),
        ),
    ),
)


def refused(content: bytes) -> list[str]:
    with pytest.raises(ConfigError) as error:
        connections.loads(content, "corp.json")
    return [str(problem) for problem in error.value.problems]


def document(**changes: object) -> bytes:
    text = connections.dumps(connections.described(SOURCE), ["0" * 64])
    return json.dumps(json.loads(text) | changes).encode()


def test_what_is_written_is_read_back_without_the_password() -> None:
    settings = connections.described(SOURCE)
    text = connections.dumps(settings, ["0" * 64])
    assert "s3cret" not in text
    assert "password" not in text
    assert "/etc" not in text, "of the CA file the name alone"
    read = connections.loads(text.encode(), "corp.json")
    assert read.settings == settings
    assert read.ca_certificates == ("0" * 64,)
    assert read.warnings == ()
    assert settings["users"]["attributes"] == [
        {"field": "phone", "value": "{{ telephoneNumber }}", "roles": ["a", "b"]}
    ]
    assert connections.is_connection(text.encode())


def test_every_setting_of_a_source_is_described_but_those_that_cannot_travel() -> None:
    assert set(connections.described(SOURCE)) == set(desired.Source.__struct_fields__) - {
        "files",
        "options",
    }


def test_what_nobody_thought_of_is_never_written() -> None:
    odd = msgspec.structs.replace(SOURCE, note=Known("s3cret"))
    with pytest.raises(TypeError, match="is not a setting"):
        connections.described(odd)


def test_a_password_in_the_file_is_ignored_with_a_warning() -> None:
    source = json.loads(document())["source"]
    source["bind"]["password"] = "s3cret"
    read = connections.loads(document(source=source), "corp.json")
    assert "s3cret" not in repr(read)
    assert len(read.warnings) == 1
    assert "password is ignored" in read.warnings[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "expected an object, got a list"),
        (b"null", "expected an object, got nothing"),
        (b"{}", "this is not a connection file"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b'{"a": 1, "a": 2}', "the key 'a' is given twice"),
        (b'{"format": NaN}', "NaN is not a JSON number"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested deeper than 20 levels"),
        (b'{"format":' + b"[" * 30 + b"]" * 30 + b"}", "nested deeper than 20 levels"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b" " * (1024 * 1024 + 1), "larger than 1024 KiB"),
        (document(version=2), "format version 2 is not supported"),
        (document(version=True), "version: expected 1"),
        (document(version="1"), "version: expected 1"),
        (document(format="x"), "this is not a connection file"),
        (document(extra=1), "extra: unknown key"),
        (document(source=[]), "source: expected a mapping, got a list"),
        (document(source={}), "source: the key `name` is missing"),
        (
            document(source={"name": 1, "type": "openldap", "base_dn": "x"}),
            "source.name: expected text, got a number",
        ),
        (
            document(source={"name": "x", "type": "ldif", "base_dn": "x"}),
            "source.type: expected openldap",
        ),
        (
            document(source={"name": "x", "type": "ldap", "base_dn": "x", "users": []}),
            "users: expected a mapping",
        ),
        (
            document(source={"name": "x\u001b[2J", "type": "ldap", "base_dn": "x"}),
            "U+001B is not allowed",
        ),
        (
            document(source={"name": "x\u202egnp", "type": "ldap", "base_dn": "x"}),
            "U+202E is not allowed",
        ),
        (b'{"format": "\\ud800"}', "U+D800 is not allowed"),
        (
            document(
                source={
                    "name": "x",
                    "type": "ldap",
                    "base_dn": "x",
                    "tls": {"ca_file": "../../etc/passwd"},
                }
            ),
            "source.tls.ca_file: expected the name of a file, without a folder",
        ),
        (document(ca_certificates=["x"]), "ca_certificates[0]: expected a SHA-256 fingerprint"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_no_connection_is_refused(content: bytes, said: str) -> None:
    problems = refused(content)
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("corp.json:") for problem in problems)
