"""Normalization of foreign text: the same as Unicode's for every text that people write, and never slow."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model.text import dn, folding, name_patterns, normalization
from reconcile.model.text.normalization import _HIDDEN_MARKS, MOST_MARKS, normalized, normalized_3_2

FORMS: tuple[normalization.Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
ABOVE, BELOW = "\u0300", "\u0316"
ENDLESS = "a" + (ABOVE + BELOW) * 40_000


@given(st.text(max_size=300), st.sampled_from(FORMS))
def test_what_people_write_is_normalized(text: str, form: normalization.Form) -> None:
    assert normalized(form, text) == unicodedata.normalize(form, text)
    assert normalized_3_2(form, text) == unicodedata.ucd_3_2_0.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
def test_a_long_text_of_ordinary_letters_is_normalized(form: normalization.Form) -> None:
    for text in (
        "Jürgen, Zoë; " * 500,
        "Trần Đức Ẩn " * 500,
        ("x" + ABOVE * MOST_MARKS) * 100,
        "ｶﾞ" * 400,
    ):
        assert normalized(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text",
    [ENDLESS, "\uff9e\u0300" * 40_000, "\u0f73\u0300" * 40_000, "x" * 300 + (ABOVE + BELOW) * 16],
)
def test_more_marks_than_a_language_has_stay_as_they_are(
    text: str, form: normalization.Form
) -> None:
    assert normalized(form, text) is text
    assert normalized_3_2(form, text) is text


def test_every_character_that_becomes_a_mark_counts_as_one() -> None:
    hidden = {
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if not unicodedata.combining(char)
        and unicodedata.combining(unicodedata.normalize("NFKD", char)[0])
    }
    assert hidden == set(map(chr, _HIDDEN_MARKS))
    assert all(map(unicodedata.combining, _HIDDEN_MARKS.values()))


def test_what_is_not_normalized_equals_only_its_own_spelling() -> None:
    other = "a" + (BELOW + ABOVE) * 40_000
    for fold in (
        folding.fold_name,
        folding.folded,
        folding.widely_folded,
        name_patterns.folded,
        lambda text: dn.wide_text(text, "compatibility"),
        lambda text: dn.wide(dn.key(f"cn={text}"), "compatibility"),
    ):
        assert fold(ENDLESS) == fold(ENDLESS.upper())
        assert fold(ENDLESS) != fold(other)
        assert fold(ENDLESS) != fold(unicodedata.normalize("NFC", ENDLESS[:200]) + ENDLESS[200:])
