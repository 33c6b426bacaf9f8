import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model.change import Change
from reconcile.model.platform import Department, Grant, Group, Membership, PlatformState, User
from reconcile.platforms.resolve import Move, Names, Unknown, blocked, paths


def test_paths_name_every_department() -> None:
    tree = {"3": ("2", "c/d"), "1": ("", "a"), "2": ("1", "b"), "4": ("9", "its parent is unknown")}
    assert paths(tree) == {"a": "1", "a/b": "2", r"a/b/c\/d": "3", "its parent is unknown": "4"}


def test_a_circle_has_no_path() -> None:
    assert paths({"1": ("2", "a"), "2": ("1", "b"), "3": ("1", "c"), "4": ("", "d")}) == {"d": "4"}


def test_a_named_parent_overrules_the_tree_for_what_is_below_too() -> None:
    tree = {"1": ("", "a"), "2": ("1", "b"), "3": ("2", "c")}
    assert paths(tree, {"2": "x/y"}) == {"a": "1", "x/y/b": "2", "x/y/b/c": "3"}
    assert paths(tree, {"2": ""}) == {"a": "1", "b": "2", "b/c": "3"}


@given(st.dictionaries(st.integers(0, 20), st.integers(0, 20)))
def test_any_tree_ends(parents: dict[int, int]) -> None:
    tree = {str(one): (str(above), f"t{one}") for one, above in parents.items()}
    assert set(paths(tree).values()) <= tree.keys()


def test_names_may_go_round_in_a_circle() -> None:
    holders: dict[object, str] = {"a": "1", "b": "2", "c": "3"}
    moves = {0: Move("1", "a", "b"), 1: Move("2", "b", "c"), 2: Move("3", "c", "a")}
    assert blocked(moves, holders) == {}


def test_who_counts_on_a_name_that_is_kept_is_blocked_in_turn() -> None:
    holders: dict[object, str] = {"a": "1", "b": "2", "c": "3", "d": "4"}
    moves = {0: Move("1", "a", "b"), 1: Move("2", "b", "c"), 2: Move("3", "c", "d")}
    assert set(blocked(moves, holders)) == {0, 1, 2}
    free = {**moves, 2: Move("3", "c", "e"), 3: Move("9", "z", "y")}
    assert blocked(free, holders) == {}
    assert set(blocked(free, holders, [2])) == {0, 1, 2}


def test_of_two_who_want_one_name_the_first_has_it() -> None:
    assert list(
        blocked({0: Move("1", "a", "c"), 1: Move("2", "b", "c")}, {"a": "1", "b": "2"})
    ) == [1]


@given(
    st.permutations(range(6)).flatmap(
        lambda new: st.tuples(st.just(new), st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
    )
)
def test_what_is_not_blocked_gives_everybody_a_name_of_their_own(
    case: tuple[list[int], set[int], set[int]],
) -> None:
    new, moving, failed = case
    moves = {place: Move(str(place), place, new[place]) for place in moving}
    lost = blocked(moves, {place: str(place) for place in range(6)}, failed & moving)
    final = [new[place] if place in moving and place not in lost else place for place in range(6)]
    assert sorted(final) == list(range(6))


STATE = PlatformState(
    "main",
    departments=(Department("1", "Sales"),),
    groups=(Group("7", "b/c"), Group("8", "c")),
    users=(User("1", "a"), User("2", "a/b")),
    memberships=(Membership("1", "7"),),
    grants=(Grant("2", "c"),),
)


def update(kind: str, key: str) -> Change:
    return Change(kind, "update", key, {"origin": None}, {"origin": "corp"}, "", "corp", "main")  # type: ignore[arg-type] # one of the kinds


def test_what_is_there_decides_where_a_key_is_split() -> None:
    names = Names(STATE)
    assert names.link(update("membership", "a/b/c")) == ("1", "7")
    assert names.link(update("grant", "a/b/c")) == ("2", "c")
    with pytest.raises(Unknown, match="the membership 'a/c' does not exist"):
        names.link(update("membership", "a/c"))


def test_a_key_that_could_be_two_is_refused() -> None:
    both = PlatformState(
        "main",
        groups=STATE.groups,
        users=STATE.users,
        memberships=(Membership("1", "7"), Membership("2", "8")),
    )
    with pytest.raises(Unknown, match="more than one membership"):
        Names(both).link(update("membership", "a/b/c"))


def test_before_is_as_it_was_and_after_as_it_is() -> None:
    names = Names(STATE)
    names.rename("user", {"1": "a/b", "2": "a"})
    assert names.row(update("user", "a")) == "1"
    assert names.user("a") == "2"
    names.forget({"2"}, "user")
    with pytest.raises(Unknown, match="the user 'a' does not exist"):
        names.user("a")
    assert names.row(update("user", "a/b")) == "2"


def test_who_shares_a_name_may_spell_it_otherwise() -> None:
    """People can write names by hand that differ by the case of letters beyond A to Z."""
    assert blocked({0: Move("1", "änna", "änna")}, {"änna": "2"}) == {}
