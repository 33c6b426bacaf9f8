"""Where an account cannot become active again, who comes back gets a new one with all that is due."""

from pathlib import Path
from typing import Any

from reconcile.model import desired
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.scim.platform import ScimPlatform
from reconcile.testing.driven import ledger
from reconcile.testing.scim import Quirks, scim_service
from tests.contract.platforms import Text
from tests.scenarios.stage import DESIRED, Stage, ldif

RULES: dict[str, Any] = {
    "groups": [{"source": "corp", "select": ["cn=staff"]}],
    "lifecycle": {"on_missing": "deactivate"},
}


def test_who_comes_back_is_made_anew(tmp_path: Path) -> None:
    everyone = {"uid=ann": None, "uid=bob": None, "cn=staff": {"member": ["uid=ann", "uid=bob"]}}
    left = {"uid=ann": None, "cn=staff": {"member": ["uid=ann"]}}
    with scim_service(Quirks()) as service:
        options = {"auth": {"bearer": Text(service.token)}, "reactivate": "recreate"}
        settings = desired.Platform("scim", Text(service.url), options=options)
        platform = DrivenPlatform(ScimPlatform(settings), ledger(tmp_path))
        stage = Stage(tmp_path, platform)

        def night(directory: dict[str, Any]) -> int:
            stage.write(DESIRED | RULES, {"corp": ldif(directory)})
            report = stage.apply(stage.plan()[0])
            return sum(one.result != "applied" for one in report.outcomes)

        assert night(everyone) == 0
        former = service.store.named("Users", "bob")["id"]
        assert night(left) == 0
        assert service.store.named("Users", "bob")["active"] is False
        night(everyone)
        assert former not in service.store.of("Users")
        assert night(everyone) == 0
        bob = service.store.named("Users", "bob")
        assert bob["active"]
        assert bob["externalId"]
        team = service.store.named("Groups", "staff")
        assert {one["value"] for one in team["members"]} >= {bob["id"]}
        (link,) = [
            one
            for one in platform.read("main").memberships
            if one.user
            in {user.id for user in platform.read("main").users if user.username == "bob"}
        ]
        assert link.origin == "corp"
        assert stage.plan()[0].changes == ()
