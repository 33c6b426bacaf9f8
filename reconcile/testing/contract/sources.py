"""How much sources held, and sources that get another name."""

from typing import Any

import msgspec

from reconcile.model.platform import PlatformState, Reading
from reconcile.model.report import APPLIED
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import (
    CORP,
    HOLDER,
    change,
    department,
    grant,
    group,
    held,
    ids,
    member,
    ok,
    user,
    view,
    write,
)


def remember(platform: ManagedPlatform, *readings: Reading) -> None:
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.read()
        writer.remember(readings)


def test_how_much_sources_held_is_remembered_each_for_itself(platform: ManagedPlatform) -> None:
    branch = change("source", "create", "branch", {"name": "branch", "type": "ldif"})
    ok(platform, CORP, branch)
    assert platform.read("main").readings == ()
    corp = Reading("corp", 20, None, 3, 2**31 - 1)
    remember(platform, corp, Reading("branch", 0), Reading("ghost", 1))
    assert set(platform.read("main").readings) == {corp, Reading("branch", 0)}
    remember(platform, Reading("branch", 5, 1, None, 0))
    assert set(platform.read("main").readings) == {corp, Reading("branch", 5, 1, None, 0)}
    remember(platform)
    assert set(platform.read("main").readings) == {corp, Reading("branch", 5, 1, None, 0)}
    ok(platform, user("anna"))
    assert set(platform.read("main").readings) == {corp, Reading("branch", 5, 1, None, 0)}
    assert platform.read("other").readings == ()


def test_a_source_that_is_new_is_remembered_in_the_same_transaction(
    platform: ManagedPlatform,
) -> None:
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.read()
        assert list(writer.write([CORP])) == [APPLIED]
        writer.remember([Reading("corp", 1)])
    assert platform.read("main").readings == (Reading("corp", 1),)


def test_a_source_gets_another_name_with_everything_it_has(platform: ManagedPlatform) -> None:
    """Ids stay, and so does what people and other sources did.

    Another workspace has a source of the old name.
    """
    other = change(
        "source",
        "create",
        "branch",
        {"name": "branch", "type": "ldap", "base_dn": "", "domain": ""},
    )
    anna = user(
        "anna",
        source="corp",
        external_id="e1",
        status=held(platform, "blocked"),
        status_origin="corp",
        status_cause="missing",
    )
    ok(platform, CORP, workspace="side")
    if not platform.abilities.one_workspace:
        ok(platform, [user("anna", source="corp", external_id="e1")], workspace="side")
    ok(
        platform,
        [CORP, other],
        [department("Sales", source="corp", external_id="d1")],
        [
            group("staff", source="corp", external_id="g1"),
            group("crew", source="branch"),
            group("own"),
        ],
        [anna, user("ben", source="branch", external_id="e2", status_origin="branch"), user("cid")],
        [grant("anna", "clerk"), grant("ben", "clerk", "branch"), grant("cid", "clerk", None)],
        [member("anna", "staff"), member("anna", "own", None), member("ben", "crew", "branch")],
    )
    if platform.abilities.nested_groups:
        ok(
            platform,
            change("group", "update", "staff", {"groups": {"own": "corp"}}, {"groups": {}}),
        )
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.remember([Reading("corp", persons=1)])
    before, side = platform.read("main"), platform.read("side")
    ok(platform, change("source", "update", "corp", {"name": "hq"}, {"name": "corp"}))
    after = platform.read("main")
    assert {thing.name for thing in after.sources} == {"hq", "branch"}
    assert [(thing.source, thing.persons) for thing in after.readings] == [("hq", 1)]
    assert _renamed(before) == view(after) | {"sources": None}
    assert ids(platform) == {thing.username: thing.id for thing in before.users}
    side_now = platform.read("side")
    assert side_now.sources == side.sources, "each workspace has sources of its own"
    if not platform.abilities.one_workspace:
        assert view(side_now) == view(side)
    reasons = write(platform, change("source", "update", "corp", {"name": "x"}, {"name": "corp"}))
    assert reasons[0], "nobody is of that name any more"


def _renamed(state: PlatformState) -> dict[str, Any]:
    text = msgspec.json.encode(state).replace(b'"corp"', b'"hq"')
    return view(msgspec.json.decode(text, type=PlatformState)) | {"sources": None}


def test_a_source_renamed_to_one_that_is_there_becomes_one_with_it(
    platform: ManagedPlatform,
) -> None:
    new = change(
        "source", "create", "hq", {"name": "hq", "type": "openldap", "base_dn": "", "domain": ""}
    )
    ok(
        platform,
        [CORP, new],
        [
            group("staff", source="corp", external_id="g1"),
            group("crew", source="hq", external_id="g2"),
        ],
        [user("anna", source="corp", external_id="e1"), user("ben", source="hq", external_id="e2")],
        [member("anna", "staff"), member("ben", "crew", "hq")],
    )
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.remember([Reading("corp", persons=1), Reading("hq", persons=9)])
    ok(platform, change("source", "update", "corp", {"name": "hq"}, {"name": "corp"}))
    after = platform.read("main")
    assert [thing.name for thing in after.sources] == ["hq"]
    assert {thing.username: thing.source for thing in after.users} == {"anna": "hq", "ben": "hq"}
    assert {thing.origin for thing in after.memberships} == {"hq"}
    assert after.deleted == frozenset(), "nobody counts as deleted for that"
    assert [thing.persons for thing in after.readings] == [1]
    ok(platform, user("cid", source="hq", external_id="e3"))
