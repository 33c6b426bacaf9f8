import msgspec
import pytest
import sqlalchemy as sa

from reconcile.platforms.database import mariadb_bulk

TEXT = mariadb_bulk.kind_of(sa.String())


def test_an_update_goes_through_the_rows_in_order() -> None:
    text = mariadb_bulk.as_join(
        "UPDATE users SET email=%s, dn=%s WHERE users.id = %s", [1, 2, 0], ["BIGINT", TEXT, TEXT]
    )
    assert text == (
        "UPDATE JSON_TABLE(%s, '$[*]' COLUMNS (v0 BIGINT PATH '$[0]', "
        "v1 LONGTEXT CHARACTER SET utf8mb4 PATH '$[1]', v2 LONGTEXT CHARACTER SET utf8mb4 PATH '$[2]')) "
        "AS given STRAIGHT_JOIN users SET email=given.v1, dn=given.v2 WHERE users.id = given.v0"
    )


def test_a_deletion_names_the_table_it_deletes_from() -> None:
    text = mariadb_bulk.as_join("DELETE FROM users WHERE users.id = %s", [0], ["BIGINT"])
    assert text == (
        "DELETE users FROM JSON_TABLE(%s, '$[*]' COLUMNS (v0 BIGINT PATH '$[0]')) AS given STRAIGHT_JOIN "
        "users WHERE users.id = given.v0"
    )


@pytest.mark.parametrize("sizes", [[], [0], [2], [2, 0, 0, 2], [0, 0, 0], [1, 1, 1]])
def test_no_row_is_lost_between_the_texts(sizes: list[int]) -> None:
    rows = [(number, "x" * (size * mariadb_bulk.CHUNK // 2)) for number, size in enumerate(sizes)]
    made = list(mariadb_bulk.texts(rows))
    assert [row for text in made for row in msgspec.json.decode(text)] == [
        list(row) for row in rows
    ]
    assert all(
        len(text) <= mariadb_bulk.CHUNK + 100 or len(msgspec.json.decode(text)) == 1
        for text in made
    )
