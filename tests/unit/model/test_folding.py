"""Which names are one name."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model.text.folding import fold_name, sole_holders

NASTY = "aAiIıİsSßẞſkKKσςΣäÄéÉ\u0301\u0307\u0308\u0345ǆǅﬁŉµμÅÅЖж \u200d😀😁Ωω\u03a9e"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kora", "KORA"),
        ("Änna", "ÄNNA"),
        ("Änna", "A\u0308nna"),
        ("maße", "MAẞE"),
        ("ΝΙΚΟΣ", "νικος"),
        ("İpek", "i\u0307pek"),
        ("İpek", "I\u0307PEK"),
        ("Жук", "жУК"),
    ],
)
def test_one_name(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("İpek", "ipek"),
        ("ısı", "isi"),
        ("Maße", "Masse"),
        ("ﬁn", "fin"),
        ("José", "Jose"),
        ("jose", "jose "),
        ("😀", "😁"),
        ("a\u200db", "ab"),
        ("x²", "x2"),
    ],
)
def test_two_names(one: str, other: str) -> None:
    assert fold_name(one) != fold_name(other)


@given(st.text(NASTY, max_size=6), st.data())
def test_what_differs_by_the_case_of_a_to_z_is_one_name(name: str, data: st.DataObject) -> None:
    changed = "".join(
        data.draw(st.sampled_from([char.lower(), char.upper()])) if char.isascii() else char
        for char in name
    )
    assert fold_name(changed) == fold_name(name)


def test_no_letter_becomes_several() -> None:
    for number in range(sys.maxunicode + 1):
        char = chr(number)
        assert len(fold_name(char)) == len(unicodedata.normalize("NFD", char)), hex(number)


@given(st.text(NASTY, max_size=6))
def test_folding_again_changes_nothing(name: str) -> None:
    assert fold_name(fold_name(name)) == fold_name(name)


def test_what_several_have_is_nobodys() -> None:
    assert sole_holders([("Änna", 1), ("ÄNNA", 2), ("änna", 3), ("ben", 4)]) == {"ben": 4}
