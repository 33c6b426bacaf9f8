"""Foreign text cannot control a terminal."""

import sys
import unicodedata

from reconcile.model.text.printing import printable

CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of characters that control, are half a character, or end a line."""
JOINERS = "\u200c\u200d"
"""Joiners that some scripts cannot be written without."""


def test_every_character_that_python_can_print_is_left_as_it_is() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    changed = [each for each in characters if each.isprintable() and printable(each) != each]
    assert changed == []


def test_no_control_of_the_first_planes_is_left() -> None:
    controls = [chr(code) for code in range(0x3000) if unicodedata.category(chr(code)) in CONTROLS]
    kept = [each for each in controls if printable(f"a{each}b") == f"a{each}b"]
    # The rest are marks of Arabic numbers, which take no place of other text.
    assert set(kept) - set(JOINERS) <= set(
        "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"
    )


def test_a_line_with_one_control_in_it_shows_it_escaped() -> None:
    assert printable("ann\x1b[2J") == "ann\\x1b[2J"
    assert printable("Müller – 東京") == "Müller – 東京"
