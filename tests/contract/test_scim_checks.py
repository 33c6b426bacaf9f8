"""`reconcile test` on SCIM services: what was found, what it means, which key to change; GETs only."""

from typing import Any

import pytest

from reconcile.model import desired
from reconcile.platforms.scim.platform import ScimPlatform
from reconcile.ports import Check
from reconcile.testing.scim import Quirks, scim_service
from tests.contract.platforms import Text


def checked(quirks: Quirks, users: int = 3, **options: Any) -> tuple[dict[str, str], list[Check]]:
    with scim_service(quirks) as service:
        service.fill(users, groups=1, members=min(users, 2))
        own = {"auth": {"bearer": Text(service.token)}}
        platform = ScimPlatform(desired.Platform("scim", Text(service.url), options=own | options))
        checks = list(platform.check())
        platform.close()
        assert {request.split()[0] for request in service.requests} == {"GET"}
    return {check.what: check.detail for check in checks}, checks


def test_a_service_as_the_standard_has_it() -> None:
    said, checks = checked(Quirks())
    assert all(check.ok for check in checks)
    assert said["service"] == "announces patch, filter, etag"
    assert said["paging"] == "page 2 differs from page 1; 3 users are announced"
    assert said["users"] == "3 read"
    assert said["filter"] == "obeyed"
    assert said["groups"] == "1 read, 1 of them show members in the list"
    assert said["platform"].endswith("can be read completely")


@pytest.mark.parametrize(
    ("quirks", "options", "what", "words"),
    [
        (Quirks(ignores_filter=True), {}, "filter", "ignored: everyone comes"),
        (Quirks(refuses_filter=True), {}, "filter", "not understood"),
        (Quirks(ignores_paging=3), {}, "paging", "count=1 gives 3: the service ignores paging"),
        (Quirks(drops_external_id=True), {}, "users", "none shows an externalId"),
        (Quirks(shows_groups=True), {}, "users", "members.read: user_groups works"),
        (Quirks(cursor=True), {"page_size": 2}, "paging", "by cursor"),
        (Quirks(no_total=True), {"paging": "none"}, "users", "says no total"),
    ],
)
def test_what_is_odd_is_said_with_its_key(
    quirks: Quirks, options: dict[str, Any], what: str, words: str
) -> None:
    said, _ = checked(quirks, **options)
    assert words in said[what]


def test_the_first_that_fails_is_the_last() -> None:
    _, checks = checked(Quirks(token_dies_after=2))
    assert [check.ok for check in checks] == [True, False]
    assert "answers 401" in checks[-1].detail


def test_without_encryption_every_run_warns(caplog: pytest.LogCaptureFixture) -> None:
    options = {"auth": {"bearer": Text("x")}}
    platform = ScimPlatform(
        desired.Platform("scim", Text("http://id.example.com/scim/v2"), options=options)
    )
    platform._service("main")
    assert "use https://" in caplog.text


def problems(**options: Any) -> list[tuple[tuple[str | int, ...], str]]:
    own: dict[str, Any] = {"auth": {"bearer": Text("x")}}
    settings = desired.Platform("scim", Text("https://x"), options=own | options)
    return list(ScimPlatform.problems(settings))


def test_settings_that_contradict_each_other_are_said() -> None:
    assert problems() == []
    assert problems(auth={})[0][0] == ("auth",)
    both = {"bearer": Text("x"), "header": {"name": "X", "value": Text("y")}}
    assert problems(auth=both) == [
        (("auth",), "has bearer and header: write one of bearer, oauth2, basic and header")
    ]
    assert problems(fixed=["userName"])[0][0] == ("fixed", 0)
    assert problems(drop=["userName"]) == [(("drop", 0), "'userName' cannot be dropped")]
    assert problems(drop=["externalId"])[0][0] == ("match",)
    assert problems(drop=["title"], require={"title": "{last_name}"})[0][0] == ("drop",)
    assert problems(require={"title": "{surname}"})[0][0] == ("require", "title")
    assert problems(require={"not a path": "x"})[0][0] == ("require", "not a path")


def test_several_workspaces_need_a_place_in_the_url() -> None:
    settings = desired.Platform(
        "scim",
        Text("https://x"),
        workspaces=("a", "b"),
        options={"auth": {"bearer": Text("x")}},
    )
    with pytest.raises(Exception, match=r"put \{workspace\} into url"):
        ScimPlatform(settings).read("a")
