"""Names that are one slip apart, and those that only look like it."""

import pytest

from reconcile.model.text.slips import meant, one_slip


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("editr", "editor"),  # missing
        ("editoor", "editor"),  # added
        ("editot", "editor"),  # another
        ("eidtor", "editor"),  # swapped
        ("Editor", "editor"),  # the case alone
        ("user", "users"),
    ],
)
def test_one_slip(name: str, other: str) -> None:
    assert one_slip(name, other)
    assert one_slip(other, name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("editor", "editor"),
        ("auditor", "editor"),
        ("level1", "level2"),
        ("a", "b"),
        ("", "a"),
        ("ab", "ba c"),
        ("edtr", "editor"),
    ],
)
def test_no_slip(name: str, other: str) -> None:
    assert not one_slip(name, other)
    assert not one_slip(other, name)


def test_what_was_meant() -> None:
    assert meant("editr", ["administrator", "editor"]) == "editor"
    assert meant("administraotr", ["administrator", "editor"]) == "administrator"
    assert meant("admnistraotr", ["administrator"]) == "administrator", "two slips in a long name"
    assert meant("auditor", ["editor"]) == ""
    assert meant("editor", ["editor"]) == ""
    assert meant("x" * 101, ["x" * 100]) == ""
