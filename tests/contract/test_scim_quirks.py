"""What real SCIM services do otherwise than the standard: nothing is lost, and what is said helps."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconcile.errors import PlatformUnreadable
from reconcile.model import desired
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.http import session as http
from reconcile.platforms.scim.connection.auth import Credentials
from reconcile.platforms.scim.platform import ScimPlatform
from reconcile.platforms.scim.reading import lists as reading
from reconcile.platforms.scim.settings import scim_settings
from reconcile.ports import Rejected, Unclear
from reconcile.testing import change, group, ledger, member, user
from reconcile.testing.builders import ok, view, write
from reconcile.testing.scim import Quirks, ScimStandIn, scim_service
from reconcile.testing.scim.server import CLIENT
from tests.contract.platforms import Text

Opened = Callable[..., tuple[ScimPlatform, ScimStandIn]]


def adapter(stand_in: ScimStandIn, **options: Any) -> ScimPlatform:
    own = {"auth": {"bearer": Text(stand_in.token)}}
    return ScimPlatform(desired.Platform("scim", Text(stand_in.url), options=own | options))


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens the adapter over a service with quirks, until the test is over."""
    with ExitStack() as stack:

        def get(quirks: Quirks, **options: Any) -> tuple[ScimPlatform, ScimStandIn]:
            service = stack.enter_context(scim_service(quirks))
            return stack.enter_context(closing(adapter(service, **options))), service

        yield get


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(http, "PAUSE", 0.001)


def odd(quirks: Quirks) -> str:
    """What is odd about a service."""
    plain = msgspec.to_builtins(Quirks())
    own = {name for name, value in msgspec.to_builtins(quirks).items() if plain[name] != value}
    return " ".join(sorted(own))


