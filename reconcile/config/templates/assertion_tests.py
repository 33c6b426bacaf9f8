"""The tests and filters that assertions have beyond those of templates.

Each is a test of one user (`user is in_group('x')`) and a filter of users (`users | active`). A
membership stands for its user.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from reconcile.model.text.folding import fold_name

User = Any
Test = Callable[..., bool]


def _user(value: Any) -> Any:
    """The record of a user, or of the user of a membership. Raises TypeError for anything else."""
    if isinstance(value, Mapping):
        record = value.get("user", value)
        if hasattr(record, "effective_groups"):
            return record
    raise TypeError("expected a user: this test is about users, or memberships")


def active(user: User) -> bool:
    """The user may use the application."""
    return bool(_user(user)["active"])


def in_group(user: User, name: str) -> bool:
    """The user is a member of the group, directly or by a nested group."""
    return name in _user(user).effective_groups


def with_role(user: User, name: str) -> bool:
    """The user has the role."""
    return name in _user(user)["roles"]


def in_department(user: User, path: str) -> bool:
    """The user is in the department, or in one below it."""
    department = fold_name(_user(user)["department"])
    above = fold_name(path)
    return department == above or department.startswith(f"{above}/")


def of_source(user: User, name: str) -> bool:
    """The user comes from the source."""
    return bool(_user(user)["source"] == name)


TESTS: Final[Mapping[str, Test]] = {
    "active": active,
    "in_group": in_group,
    "with_role": with_role,
    "in_department": in_department,
    "of_source": of_source,
}


def filter_of(test: Test) -> Callable[..., Iterator[User]]:
    """The filter that keeps the users who pass a test."""

    def kept(users: Iterable[User], *arguments: Any) -> Iterator[User]:
        """The users who pass."""
        return (user for user in users if test(user, *arguments))

    return kept


def boolean(value: Any) -> bool:
    """The value of an expression that has to be true or false. Raises TypeError."""
    if value is True or value is False:
        return value
    # An undefined value says by itself what is undefined.
    str(value)
    kind = "nothing" if value is None else f"a value of type {type(value).__name__}"
    raise TypeError(f"it gives {kind} instead of true or false: compare it with something")
