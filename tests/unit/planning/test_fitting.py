"""What a platform cannot keep stays as it is there, and a new object of it is not created."""

import pytest

from reconcile.model.platform import Abilities, Department, Group, User
from reconcile.planning.fitting import fitted

IN_BYTES = Abilities(lengths={"group": 4, "department": 4, "attribute": 4}, lengths_in="bytes")
BYTES = "has more than 4 bytes, which is all the platform keeps"


def test_a_group_keeps_its_name_where_the_new_one_has_too_many_bytes() -> None:
    old = Group("1", "old", "corp")
    assert fitted("group", Group("1", "größe", "corp"), old, IN_BYTES) == (
        old,
        f"the group {BYTES}",
    )


def test_a_department_keeps_its_title_and_gets_a_new_parent() -> None:
    possible, why = fitted(
        "department", Department("1", "Größe", "2"), Department("1", "old", "3"), IN_BYTES
    )
    assert possible == Department("1", "old", "2")
    assert why == f"the department {BYTES}"


@pytest.mark.parametrize("old", [None, User("1", "ann", attributes={"room": "1"})])
def test_an_attribute_is_measured_in_bytes_too(old: User | None) -> None:
    wanted = User("1", "ann", attributes={"room": "größe"})
    assert fitted("user", wanted, old, IN_BYTES) == (old, f"the attribute room {BYTES}")


def test_what_fits_is_as_it_is_wanted() -> None:
    wanted = Group("1", "größ"[:3], "corp")
    assert fitted("group", wanted, None, IN_BYTES) == (wanted, "")