READS: dict[str, tuple[Quirks, dict[str, Any], str]] = {
    "ignores paging": (
        Quirks(ignores_paging=20),
        {},
        r"startIndex=21 gives the same 20 of 43 as the first page.*paging: none",
    ),
    "one more each time": (Quirks(total_moves=True), {}, r"the number of Users went from"),
    "overlapping pages": (
        Quirks(pages_overlap=True),
        {},
        r"a second time: pages of this service overlap.*page_size",
    ),
    "no total": (Quirks(no_total=True), {}, r"totalResults.*paging: cursor.*paging: none"),
    "no paging, 500 for count": (Quirks(no_paging=True), {}, r"cannot be read.*500"),
    "more than one request gives": (
        Quirks(ignores_paging=20),
        {"paging": "none"},
        r"20 of 43.*paging: index",
    ),
    "cut off": (Quirks(cut_off=True), {}, r"is no JSON"),
    "a login page": (Quirks(html_200=True), {}, r"is no JSON.*<!doctype html>.*Is url"),
    "an error page every time": (Quirks(html_500=1), {}, r"it answers 500: <!doctype"),
    "the token has ended": (Quirks(token_dies_after=1), {}, r"answers 401.*Nothing more is tried"),
    "wait for an hour": (
        Quirks(too_many=1, retry_after="3600"),
        {},
        r"asks to wait for 3600 s.*pace.per_minute",
    ),
    "too many requests, always": (Quirks(too_many=1), {}, r"too many requests"),
    "members in no list": (
        Quirks(no_members_in_lists=True),
        {},
        r"does not show members: set members.read to each",
    ),
    "filter ignored": (
        Quirks(ignores_filter=True),
        {"members": {"read": "users_filter"}},
        r"ignores the filter.*members.read",
    ),
    "filter refused": (
        Quirks(refuses_filter=True),
        {"members": {"read": "users_filter"}},
        r"refuses the filter.*members.read",
    ),
    "users without groups": (
        Quirks(),
        {"members": {"read": "user_groups"}},
        r"users do not show their groups: set members.read to each",
    ),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_that_cannot_be_all_is_none(name: str, opened: Opened) -> None:
    quirks, options, message = READS[name]
    platform, service = opened(quirks, **{"page_size": 20, **options})
    service.fill(43, groups=2, members=3)
    with pytest.raises(PlatformUnreadable, match=message):
        platform.read("main")
    checks = list(platform.check())
    assert [check.ok for check in checks][-1:] == [False]


def test_a_token_that_is_refused_is_not_tried_again(opened: Opened) -> None:
    platform, service = opened(Quirks(token_dies_after=-1))
    with pytest.raises(PlatformUnreadable, match="look at auth of the platform"):
        platform.read("main")
    assert len(service.requests) == 1


def with_client(stand_in: ScimStandIn, secret: str) -> ScimPlatform:
    url = stand_in.url.replace("/scim/v2", "/oauth/token")
    client = {"token_url": url, "client_id": "scim", "client_secret": Text(secret)}
    return adapter(stand_in, auth={"oauth2": client})


def test_a_token_that_has_ended_is_asked_for_again() -> None:
    with (
        scim_service(Quirks(token_dies_after=7)) as service,
        closing(with_client(service, "s3cret")) as platform,
    ):
        service.fill(3)
        platform.read("main")
        for number in range(20):
            platform.create("main", "user", {"username": f"new{number}"})
        assert len(platform.read("main").rows["user"]) == 23
        assert service.token != "sekret"


def test_a_client_that_is_refused_gets_no_token() -> None:
    with scim_service() as service, closing(with_client(service, "wrong")) as platform:
        with pytest.raises(PlatformUnreadable, match=r"gives no token.*401.*invalid_client"):
            platform.read("main")
        assert service.requests == []


@pytest.mark.parametrize(
    "auth",
    [
        {"basic": {"username": "scim", "password": Text("s3cret")}},
        {"header": {"name": "X-Key", "value": Text("s3cret")}},
    ],
    ids=["basic", "header"],
)
def test_other_ways_to_prove_who_asks(auth: dict[str, Any]) -> None:
    credentials = Credentials(
        scim_settings(desired.Platform("scim", options={"auth": auth})).auth, no_fetch
    )
    (name, value), *_ = credentials.headers().items()
    assert (name, value) in [("Authorization", CLIENT), ("X-Key", "s3cret")]
    assert not credentials.renew({})


def no_fetch(*_: Any) -> tuple[int, bytes]:
    raise AssertionError


def test_writes_that_are_forbidden_end_the_run(opened: Opened, tmp_path: Path) -> None:
    platform, service = opened(Quirks(forbidden=True))
    driven = DrivenPlatform(platform, ledger(tmp_path))
    reasons = write(driven, [user(f"u{number}") for number in range(50)])
    assert all(reasons)
    assert sum(request.startswith("POST") for request in service.requests) <= 8


GOOD: dict[str, tuple[Quirks, dict[str, Any]]] = {
    "pages smaller than asked for": (Quirks(largest_page=7), {}),
    "page 1 again at the end": (Quirks(first_page_again=True), {}),
    "by cursor": (Quirks(cursor=True), {}),
    "by cursor, as the preset of AWS has it": (Quirks(cursor=True), {"service": "aws"}),
    "all at once": (Quirks(no_paging=True), {"paging": "none"}),
    "without a total, all at once": (Quirks(no_total=True), {"paging": "none"}),
    "an error page now and then": (Quirks(html_500=3), {}),
    "too many requests now and then": (Quirks(too_many=3), {}),
    "out of service now and then": (Quirks(unavailable=3), {}),
    "members in each group": (Quirks(no_members_in_lists=True), {"members": {"read": "each"}}),
    "members by a filter": (Quirks(no_members=True), {"members": {"read": "users_filter"}}),
    "members by users": (
        Quirks(no_members=True, shows_groups=True),
        {"members": {"read": "user_groups"}},
    ),
    "members by name": (Quirks(members_by_name=True), {}),
}


@pytest.mark.parametrize("name", GOOD)
def test_everything_is_read_all_the_same(name: str, opened: Opened) -> None:
    quirks, options = GOOD[name]
    platform, service = opened(quirks, **{"page_size": 20, **options})
    service.fill(43, groups=2, members=3)
    contents = platform.read("main")
    assert len(contents.rows["user"]) == 43
    assert len(contents.rows["group"]) == 2
    assert len(contents.links["membership"]) == 6
    assert contents.rows["user"]["u000043"]["email"] == "u00043@example.com"


@pytest.mark.parametrize(
    "quirks", [Quirks(html_500=4), Quirks(too_many=2), Quirks(unavailable=2)], ids=odd
)
def test_what_goes_wrong_now_and_then_is_tried_again(
    quirks: Quirks, opened: Opened, tmp_path: Path
) -> None:
    platform, service = opened(quirks)
    driven = DrivenPlatform(platform, ledger(tmp_path))
    left = [f"u{number}" for number in range(20)]
    for _ in range(10):
        reasons = write(driven, [user(name, external_id=f"e-{name}") for name in left])
        left = [name for name, reason in zip(left, reasons, strict=True) if reason]
    assert left == []
    assert len(service.store.of("Users")) == 20, "none of them twice"


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(done_and_500=2),
        Quirks(lost_answers=2),
        Quirks(done_and_500=2, ignores_filter=True),
        Quirks(lost_answers=2, drops_external_id=True),
        Quirks(lost_answers=2, refuses_filter=True),
    ],
    ids=odd,
)
def test_what_is_done_and_not_answered_is_found(
    quirks: Quirks, opened: Opened, tmp_path: Path
) -> None:
    platform, service = opened(quirks)
    driven = DrivenPlatform(platform, ledger(tmp_path))
    people = [f"u{number}" for number in range(12)]
    ok(driven, [user(name, external_id=f"e-{name}") for name in people], group("g"))
    ok(
        driven,
        [change("user", "update", name, {"email": f"{name}@x"}) for name in people],
        [member(name, "g") for name in people],
    )
    assert sorted(one["userName"] for one in service.store.of("Users").values()) == sorted(people)
    seen = view(driven.read("main"))
    assert {one["email"] for one in seen["users"].values()} == {f"{name}@x" for name in people}
    assert len(seen["memberships"]) == 12


