"""LDIF as bytes: what is read, and what is refused at which line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.directories.records import Broken, records
from tests.servers.sources import ldif


def parsed(data: bytes) -> list[tuple[int, str, dict[str, list[bytes]]]]:
    return [(line, entry.dn, entry.attributes) for line, entry in records(data)]


def test_entries_know_their_line() -> None:
    data = b"version: 1\ndn: dc=a\nobjectclass: x\n\n\n# b\ndn: dc=b\nobjectclass: y\n"
    assert [(line, dn) for line, dn, _ in parsed(data)] == [(2, "dc=a"), (7, "dc=b")]


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b" dn: dc=a\n", 1, "continues nothing"),
        (b"version: 2\n", 1, "only LDIF version 1"),
        (b"dn: dc=a\nobjectclass: x\n\nversion: 1\n", 4, "starts with `dn:`, not with `version:`"),
        (b"cn: a\n", 1, "starts with `dn:`, not with `cn:`"),
        (b"dn: dc=a\nobjectclass\n", 2, "no `attribute: value`"),
        (b"dn: dc=a\nobject class: x\n", 2, "no `attribute: value`"),
        (b"dn: dc=a\nobjectclass:: x\n", 2, "is not base64"),
        (b"dn: dc=a\nobjectclass: x\njpegphoto:< file:///etc/passwd\n", 3, "such values are not read"),
        (b"dn: dc=a\nobjectclass: x\ndn: dc=b\n", 3, "a second `dn:`"),
        (b"dn: dc=a\ncontrol: 1.2.3\nchangetype: add\n", 2, "change record"),
        (b"dn: dc=a\nchangetype: add\nobjectclass: x\n", 2, "change record"),
        (b"dn: dc=a\ncn: a\n", 1, "has no objectClass"),
        (b"dn:: /w==\nobjectclass: x\n", 1, "the DN is not UTF-8"),
        (b"search: 2\nresult: 0 Success\n", 1, "starts with `dn:`, not with `search:`"),
        (b"dn: dc=a\nobjectclass: x", 2, "the last line is not ended"),
        (b"dn: dc=a\nobjectclass: x\n-\n", 3, "no `attribute: value`"),
        (b"dn: dc=a\ncn: x\ncn\n", 3, "without a colon"),
    ],
)
def test_what_is_refused(data: bytes, line: int, message: str) -> None:
    with pytest.raises(Broken, match=message) as caught:
        parsed(data)
    assert caught.value.line == line


def test_a_value_of_many_lines_takes_no_quadratic_time() -> None:
    value = b"\n ".join([b"0123456789" * 7] * 40_000)
    ((_, _, attributes),) = parsed(b"dn: dc=a\nobjectclass: x\ndescription: " + value + b"\n")
    assert len(attributes["description"][0]) == 40_000 * 70


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.dictionaries(st.from_regex("[a-z]{1,5}(;[a-z]{1,3})?", fullmatch=True), st.lists(st.binary(), min_size=1)),
    )
)
def test_what_is_written_is_read(entries: dict[str, dict[str, list[bytes]]]) -> None:
    taken = {"dn", "control", "changetype", "version"}
    named = {
        dn: {"objectclass": [b"x"]} | {name: values for name, values in attributes.items() if name not in taken}
        for dn, attributes in entries.items()
    }
    assert {dn: attributes for _, dn, attributes in parsed(ldif(named).encode())} == named


@given(st.binary())
def test_anything_is_read_or_refused(data: bytes) -> None:
    with suppress(Broken):
        parsed(data)
