"""The digest of a value: SHA-256 over its JSON, whether that is made at once or in pieces."""

import hashlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model.platform import Group, PlatformState, Reading, User
from reconcile.model.text import digest

_TEXT = st.text(max_size=4)
_USERS = st.builds(
    User, _TEXT, _TEXT, email=_TEXT, attributes=st.dictionaries(_TEXT, _TEXT, max_size=3)
)
_STATES = st.builds(
    PlatformState,
    _TEXT,
    users=st.lists(_USERS, max_size=5).map(tuple),
    groups=st.lists(st.builds(Group, _TEXT, _TEXT), max_size=2).map(tuple),
    roles=st.frozensets(_TEXT, max_size=3),
    deleted=st.frozensets(st.tuples(_TEXT, _TEXT), max_size=3),
)


class _Empty(msgspec.Struct):
    """A struct without fields."""


def at_once(value: object) -> str:
    """The digest by its definition."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


@given(_STATES, st.integers(1, 3))
def test_a_digest_in_pieces_is_that_of_the_whole(state: PlatformState, piece: int) -> None:
    before = digest._PIECE
    try:
        digest._PIECE = piece  # type: ignore[misc]
        assert digest.digest(state) == at_once(state)
    finally:
        digest._PIECE = before  # type: ignore[misc]


def test_what_is_no_struct_or_has_nothing_has_a_digest_too() -> None:
    for value in ({"b": 1, "a": [None]}, (), _Empty(), Reading("corp", 1)):
        assert digest.digest(value) == at_once(value)
