"""Selections by DN, RDN, name and wildcard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import UsageError
from reconcile.model.text.dn import normalize
from reconcile.planning.selection.patterns import Selection, found_by

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
        (r"cn=\2a", "cn=*,dc=example,dc=com", True),
        (r"cn=\2A", "cn=admins,dc=example,dc=com", False),
        (r"cn=\*", "cn=admins,dc=example,dc=com", False),
        (r"cn=\*,ou=groups", "cn=*,ou=groups,dc=example,dc=com", True),
        (r"cn=\2a,ou=groups,dc=example,dc=com", "cn=x,ou=groups,dc=example,dc=com", False),
        (r"cn=\2a-*", "cn=*-team,ou=groups,dc=example,dc=com", True),
        (r"cn=\2a-*", "cn=red-team,ou=groups,dc=example,dc=com", False),
        (r"cn=é\2a*", "cn=É*x,dc=example,dc=com", True),
        (r"cn=\\2a", r"cn=\5c2a,dc=example,dc=com", True),
        (r"cn=\\*", r"cn=\5cadmins,dc=example,dc=com", True),
        (r"cn=\5c2a", "cn=*,dc=example,dc=com", False),
        ("cn=Doe\\, John", "cn=Doe\\2C John,ou=x,dc=example,dc=com", True),
    ],
)
def test_what_a_pattern_finds(pattern: str, dn: str, found: bool) -> None:
    assert Selection([pattern], BASE).matches(normalize(dn)) is found


def test_an_escaped_star_is_no_wildcard_wherever_patterns_are_asked() -> None:
    keys = [normalize(f"cn={name},dc=example,dc=com") for name in ("admins", r"\2a", r"\2ax")]
    patterns = [r"cn=\2a", r"cn=\2a,dc=example,dc=com", r"cn=\2a*", "cn=*"]
    assert found_by(patterns, BASE, keys) == [[1], [1], [1, 2], [0, 1, 2]]
    selection = Selection(patterns[:2], BASE).resolve(
        str, "corp", lambda: ((key, None, key) for key in keys)
    )
    assert [selection.pattern(key) for key in keys] == [None, 0, None]
    assert [selection.exact_pattern(key) for key in keys] == [None, 1, None]
    assert Selection(["cn=*,dc=example,dc=com"], BASE).exact_pattern(keys[1]) is None


@pytest.mark.parametrize("base", [r"o=\2a,dc=com", r"o=\*,dc=com", "o=*,dc=com"])
def test_a_star_in_the_base_is_no_wildcard(base: str) -> None:
    own, other = (
        normalize(f"cn=x,ou=g,{above}") for above in (r"o=\2a,dc=com", r"o=zzz,o=\2a,dc=com")
    )
    assert found_by(["cn=x,ou=g", r"cn=x,ou=g,o=\2a,dc=com", "cn=*,ou=g"], base, [own, other]) == [
        [0],
        [0],
        [0],
    ]


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
        [
            at
            for at, key in enumerate(keys)
            if Selection([pattern], BASE).matches(key, names[at] if names else None)
        ]
        for pattern in patterns
    ]
    assert found_by(patterns, BASE, keys, names) == expected


def test_which_pattern_is_the_very_dn() -> None:
    selection = Selection(["cn=*", "cn=a", "cn=a,ou=x"], BASE)
    assert selection.exact_pattern(normalize(f"cn=a,ou=x,{BASE}")) == 2
    assert selection.exact_pattern(normalize(f"cn=b,ou=x,{BASE}")) is None


def test_a_pattern_that_names_nothing_exactly_finds_the_one_entry_that_can_be_meant() -> None:
    keys = [
        normalize(f"{name},{BASE}")
        for name in ("cn=Émile", "cn=Gross", "cn=m²", "cn=m2", "ou=Émile")
    ]
    candidates = [(key, None, key) for key in keys]

    def found(*patterns: str) -> list[str]:
        selection = Selection(patterns, BASE).resolve(
            "place[{}]".format, "corp", candidates.__iter__
        )
        return [key.partition(",")[0] for key in keys if selection.matches(key)]

    assert found("cn=ÉMILE") == found("cn=E\u0301mile,dc=example,dc=com") == ["cn=Émile"]
    assert found("ÉMILE") == ["cn=Émile", "ou=Émile"], "one name, two entries of it"
    assert found("cn=Groß") == found("cn=emile") == []
    assert found("cn=m2") == ["cn=m2"]
    assert found("cn=m²", "cn=m2") == ["cn=m²", "cn=m2"]
    with pytest.raises(
        UsageError,
        match=r"place\[1\]: 'ｍ２' can mean several entries of source corp: cn=m2,.*cn=m²,",
    ):
        found("cn=m2", "ｍ２")


def test_why_names_the_pattern_that_was_resolved() -> None:
    key = normalize(f"cn=Émile,{BASE}")
    selection = Selection(["cn=x", "ÉMILE", "*"], BASE).resolve(
        "place[{}]".format, "corp", lambda: [(key, None, key)]
    )
    assert selection.pattern(key) == 1


@pytest.mark.parametrize(
    ("pattern", "name", "folding", "found"),
    [
        ("ÉM*", "émile", "case", True),
        ("*É", "rené", "case", True),
        ("E\u0301*", "émile", "compatibility", True),
        ("E\u0301*", "émile", "case", False),
        ("Gross*", "großmann", "compatibility", False),
        ("*ss", "groß", "compatibility", False),
        ("\uff0aa*", "\uff0aabc", "compatibility", True),
        ("\uff0aa*", "xabc", "compatibility", False),
    ],
)
def test_wildcards_fold_as_the_server_does(
    pattern: str, name: str, folding: str, found: bool
) -> None:
    key = normalize(f"cn={name},{BASE}")
    for written in (pattern, f"cn={pattern}", f"cn={pattern},{BASE}"):
        assert (
            Selection([written], BASE, "case" if folding == "case" else "compatibility").matches(
                key
            )
            is found
        )
