"""Filters: well-formed or not, and values that stay values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.directories import filter_syntax
from reconcile.directories.ldif import filter_match
from reconcile.directories.search import filters


@pytest.mark.parametrize(
    "text",
    [
        "(cn=*)",
        "(&(objectClass=person)(!(uid=x))(|(a=1)(b=2)))",
        "(memberOf:1.2.840.113556.1.4.1941:=cn=x,dc=y)",
        "(cn=a\\28b\\29)",
        "(cn;lang-de=Müller)",
        "(1.2.3.4=x)",
        " (cn=x) ",
        "(:dn:caseExactMatch:=x)",
        "(cn=)",
    ],
)
def test_well_formed(text: str) -> None:
    filter_syntax.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cn=x",
        "(cn=x",
        "(cn)",
        "(&(a=b)",
        "(a=b)(c=d)",
        "(!(a=b)(c=d))",
        "(a=b))(",
        "(=x)",
        "(c n=x)",
        "(cn=\\2)",
        "(cn=\\zz)",
        "(cn=a\\)",
        "(cn=a(b)",
        "()",
        "(&)",
        "((cn=x))",
        "(cn:=)(",
        "(::=x)",
        "(a=b))(|!()",
        "(a=b))(a=b)a=b( !(!*&)",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a filter \(RFC 4515\)"):
        filter_syntax.parse(text)


@given(st.text() | st.text(alphabet="()&|!=*\\a1: ", max_size=20))
def test_any_text_is_a_filter_or_said_not_to_be(text: str) -> None:
    try:
        filter_syntax.parse(text)
    except ValueError as error:
        said = str(error)
    else:
        said = "is a filter"
    assert said == "is a filter" or "is not a filter (RFC 4515)" in said


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1))
def test_an_escaped_value_finds_itself_and_nothing_by_wildcard(value: str) -> None:
    text = f"(cn={filters.escape(value)})"
    matches = filter_match.compiled(text)
    assert matches({"cn": [value.encode()]})
    assert not matches({"cn": [value.encode() + b"more"]})


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("a*b", "a\\2ab"),
        ("(x)", "\\28x\\29"),
        ("\\", "\\5c"),
        ("\0", "\\00"),
        ("  x ", "\\20\\20x\\20"),
        ("ü", "ü"),
        (" ", "\\20"),
    ],
)
def test_escape(value: str, escaped: str) -> None:
    assert filters.escape(value) == escaped


def test_any_of() -> None:
    assert filters.any_of("entryuuid", ["a", "b"]) == "(|(entryuuid=a)(entryuuid=b))"
