import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model.text.department_path import parent, path, titles


@given(st.lists(st.text(min_size=1)))
def test_a_path_gives_its_titles_back(names: list[str]) -> None:
    assert titles(path(names)) == names
    assert parent(path(names)) == path(names[:-1])


def test_slash_and_backslash_within_a_title_are_escaped() -> None:
    assert path(["R/D", "a\\b"]) == r"R\/D/a\\b"


@pytest.mark.parametrize("text", ["/", "a/", "/a", "a//b", "\\", "a\\b"])
def test_what_path_does_not_write_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a department's path"):
        titles(text)