def company(opened: Opened, quirks: Quirks, **options: Any) -> tuple[ScimPlatform, ScimStandIn]:
    """Three users, two of them in a group, read once."""
    platform, service = opened(quirks, **options)
    service.fill(3, groups=1, members=2)
    platform.read("main")
    return platform, service


ANN, BEN, CID, TEAM = "u000001", "u000002", "u000003", "g000004"


def members(service: ScimStandIn) -> set[str]:
    return {one["value"] for one in service.store.get("Groups", TEAM)["members"]}


@pytest.mark.parametrize("answers", [True, False])
def test_a_yes_proves_nothing(answers: bool, opened: Opened) -> None:
    quirks = Quirks(
        add_does_nothing=True,
        remove_does_nothing=True,
        deactivate_does_nothing=True,
        delete_disables=True,
        patch_answers=answers,
    )
    platform, service = company(opened, quirks)
    with pytest.raises(Rejected, match="said yes, and 1 of 1 are not in the group: u00003"):
        platform.link("main", "membership", [(CID, TEAM)])
    with pytest.raises(Rejected, match=r"1 of 1 are still in the group.*members.remove: value"):
        platform.unlink("main", "membership", [(ANN, TEAM)])
    with pytest.raises(Rejected, match=r"said yes and did not do it: status is 'active'"):
        platform.update("main", "user", ANN, {"status": "inactive"})
    with pytest.raises(Rejected, match=r"only deactivated the user: use deactivate or block"):
        platform.delete("main", "user", ANN)
    assert members(service) == {ANN, BEN}


def test_members_that_go_by_name_are_removed_by_it(opened: Opened) -> None:
    platform, service = company(opened, Quirks(members_by_name=True, patch_answers=False))
    platform.unlink("main", "membership", [(ANN, TEAM)])
    platform.link("main", "membership", [(CID, TEAM)])
    assert members(service) == {BEN, CID}


def test_the_last_member_goes_even_where_it_is_to_stay(opened: Opened) -> None:
    platform, service = company(opened, Quirks(last_member_stays=True))
    platform.unlink("main", "membership", [(ANN, TEAM)])
    service.store.get("Groups", TEAM)["members"].append({"value": CID})
    platform.unlink("main", "membership", [(BEN, TEAM)])
    assert members(service) == {CID}
    platform.unlink("main", "membership", [(CID, TEAM)])
    assert members(service) == set()


def test_a_service_that_removes_everyone_gets_them_back(opened: Opened) -> None:
    platform, service = company(opened, Quirks(), members={"remove": "value"})
    with pytest.raises(Rejected, match=r"took 1 other members out.*Set members.remove: filter"):
        platform.unlink("main", "membership", [(ANN, TEAM)])
    assert members(service) == {BEN}


