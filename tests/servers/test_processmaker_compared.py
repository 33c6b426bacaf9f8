"""The same directory, kept by ProcessMaker and by reconcile: every row that differs, and why.

`tests.processmaker.product` says what the product would have written. Each difference is one that
docs/migrating.md explains, by the rule that stands beside it here.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.processmaker import filler
from tests.processmaker.comparing import MISSING, THERE, differences
from tests.processmaker.filler import BASE, COMPANY, Entries, person
from tests.processmaker.installation import ATTRIBUTES
from tests.processmaker.product import Product
from tests.processmaker.stage import SiteStage
from tests.processmaker.tables import NOBODY, Workspace, admin_url, site
from tests.scenarios.test_migrating_docs import documented
from tests.servers.mariadb import MariaDB, mariadb

pytestmark = pytest.mark.server

BY_NAME = "Users are matched by username alone, with regard to case: a renamed or re-cased login erases the account"
LEFT_BEHIND = "An erased user's DN, department, role and subordinates stay behind"
ZERO_DATES = "Dates are 0000/00/00"
NEVER_BACK = "An inactive user never becomes active again"
DEEPER = "Users are searched one level below a unit"
MEMBER_UID = "`memberUid` of a posixGroup is read as a DN and empties the group"
NESTED = "Nested and dangling members are dropped silently"
CLASSES = "Groups are entries of the classes `posixGroup`, `group` and `groupOfUniqueNames`"
TOO_LONG = "What is too long for its column is cut off"
KEPT = "Users no longer in any selected group or department stay active"
NAMESAKE = "A local user with the name of a person in the inactive unit becomes inactive"
NUMBER = "An inactive user has the number of the status *active*"
INACTIVE_GONE = "Inactive users who disappear are never erased"

ALWAYS = {
    r"USERS .* USR_BIRTHDAY": "A new user's birthday is the day on which the synchroniser made the user",
    r"GROUP_USER .* USR_ID": "A membership lacks the number of its user",
    r"RBAC_AUTHENTICATION_SOURCE .*": (
        "Server, reader and password of an authentication source are entered on its page"
    ),
}
"""A pattern of differences that every site has → the rule that explains them."""
_UNIQUE = {"objectClass": "groupOfUniqueNames"}
_DISABLED = {"userAccountControl": "514"}
_ENABLED = {"userAccountControl": "512"}


class Story(NamedTuple):
    """What happens to the directory, a run after each step, and what differs in the end."""

    steps: tuple[Entries, ...]
    found: Mapping[str, tuple[Any, Any, str]] = {}
    """`TABLE name COLUMN` → what the product has, what we have, the rule that explains it."""
    kind: str = "ldap"
    """The type of the source, to the product."""
    local: str = ""
    """A local user whom both sites have from the beginning."""
    attributes: tuple[tuple[str, str], ...] = ()
    """More fields → attributes of the directory, for us."""


def without(*names: str) -> Entries:
    """The company without some entries."""
    return {dn: entry for dn, entry in COMPANY.items() if dn not in names}


def there(*keys: str, rule: str) -> dict[str, tuple[Any, Any, str]]:
    """Rows that only we have."""
    return dict.fromkeys(keys, (MISSING, THERE, rule))


def gone(*keys: str, rule: str) -> dict[str, tuple[Any, Any, str]]:
    """Rows that only the product has."""
    return dict.fromkeys(keys, (THERE, MISSING, rule))


ERASED: dict[str, tuple[Any, Any, str]] = {
    "RBAC_USERS erased 1 USR_DUE_DATE": ("0000-00-00", date(1970, 1, 1), ZERO_DATES),
    "USERS erased 1 USR_DUE_DATE": ("0000-00-00", date(1970, 1, 1), ZERO_DATES),
    "USERS erased 1 USR_LAST_LOGIN": ("0000-00-00 00:00:00", None, ZERO_DATES),
    "RBAC_USERS erased 1 USR_AUTH_TYPE": ("ldapadvanced", "MYSQL", LEFT_BEHIND),
    "RBAC_USERS erased 1 UID_AUTH_SOURCE": ("corp", NOBODY, LEFT_BEHIND),
    "RBAC_USERS erased 1 USR_AUTH_USER_DN": (f"uid=eve,ou=Tech,{BASE}", "", LEFT_BEHIND),
    "USERS erased 1 USR_ROLE": ("PROCESSMAKER_OPERATOR", "", LEFT_BEHIND),
} | gone("RBAC_USERS_ROLES erased 1 PROCESSMAKER_OPERATOR", rule=LEFT_BEHIND)
"""How Eve's rows differ when she is erased."""

IN_NOTHING: dict[str, tuple[Any, Any, str]] = {
    "USERS gil USR_STATUS": ("ACTIVE", "INACTIVE", KEPT),
    "USERS gil USR_STATUS_ID": (1, 0, KEPT),
    "RBAC_USERS gil USR_STATUS": (1, 0, KEPT),
}
"""How Gil's rows differ when the only group he was in has lost him."""

