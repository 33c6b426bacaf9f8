"""Rows of one INSERT for MariaDB, quoted all at once."""

import pytest

from reconcile.platforms.database.mariadb_bulk import CHUNK, value_lists


def test_values_are_quoted_and_nothing_else_is():
    rows = [("O'Neill", 1, None), ('a"b\\c\n', -2, "%s %")]
    assert list(value_lists(rows)) == ["('O\\'Neill','1',NULL),('a\"b\\\\c\n','-2','%s %')"]


@pytest.mark.parametrize("odd", ["\x1f", "\x1e", "\x1d", "a\x1d", "','", "'),('"])
def test_a_value_that_looks_like_what_is_between_values_stays_one(odd: str):
    (text,) = value_lists([(odd, "b"), (None, "c")])
    quoted = odd.replace("'", "\\'")
    assert text == f"('{quoted}','b'),(NULL,'c')"


def test_no_row_is_lost_between_statements():
    rows = [(str(number), "x" * (CHUNK // 2 if number % 900 == 0 else 1)) for number in range(2500)]
    texts = list(value_lists(rows))
    assert len(texts) > 3
    assert [
        text.partition("','")[0].removeprefix("('") for text in ",".join(texts).split("),")
    ] == [number for number, _ in rows]
    assert all(len(text) < CHUNK * 1.5 for text in texts)
