"""Filters: well-formed or not, and values that stay values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.directories import filter_syntax
from reconcile.directories.filter_faults import FilterError, first_fault
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


@pytest.mark.parametrize(
    ("text", "position", "cause"),
    [
        ("(a=b)x", 6, "text follows the end"),
        ("(a=b)(c=d)", 6, "another filter follows"),
        ("cn=x", 1, "begins with a parenthesis"),
        ("(a=b", 1, "is not closed"),
        ("(&(a=b)(c=d)", 1, "is not closed"),
        ("(a=b))", 6, "never opened"),
        ("(&(a=b(c=d))", 7, "in a value, write it "),
        ("(cn)", 4, "an operator (= >= <= ~=) is missing"),
        ("(a>b)", 3, "write >="),
        ("((a=b))", 2, "an operator (& | !) is missing"),
        ("(&a=b)", 3, "expected ( or ) after &, not 'a'"),
        ("(|)", 3, "no filter after |"),
        ("()", 2, "nothing between"),
        ("(!(a=b)(c=d))", 8, "! takes one filter"),
        ("(cn=\\zz)", 5, "two hexadecimal digits"),
        ("(cn=a\\)", 6, "two hexadecimal digits"),
        ("(c n=x)", 3, "cannot have ' '"),
        ("(ä=b)", 2, "cannot have 'ä'"),
        ("(&(x=y)(=x))", 9, "name of an attribute is missing"),
        ("(a;=b)", 3, "is not an attribute name"),
        ("(:=b)", 2, "matching rule is missing"),
    ],
)
def test_a_fault_has_a_place_and_a_cause(text: str, position: int, cause: str) -> None:
    with pytest.raises(FilterError) as raised:
        filter_syntax.parse(text)
    assert f"character {position}: " in str(raised.value)
    assert cause in str(raised.value)
    shown, caret = raised.value.picture.splitlines()[1:]
    assert shown.strip() == text
    assert caret.index("^") - 4 == position - 1


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_filter_has_no_picture(text: str) -> None:
    with pytest.raises(FilterError, match="it is empty") as raised:
        filter_syntax.parse(text)
    assert raised.value.picture == ""


def test_the_picture_of_a_long_filter_fits_a_terminal() -> None:
    parts = "".join(f"(a{number}=b)\n" for number in range(200))
    with pytest.raises(FilterError) as raised:
        filter_syntax.parse(f"(&{parts}(=x){parts})")
    _, shown, caret = raised.value.picture.split("\n")
    assert len(shown) < 80
    assert shown[caret.index("^")] == "="
    assert shown.strip()[0] == shown[-1] == "…"


@given(st.text(alphabet="()&|!=*\\a1:<>~; ", max_size=20))
def test_what_the_parser_takes_has_no_fault(text: str) -> None:
    try:
        filter_syntax.parse(text)
    except ValueError:
        return
    assert first_fault(text) is None


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