STORIES: dict[str, Story] = {
    "people change, move, retire and go": Story(
        (
            without("uid=ann,ou=Sales", "uid=bob,ou=Sales", "uid=dan,ou=Tech", "uid=eve,ou=Tech")
            | {
                "uid=ann,ou=Sales": person("Married", mail="ann@example.org"),
                "uid=bob,ou=Retired": person("Birch"),
                "uid=dan,ou=Sales": person("Dogwood"),
                "uid=zed,ou=Retired": person("Zelkova"),
                "cn=staff": _UNIQUE | {"uniqueMember": ["uid=ann,ou=Sales", "uid=dan,ou=Sales"]},
                "cn=devs": _UNIQUE | {"uniqueMember": []},
            },
        ),
        {
            **ERASED,
            "USERS bob USR_STATUS_ID": (1, 0, NUMBER),
            "USERS bob DEP_UID": ("", "Sales", KEPT),
            "USERS zed USR_STATUS": ("INACTIVE", "ACTIVE", NAMESAKE),
            "RBAC_USERS zed USR_STATUS": (0, 1, NAMESAKE),
            **IN_NOTHING,
        }
        | there("GROUP_USER bob staff", "GROUP_USER gil staff", rule=KEPT),
        local="zed",
    ),
    "logins, classes and depths are unusual": Story(
        (
            without("uid=cid,ou=Ads,ou=Sales")
            | {
                "uid=CID,ou=Ads,ou=Sales": person(
                    "Cedar", entryUUID="id-cid", mail="cid@example.com"
                ),
                "ou=Desk,ou=Tech": None,
                "uid=kim,ou=Desk,ou=Tech": person("Kim"),
                "uid=fay,ou=Tech": person("F" * 60),
                "cn=devs": {"objectClass": "posixGroup", "gidNumber": "1", "memberUid": ["dan"]},
                "cn=staff": {"member": ["uid=ann,ou=Sales", "uid=hal"]},
            },
        ),
        there(
            "USERS kim", "RBAC_USERS kim", "RBAC_USERS_ROLES kim PROCESSMAKER_OPERATOR", rule=DEEPER
        )
        | there("GROUP_USER dan devs", rule=MEMBER_UID)
        | there(
            "USERS hal",
            "RBAC_USERS hal",
            "RBAC_USERS_ROLES hal PROCESSMAKER_OPERATOR",
            "GROUP_USER hal staff",
            rule=CLASSES,
        )
        | gone("GROUP_USER bob staff", "GROUP_USER dan staff", rule=CLASSES)
        | IN_NOTHING
        | gone(
            "USERS erased 1",
            "RBAC_USERS erased 1",
            "RBAC_USERS_ROLES erased 1 PROCESSMAKER_OPERATOR",
            rule=BY_NAME,
        )
        | {
            f"{table} fay USR_LASTNAME": ("F" * 50, "Fir", TOO_LONG)
            for table in ("USERS", "RBAC_USERS")
        },
    ),
    "a domain disables and enables, and a group is in a group": Story(
        (
            COMPANY
            | {
                "uid=eve,ou=Tech": person("Elm", **_DISABLED),
                "uid=gil": person("Guava", **_DISABLED),
                "uid=cid,ou=Ads,ou=Sales": person("Cedar", accountExpires="134279640000000000"),
            },
            without("uid=gil")
            | {
                "uid=eve,ou=Tech": person("Elm", **_ENABLED),
                "uid=cid,ou=Ads,ou=Sales": person("Cedar", accountExpires="134279640000000000"),
                "cn=devs": _UNIQUE
                | {"uniqueMember": ["cn=staff", "uid=dan,ou=Tech", "uid=eve,ou=Tech", "uid=ghost"]},
            },
        ),
        {
            "USERS eve USR_STATUS": ("INACTIVE", "ACTIVE", NEVER_BACK),
            "RBAC_USERS eve USR_STATUS": (0, 1, NEVER_BACK),
        }
        | there("GROUP_USER ann devs", "GROUP_USER bob devs", rule=NESTED)
        | there("USERS erased 1", "RBAC_USERS erased 1", rule=INACTIVE_GONE)
        | gone(
            "USERS gil",
            "RBAC_USERS gil",
            "RBAC_USERS_ROLES gil PROCESSMAKER_OPERATOR",
            rule=INACTIVE_GONE,
        ),
        kind="ad",
        attributes=(("due_date", "accountExpires"),),
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    with mariadb() as running:
        yield running


@pytest.fixture
def workspaces(server: MariaDB) -> Iterator[tuple[Workspace, Workspace]]:
    """One for the product, one for us."""
    admin = admin_url(server)
    with (
        site(admin) as first,
        site(admin) as second,
        Workspace(first) as theirs,
        Workspace(second) as ours,
    ):
        yield theirs, ours


def ours_after(story: Story, ours: Workspace, folder: Path) -> None:
    """The site as reconcile keeps it."""
    with SiteStage(folder, ours.url) as stage:
        more = [
            {"field": field, "value": f"{{{{ {attribute} }}}}"}
            for field, attribute in story.attributes
        ]
        led = {"manager_attribute": "manager"} if story.kind == "ad" else {}
        stage.rules(users={"attributes": [*ATTRIBUTES, *more]} | led)
        for entries in (COMPANY, *story.steps):
            stage.day(entries)


def theirs_after(story: Story, theirs: Workspace) -> None:
    """The site as the product keeps it."""
    product = filler.company(theirs, at=datetime.now(UTC).replace(tzinfo=None), kind=story.kind)
    for entries in story.steps:
        product.cron({"corp": filler.directory(entries)[1]})


@pytest.mark.parametrize("name", STORIES)
def test_every_difference_is_explained(
    name: str, workspaces: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    theirs, ours = workspaces
    story = STORIES[name]
    for workspace in workspaces:
        if story.local:
            Product(workspace, datetime.now(UTC)).add_user(story.local)
    theirs_after(story, theirs)
    ours_after(story, ours, tmp_path)
    found = {
        key: values
        for key, values in differences(theirs, ours).items()
        if not any(re.fullmatch(pattern, key) for pattern in ALWAYS)
    }
    assert found == {key: expected[:2] for key, expected in story.found.items()}


def test_every_explanation_is_in_the_documentation() -> None:
    rules = {row.rule for row in documented() if row.headings[0] == "ProcessMaker"}
    named = {expected[2] for story in STORIES.values() for expected in story.found.values()}
    assert named | set(ALWAYS.values()) <= rules