def test_who_is_taken_out_by_a_person_meanwhile_stays_out(opened: Opened) -> None:
    platform, service = company(opened, Quirks())
    service.store.get("Groups", TEAM)["members"] = []
    platform.link("main", "membership", [(CID, TEAM)])
    platform.unlink("main", "membership", [(BEN, TEAM)])
    assert members(service) == {CID}


@pytest.mark.parametrize("shows", [True, False])
def test_a_group_that_is_cut_off_is_left_alone(shows: bool, opened: Opened) -> None:
    quirks = Quirks(members_capped=100, shows_groups=shows, refuses_filter=not shows)
    platform, service = opened(quirks)
    service.fill(150, groups=1, members=140)
    if shows:
        with pytest.raises(PlatformUnreadable, match=r"140 users.*cuts members off.*user_groups"):
            platform.read("main")
        return
    platform.read("main")
    with pytest.raises(Rejected, match=r"exactly 100 members.*members.complete: true"):
        platform.link("main", "membership", [("u000150", "g000151")])
    with pytest.raises(Rejected, match="exactly 100 members"):
        platform.update("main", "group", "g000151", {"name": "other"})
    assert len(service.store.get("Groups", "g000151")["members"]) == 140


def test_a_group_that_is_cut_off_is_seen_by_a_filter(opened: Opened) -> None:
    platform, service = opened(Quirks(members_capped=100))
    service.fill(150, groups=1, members=140)
    with pytest.raises(PlatformUnreadable, match=r"140 users.*Set members.read to users_filter"):
        platform.read("main")


def test_a_group_of_a_hundred_may_be_all(opened: Opened) -> None:
    platform, service = opened(Quirks())
    service.fill(150, groups=1, members=100)
    platform.read("main")
    platform.link("main", "membership", [("u000150", "g000151")])
    assert len(service.store.get("Groups", "g000151")["members"]) == 101


def test_a_patch_that_is_done_in_part_is_said(opened: Opened) -> None:
    platform, _ = company(opened, Quirks(patch_not_atomic=True))
    wanted = {"first_name": "New", "attributes": {"nosuch": "x"}, "status": "inactive"}
    with pytest.raises(Rejected, match=r"has changed first_name.*Set update: put"):
        platform.update("main", "user", ANN, wanted)


def test_without_patch_objects_are_put_and_nothing_else_is_lost(opened: Opened) -> None:
    platform, service = company(opened, Quirks(no_patch=True))
    service.store.get("Users", ANN)["urn:x:y:User"] = {"shoe": 38}
    platform.update("main", "user", ANN, {"first_name": "New", "email": "new@x"})
    ann = service.store.get("Users", ANN)
    assert ann["name"] == {"givenName": "New", "familyName": "u00001"}
    assert ann["urn:x:y:User"] == {"shoe": 38}
    assert ann["externalId"] == "id-u00001"
    with pytest.raises(Rejected, match="there is no PATCH"):
        platform.link("main", "membership", [(CID, TEAM)])


def test_a_group_is_renamed_by_put_with_all_of_its_members(opened: Opened) -> None:
    platform, service = company(opened, Quirks(no_patch=True), update="put")
    platform.update("main", "group", TEAM, {"name": "crew"})
    assert service.store.get("Groups", TEAM)["displayName"] == "crew"
    assert members(service) == {ANN, BEN}


def test_a_group_is_not_emptied_of_who_is_not_known(opened: Opened) -> None:
    platform, service = opened(Quirks(), protect=["u00002"])
    service.fill(3, groups=1, members=2)
    platform.read("main")
    service.quirks.done_and_500 = 1
    with pytest.raises(Unclear):
        platform.unlink("main", "membership", [(ANN, TEAM)])
    assert members(service) == {BEN}


def test_other_addresses_of_a_user_stay(opened: Opened) -> None:
    platform, service = opened(Quirks())
    service.fill(1)
    home = {"value": "ann@home", "type": "home"}
    service.store.get("Users", ANN)["emails"].insert(0, home)
    platform.read("main")
    platform.update("main", "user", ANN, {"email": "new@x"})
    emails = service.store.get("Users", ANN)["emails"]
    assert emails == [{"value": "new@x", "type": "work", "primary": True}, home]


