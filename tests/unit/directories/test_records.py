"""LDIF as bytes: what is read, and what is refused at which line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.directories.ldif.records import Broken, records
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
        (b"dn: dc=a\nobjectclass: x\n\nversion: 2\n", 4, "only LDIF version 1"),
        (b"cn: a\n", 1, "starts with `dn:`, not with `cn:`"),
        (b"dn: dc=a\nobjectclass\n", 2, "no `attribute: value`"),
        (b"dn: dc=a\nobject class: x\n", 2, "no `attribute: value`"),
        (b"dn: dc=a\nobjectclass:: x\n", 2, "is not base64"),
        (
            b"dn: dc=a\nobjectclass: x\njpegphoto:< file:///etc/passwd\n",
            3,
            "such values are not read",
        ),
        (b"dn: dc=a\nobjectclass: x\ndn: dc=b\n", 3, "a second `dn:`"),
        (b"dn: dc=a\ncontrol: 1.2.3\nchangetype: add\n", 2, "change record"),
        (b"dn: dc=a\nchangetype: modify\nobjectclass: x\n", 2, "change record"),
        (b"dn: dc=a\nchangetype: delete\n", 2, "change record"),
        (b"dn: dc=a\nchangetype: moddn\nnewrdn: dc=b\n", 2, "change record"),
        (b"dn: dc=a\nobjectclass: x\nchangetype: add\n", 3, "change record"),
        (b"dn: dc=a\nchangetype: add\nchangetype: add\nobjectclass: x\n", 3, "change record"),
        (b"dn: dc=a\nchangetype: add\n", 1, "has no objectClass"),
        (b"dn: dc=a\ncn: a\n", 1, "has no objectClass"),
        (b"dn:: /w==\nobjectclass: x\n", 1, "the DN is not UTF-8"),
        (
            b"search: 2\nresult: 4 Size limit exceeded\n",
            2,
            "not answered completely: result 4 Size limit exceeded",
        ),
        (b"result: 32 No such object\n", 1, "not answered completely: result 32"),
        (b"search: 2\nresult: 00\n", 2, "not answered completely: result 00"),
        (b"search: 2\nresult:\n", 2, "not answered completely"),
        (b"search: 2\n", 1, "the file is cut off"),
        (
            b"# search reference\nref: ldap://other/dc=a\n",
            2,
            "a part of the tree is on another server.*ldap://other",
        ),
        (b"search: 2\nresult: 0 Success\npagedresults: cookie=AAA=\n", 3, "has more pages"),
        (
            b"search: 2\nresult: 0 Success\npagedresults: estimate=7 cookie=AAA=\n",
            3,
            "has more pages",
        ),
        (b"dn: dc=a\nobjectclass: x", 2, "the last line has no line break"),
        (b"dn: dc=a\nobjectclass: x\n-\n", 3, "no `attribute: value`"),
        (b"dn: dc=a\ncn: x\ncn\n", 3, "without a colon"),
    ],
)
def test_what_is_refused(data: bytes, line: int, message: str) -> None:
    with pytest.raises(Broken, match=message) as caught:
        parsed(data)
    assert caught.value.line == line


ONE, TWO = b"dn: dc=a\nobjectclass: x\n", b"dn: dc=b\nobjectclass: x\n"
DONE = b"search: 2\nresult: 0 Success\n"


@pytest.mark.parametrize(
    "data",
    [
        ONE + b"\nversion: 1\n" + TWO,
        ONE + b"\nversion: 1\n\n" + TWO,
        b"\xef\xbb\xbfversion: 1\r\n" + ONE + b"\n\xef\xbb\xbfversion: 1\r\n\r\n" + TWO,
        b"\xef\xbb\xbf# one\n" + ONE + b"\n\xef\xbb\xbf# two\n" + TWO,
        b"# extended LDIF\n#\n\n"
        + ONE
        + b"\n"
        + TWO
        + b"\n# search result\n"
        + DONE
        + b"\n# numEntries: 2\n",
        ONE
        + b"\n"
        + DONE
        + b"control: 1.2.3 false AA==\npagedresults: cookie=AA==\n\n"
        + TWO
        + b"\n"
        + DONE,
        ONE + b"\n" + TWO + b"\n" + DONE + b"control: 1.2.3 false AA==\npagedresults: cookie=\n",
        b"dn: dc=a\nchangetype: add\nobjectclass: x\n\ndn: dc=b\r\nChangeType: ADD \r\nobjectclass: x\n",
        b"dn: dc=a\nchangetype:: YWRk\nobjectclass: x\n\n" + TWO,
    ],
)
def test_what_tools_write_around_entries(data: bytes) -> None:
    assert [(dn, attributes) for _, dn, attributes in parsed(data)] == [
        ("dc=a", {"objectclass": [b"x"]}),
        ("dc=b", {"objectclass": [b"x"]}),
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "code", ["UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-32LE", "UTF-32BE"]
)
@pytest.mark.parametrize("start", ["dn: o=\u043e\u043e", "version: 1", "# a", ""])
def test_another_encoding_is_called_by_its_name(code: str, start: str, line_end: str) -> None:
    data = f"{start}\ndn: dc=\u043e\nobjectclass: x\n".replace("\n", line_end).encode(code)
    with pytest.raises(
        Broken, match=rf"is in {code}, .* `iconv -f {code} -t UTF-8 'my file' > 'my file'.utf8`"
    ):
        list(records(data, "my file"))


def test_utf_16_of_the_other_order_says_so_too() -> None:
    with pytest.raises(Broken, match="is in UTF-16,"):
        parsed(b"\xfe\xff" + "dn: dc=a\n".encode("UTF-16BE"))


def test_an_object_class_with_an_option_is_one() -> None:
    assert [dn for _, dn, _ in parsed(b"dn: dc=a\nobjectclass;x-a: y\n")] == ["dc=a"]


def test_a_value_of_many_lines_takes_no_quadratic_time() -> None:
    value = b"\n ".join([b"0123456789" * 7] * 40_000)
    ((_, _, attributes),) = parsed(b"dn: dc=a\nobjectclass: x\ndescription: " + value + b"\n")
    assert len(attributes["description"][0]) == 40_000 * 70


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.dictionaries(
            st.from_regex("[a-z]{1,5}(;[a-z]{1,3})?", fullmatch=True),
            st.lists(st.binary(), min_size=1),
        ),
    )
)
def test_what_is_written_is_read(entries: dict[str, dict[str, list[bytes]]]) -> None:
    taken = {"dn", "control", "changetype", "version"}
    named = {
        dn: {"objectclass": [b"x"]}
        | {name: values for name, values in attributes.items() if name not in taken}
        for dn, attributes in entries.items()
    }
    assert {dn: attributes for _, dn, attributes in parsed(ldif(named).encode())} == named


@given(st.binary())
def test_anything_is_read_or_refused(data: bytes) -> None:
    with suppress(Broken):
        parsed(data)


def test_entries_after_the_last_result_are_those_of_a_search_that_was_cut_off() -> None:
    one = b"dn: dc=a\nobjectclass: x\n\n"
    two = b"dn: dc=b\nobjectclass: x\n\ndn: dc=c\nobjectclass: x\n\n"
    assert [name for _, name, _ in parsed(one + DONE + b"\n" + two + DONE)] == [
        "dc=a",
        "dc=b",
        "dc=c",
    ]
    with pytest.raises(Broken, match=r"no `result:` follows this entry.*cut off") as caught:
        parsed(one + DONE + b"\n" + two)
    assert caught.value.line == 7


def test_a_range_of_all_values_is_the_attribute() -> None:
    data = b"dn: dc=a\nobjectclass: x\nmember;Range=0-*: dc=b\nmember: dc=c\n"
    assert parsed(data)[0][2]["member"] == [b"dc=b", b"dc=c"]


@pytest.mark.parametrize("part", [b"range=0-1499", b"range=1500-*", b"RANGE=0-0"])
def test_a_range_of_some_values_is_refused(part: bytes) -> None:
    with pytest.raises(
        Broken, match="is a range of the values, and the others are not in the entry"
    ) as caught:
        parsed(b"dn: dc=a\nobjectclass: x\nmember;" + part + b": dc=b\n")
    assert caught.value.line == 3
