"""Rows of a state have one order, whatever the order in which a platform listed it."""

from reconcile.model.platform import Department, Group, PlatformState, User
from reconcile.render import rows

ALIKE = ("xsS", "xß", "xSS", "xss")
"""Names that are one without regard to case."""


def test_names_that_differ_only_in_case_have_one_order() -> None:
    def listed(names: tuple[str, ...]) -> list[list[object]]:
        state = PlatformState(
            "main",
            departments=tuple(Department(str(at), name) for at, name in enumerate(names)),
            groups=tuple(Group(str(at), name) for at, name in enumerate(names)),
            users=tuple(User(str(at), name) for at, name in enumerate(names)),
        )
        return [
            [row["path"] for row in rows.departments(state)],
            [row["name"] for row in rows.groups(state)],
            [row["username"] for row in rows.users(state)],
        ]

    assert listed(ALIKE) == listed(ALIKE[::-1]) == [["xSS", "xsS", "xss", "xß"]] * 3