def test_an_attribute_comes_changes_and_goes_by_its_path(opened: Opened) -> None:
    platform, service = opened(Quirks())
    mobile, cost = 'phoneNumbers[type eq "mobile"].value', "urn:x:y:2.0:User:costCenter"
    own = platform.create("main", "user", {"username": "ann", "attributes": {mobile: "1"}})
    platform.read("main")
    platform.update("main", "user", own, {"attributes": {mobile: "2", cost: "7", "title": "Dr"}})
    assert platform.read("main").rows["user"][own]["attributes"] == {
        mobile: "2",
        cost: "7",
        "title": "Dr",
    }
    platform.update("main", "user", own, {"attributes": {mobile: None, cost: None}})
    assert platform.read("main").rows["user"][own]["attributes"] == {"title": "Dr"}
    assert "phoneNumbers" not in service.store.get("Users", own)


def test_a_number_stays_a_number(opened: Opened) -> None:
    platform, service = opened(Quirks())
    service.fill(1)
    service.store.get("Users", ANN)["urn:x:y:User"] = {"level": 3, "remote": True}
    assert platform.read("main").rows["user"][ANN]["attributes"] == {
        "urn:x:y:User:level": "3",
        "urn:x:y:User:remote": "true",
    }
    platform.update(
        "main",
        "user",
        ANN,
        {"attributes": {"urn:x:y:User:level": "4", "urn:x:y:User:remote": "false"}},
    )
    assert service.store.get("Users", ANN)["urn:x:y:User"] == {"level": 4, "remote": False}


def test_what_is_protected_is_neither_read_nor_touched(opened: Opened) -> None:
    platform, service = opened(Quirks(), protect=["g*", "U00002"])
    service.fill(3, groups=1, members=3)
    contents = platform.read("main")
    assert set(contents.rows["user"]) == {ANN, CID}
    assert contents.rows["group"] == {}
    assert contents.links["membership"] == set()
    assert platform.abilities.protected["user"] == ("g*", "U00002")


def test_a_name_that_is_taken_meanwhile_fails_alone(opened: Opened, tmp_path: Path) -> None:
    platform, service = opened(Quirks())
    driven = DrivenPlatform(platform, ledger(tmp_path))
    ok(driven, user("ann"))
    service.store.create("Users", {"userName": "ben"})
    with pytest.raises(Rejected, match="userName ben is taken"):
        platform.create("main", "user", {"username": "ben", "external_id": "e-ben"})


def test_an_object_of_ours_that_is_there_already_is_not_a_failure(opened: Opened) -> None:
    platform, service = opened(Quirks())
    platform.read("main")
    service.store.create("Users", {"userName": "ben", "externalId": "e-ben"})
    with pytest.raises(Unclear, match="it is there as it was sent"):
        platform.create("main", "user", {"username": "ben", "external_id": "e-ben"})


def test_what_is_gone_is_no_error_to_remove(opened: Opened) -> None:
    platform, service = company(opened, Quirks())
    service.store.delete("Groups", TEAM)
    service.store.delete("Users", CID)
    platform.unlink("main", "membership", [(ANN, TEAM)])
    platform.delete("main", "user", CID)
    platform.delete("main", "group", TEAM)
    with pytest.raises(Rejected, match="the group no longer exists"):
        platform.link("main", "membership", [(BEN, TEAM)])
    with pytest.raises(Rejected, match="the user no longer exists"):
        platform.update("main", "user", CID, {"first_name": "x", "last_name": "y"})


def test_a_service_that_cannot_be_reached_ends_the_run() -> None:
    with scim_service() as service:
        platform = adapter(service)
        platform.read("main")
    with pytest.raises(PlatformUnreadable, match="cannot be reached"):
        platform.read("main")
    with pytest.raises(PlatformUnreadable, match="cannot be reached"):
        platform.create("main", "user", {"username": "x"})


def test_reading_asks_for_no_more_than_it_needs(opened: Opened) -> None:
    platform, service = opened(Quirks(), page_size=20)
    service.fill(43, groups=2, members=3)
    platform.read("main")
    assert len(service.requests) == 4


def test_the_doubt_of_one_moment_is_looked_at_again(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, service = opened(Quirks(total_moves=True), page_size=20)
    service.fill(43)
    genuine = reading.Reader._walk

    def walk(self: Any, *args: Any, hurried: bool) -> Any:
        service.quirks.total_moves = hurried
        return genuine(self, *args, hurried=hurried)

    monkeypatch.setattr(reading.Reader, "_walk", walk)
    assert len(platform.read("main").rows["user"]) == 43
