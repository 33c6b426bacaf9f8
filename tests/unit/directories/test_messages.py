"""LDAP messages as bytes: read as ldap3 reads them, and never beyond their end."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.utils.asn1 import decode_message_fast

from reconcile.directories.connection import messages
from reconcile.directories.errors import Result
from reconcile.directories.search.search import RawEntry
from tests.servers import ber

NAMES = st.from_regex("[a-zA-Z]{1,6}(;[a-z]{1,3})?", fullmatch=True)
VALUES = st.lists(st.binary() | st.binary(min_size=120, max_size=300), max_size=3)
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=4)


def read(data: bytes) -> RawEntry:
    found = messages.message(data, 0, len(data))
    assert found.operation == messages.ENTRY
    return messages.entry(data, found.start, found.stop)


@given(st.integers(0, 2**31 - 1), st.text(), ATTRIBUTES)
def test_an_entry_is_what_ldap3_makes_of_it(
    number: int, dn: str, attributes: dict[str, list[bytes]]
) -> None:
    data = ber.message(number, ber.entry(dn, attributes))
    theirs = decode_message_fast(data)
    name, pairs = (element[3] for element in theirs["payload"])
    expected: dict[str, list[bytes]] = {}
    for _, _, _, ((_, _, _, kind), (_, _, _, values)) in pairs:
        expected.setdefault(kind.decode().lower(), []).extend(value[3] for value in values)
    assert messages.message(data, 0, len(data)).id == theirs["messageID"]
    assert read(data) == RawEntry.of(name.decode(), expected)


@given(st.text(), ATTRIBUTES, st.data())
def test_a_torn_entry_is_malformed(
    dn: str, attributes: dict[str, list[bytes]], data: st.DataObject
) -> None:
    whole = ber.message(7, ber.entry(dn, attributes))
    torn = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(ValueError, match=r".+"):
        read(torn)


@given(st.text(), ATTRIBUTES, st.data())
def test_any_changed_byte_gives_an_entry_or_malformed(
    dn: str, attributes: dict[str, list[bytes]], data: st.DataObject
) -> None:
    changed = bytearray(ber.message(7, ber.entry(dn, attributes)))
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    some = bytes(changed)
    try:
        found = messages.message(some, 0, len(some))
        made = messages.entry(some, found.start, found.stop)
    except ValueError:
        return
    assert sum(len(value) for values in made.attributes.values() for value in values) <= len(some)


@given(st.binary(max_size=60))
def test_any_bytes_give_an_answer_or_malformed(data: bytes) -> None:
    def attempt(work: Callable[..., object], *arguments: object) -> None:
        with suppress(ValueError):
            work(*arguments)

    attempt(messages.size, data, 0)
    attempt(messages.message, data, 0, len(data))
    attempt(messages.entry, data, 0, len(data))
    attempt(messages.result, data, 0, len(data))
    attempt(messages.urls, data, 0, len(data))
    attempt(messages.cookie, data, messages.Message(1, messages.DONE, 0, 0, len(data)))


@given(st.binary(max_size=40))
def test_the_size_is_known_when_the_head_is_there(body: bytes) -> None:
    data = ber.tlv(0x30, body)
    assert messages.size(data, 0) == len(data)
    assert messages.size(data[:1], 0) == 0
    long = ber.tlv(0x30, bytes(1000))
    assert [messages.size(long[:count], 0) for count in range(5)] == [0, 0, 0, 0, 1004]


def test_attributes_that_differ_in_case_only_are_one() -> None:
    data = ber.message(1, ber.entry("cn=a", {"CN": ["a"], "cn": ["b"]}))
    assert read(data).attributes == {"cn": [b"a", b"b"]}


def test_a_result_with_everything() -> None:
    urls = ["ldap://a", "ldap://b"]
    data = ber.message(9, ber.result(code=10, matched="dc=x", said="elsewhere", referrals=urls))
    found = messages.message(data, 0, len(data))
    assert messages.result(data, found.start, found.stop) == Result(
        10, "dc=x", "elsewhere", tuple(urls)
    )
    assert messages.cookie(data, found) is None


@pytest.mark.parametrize("cookie", [b"", b"\x00\x01", b"x" * 300])
def test_the_cookie_of_a_page(cookie: bytes) -> None:
    data = ber.message(9, ber.result(), ber.page_control(cookie))
    assert messages.cookie(data, messages.message(data, 0, len(data))) == cookie


def test_the_cookie_among_other_controls() -> None:
    other = ber.tlv(0x30, ber.text("1.2.3"), ber.tlv(0x01, b"\xff"), ber.text("x"))
    paged = ber.tlv(
        0x30,
        ber.text(messages.PAGED_RESULTS),
        ber.tlv(0x01, b"\x00"),
        ber.text(ber.tlv(0x30, ber.number(0), ber.text(b"next"))),
    )
    data = ber.message(9, ber.result(), ber.tlv(0xA0, other, paged))
    assert messages.cookie(data, messages.message(data, 0, len(data))) == b"next"
    alone = ber.message(9, ber.result(), ber.tlv(0xA0, other))
    assert messages.cookie(alone, messages.message(alone, 0, len(alone))) is None


@pytest.mark.parametrize(
    "data",
    [
        ber.message(1, ber.tlv(ber.ENTRY, ber.text("cn=a"), ber.tlv(0x30), ber.text("more"))),
        ber.message(1, ber.tlv(ber.ENTRY, ber.text(b"\xff"), ber.tlv(0x30))),
        ber.message(
            1,
            ber.tlv(
                ber.ENTRY,
                ber.text("a"),
                ber.tlv(0x30, ber.tlv(0x30, ber.text("a"), ber.tlv(0x31), b"\x04\x00")),
            ),
        ),
    ],
)
def test_what_must_not_be_there(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(data)


def test_lengths_that_no_message_has() -> None:
    for head in (b"\x30\x80", b"\x30\x85", b"\x31\x00"):
        with pytest.raises(messages.Malformed):
            messages.size(head, 0)
