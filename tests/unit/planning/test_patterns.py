"""Selections by DN, RDN, name and wildcard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model.dn import normalize
from reconcile.planning.patterns import Selection, found_by

BASE = "dc=example,dc=com"


@pytest.mark.parametrize(
    ("pattern", "dn", "found"),
    [
        ("cn=Admins,ou=Groups,DC=example,dc=com", "cn=admins,ou=groups,dc=example,dc=com", True),
        ("cn=admins,ou=groups", "cn=admins,ou=groups,dc=example,dc=com", True),
        ("cn=admins,ou=groups", "cn=admins,ou=other,dc=example,dc=com", False),
        ("cn=admins", "cn=admins,ou=any,dc=example,dc=com", True),
        ("cn=admins", "ou=admins,dc=example,dc=com", False),
        ("admins", "ou=admins,dc=example,dc=com", True),
        ("cn=*-TEAM", "cn=red-team,dc=example,dc=com", True),
        ("cn=*-team", "cn=red-teams,dc=example,dc=com", False),
        ("*-team", "cn=red-team,dc=example,dc=com", True),
        ("cn=*,ou=teams", "cn=red,ou=teams,dc=example,dc=com", True),
        ("cn=*,ou=teams", "cn=red,ou=others,dc=example,dc=com", False),
        ("cn=a.b", "cn=axb,dc=example,dc=com", False),
        ("cn=[ab]", "cn=a,dc=example,dc=com", False),
        ("cn=Doe\\, John", "cn=Doe\\2C John,ou=x,dc=example,dc=com", True),
    ],
)
def test_what_a_pattern_finds(pattern: str, dn: str, found: bool) -> None:
    assert Selection([pattern], BASE).matches(normalize(dn)) is found


def test_a_person_is_found_by_its_identifier() -> None:
    key = normalize("cn=John Doe,dc=example,dc=com")
    assert Selection(["JDOE"], BASE).matches(key, "jdoe")
    assert Selection(["j*"], BASE).matches(key, "jdoe")
    assert not Selection(["john*"], BASE).matches(key, "jdoe")
    assert Selection(["cn=john*"], BASE).matches(key, "jdoe")


def test_nothing_selects_nothing() -> None:
    assert not Selection([], BASE)
    assert not Selection([], BASE).matches("cn=a")
    assert not Selection(["cn=x,dc=example,dc=com"], BASE).matches("cn=a,dc=example,dc=com")


_WORDS = st.sampled_from(["a", "b", "ab", "A", "a*", "*b", "*", "é"])
_PATTERNS = st.one_of(
    _WORDS,
    _WORDS.map("cn={}".format),
    st.tuples(_WORDS, _WORDS).map(lambda pair: "cn={},ou={}".format(*pair)),
)
_ENTRIES = st.tuples(st.sampled_from(["a", "b", "ab", "é"]), st.sampled_from(["a", "b"]), _WORDS)


@given(st.lists(_PATTERNS, max_size=6), st.lists(_ENTRIES, max_size=6), st.booleans())
def test_a_list_finds_what_each_of_its_patterns_selects(
    patterns: list[str], entries: list[tuple[str, str, str]], named: bool
) -> None:
    keys = [normalize(f"cn={name},ou={unit},{BASE}") for name, unit, _ in entries]
    names = [name for _, _, name in entries] if named else None
    expected = [
        [at for at, key in enumerate(keys) if Selection([pattern], BASE).matches(key, names[at] if names else None)]
        for pattern in patterns
    ]
    assert found_by(patterns, BASE, keys, names) == expected


def test_which_pattern_is_the_very_dn() -> None:
    selection = Selection(["cn=*", "cn=a", "cn=a,ou=x"], BASE)
    assert selection.exact_pattern(normalize(f"cn=a,ou=x,{BASE}")) == 2
    assert selection.exact_pattern(normalize(f"cn=b,ou=x,{BASE}")) is None
