"""What reconcile notes in the comment of a role."""

from hypothesis import given
from hypothesis import strategies as st

from reconcile.platforms.postgresql_roles.marks import Mark, marked, parse, written

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


@given(text=TEXT, external_id=TEXT, until=TEXT)
def test_a_mark_is_read_as_it_was_written(text, external_id, until):
    mark = Mark("user", external_id, until, text.lstrip())
    read = parse(written(mark))
    assert read is not None
    assert read[:3] == mark[:3]
    assert read.text.rstrip() == mark.text.rstrip()
    assert written(read) == written(mark)


def test_other_comments_have_none():
    for comment in (
        "",
        "anna",
        "[reconcile]",
        "[reconcile user",
        "[reconcile admin id=1]",
        "[reconcile user] x",
    ):
        assert parse(comment) is None
    assert marked("group", "of old") == Mark("group", text="of old")
    assert parse("[reconcile group]") == Mark("group")
