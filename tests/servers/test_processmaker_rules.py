"""Each rule that ProcessMaker documents, shown in its own tables: what a synchronisation writes.

The directory is an LDIF file; `test_processmaker_rules_running.py` has what needs a directory server.
tests/processmaker_and_vmmanager.md names the tests rule by rule.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconcile.errors import ReconcileError
from tests.processmaker import filler
from tests.processmaker.filler import BASE, Entries
from tests.processmaker.product import Product
from tests.processmaker.stage import DAY, SiteStage, skips
from tests.processmaker.tables import ADMIN, NOBODY, Workspace, admin_url, site
from tests.servers.mariadb import MariaDB, mariadb

pytestmark = pytest.mark.server

ONE: Entries = {"uid=ann": {}}


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    with mariadb() as running:
        yield running


@pytest.fixture
def url(server: MariaDB) -> Iterator[str]:
    with site(admin_url(server)) as made:
        yield made


@pytest.fixture
def db(url: str) -> Iterator[Workspace]:
    with Workspace(url) as opened:
        yield opened


@pytest.fixture
def stage(tmp_path: Path, url: str) -> Iterator[SiteStage]:
    with SiteStage(tmp_path, url) as made:
        yield made


def rule(*select: str, **more: Any) -> dict[str, Any]:
    """A rule on groups or departments of the source; OUs by their DN below the base."""
    wanted = [f"{name},{BASE}" if name.startswith("ou=") else name for name in select]
    return {"source": "corp", "select": wanted} | more


def usernames(db: Workspace, **equal: object) -> set[str]:
    """The users of the directory."""
    rows = {row["USR_UID"] for row in db.rows("RBAC_USERS", USR_AUTH_TYPE="ldapadvanced")}
    return {row["USR_USERNAME"] for row in db.rows("USERS", **equal) if row["USR_UID"] in rows}


def departments(db: Workspace) -> dict[str, str]:
    """The department of everybody who has one."""
    titles = {row["DEP_UID"]: row["DEP_TITLE"] for row in db.rows("DEPARTMENT")}
    return {
        row["USR_USERNAME"]: titles[row["DEP_UID"]] for row in db.rows("USERS") if row["DEP_UID"]
    }


def statuses(db: Workspace) -> dict[str, tuple[str, int]]:
    """The status of the directory's users in both tables."""
    return {
        name: (row["USR_STATUS"], row["rbac"]["USR_STATUS"])
        for name in sorted(usernames(db))
        for row in [db.user(name)]
    }


def role(db: Workspace, username: str) -> str:
    """The role, which is the same in both tables."""
    row = db.user(username)
    (granted,) = db.rows("RBAC_USERS_ROLES", USR_UID=row["USR_UID"])
    assert db.row("RBAC_ROLES", ROL_UID=granted["ROL_UID"])["ROL_CODE"] == row["USR_ROLE"]
    return str(row["USR_ROLE"])


def add_to_group(db: Workspace, title: str, username: str) -> None:
    db.insert(
        "GROUP_USER",
        GRP_UID=db.row("GROUPWF", GRP_TITLE=title)["GRP_UID"],
        USR_UID=db.user(username)["USR_UID"],
    )


def test_groups_and_departments_are_there_at_once_even_when_empty(
    stage: SiteStage, db: Workspace
) -> None:
    stage.rules(groups=[rule("cn=empty", "cn=team")], departments=[rule("ou=Sales", "ou=Vacant")])
    entries: Entries = {"ou=Sales": {}, "ou=Vacant": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}}
    entries |= {
        "uid=eve": {},
        "cn=team": {"member": ["uid=bob"]},
        "cn=other": {"member": ["uid=eve"]},
    }
    entries |= {"cn=empty": {"objectClass": "posixGroup", "gidNumber": "1"}}
    stage.day(entries)
    assert usernames(db) == {"ann", "bob"}, "who is in nothing that is selected is no user"
    assert departments(db) == {"ann": "Sales"}
    assert (db.members("team"), db.members("empty")) == ({"bob"}, set())
    for table, title, category in (
        ("GROUPWF", "GRP", "GRP_TITLE"),
        ("DEPARTMENT", "DEP", "DEPO_TITLE"),
    ):
        titles = {row[f"{title}_UID"]: row[f"{title}_TITLE"] for row in db.rows(table)}
        copies = {
            row["CON_ID"]: row["CON_VALUE"] for row in db.rows("CONTENT", CON_CATEGORY=category)
        }
        assert titles == copies, "the product looks titles up in both places"


def test_a_user_is_in_both_tables_and_belongs_to_the_source(
    stage: SiteStage, db: Workspace
) -> None:
    stage.rules(users={"create": "all"}, groups=[], departments=[])
    stage.day({"uid=ann": {"mail": None, "userPrincipalName": "ann@corp"}})
    row = db.user("ann")
    twin = row["rbac"]
    for column in ("USERNAME", "FIRSTNAME", "LASTNAME", "EMAIL", "DUE_DATE"):
        assert row[f"USR_{column}"] == twin[f"USR_{column}"]
    assert (row["USR_STATUS"], row["USR_STATUS_ID"], twin["USR_STATUS"]) == ("ACTIVE", 1, 1)
    assert row["USR_EMAIL"] == "ann@corp", "the principal name stands in for a missing address"
    assert (row["USR_PASSWORD"], twin["USR_PASSWORD"]) == (NOBODY, NOBODY)
    source = db.row("RBAC_AUTHENTICATION_SOURCE", AUTH_SOURCE_NAME="corp")
    assert source["AUTH_SOURCE_PROVIDER"] == "ldapAdvanced"
    assert (twin["USR_AUTH_TYPE"], twin["UID_AUTH_SOURCE"], twin["USR_AUTH_USER_DN"]) == (
        "ldapadvanced",
        source["AUTH_SOURCE_UID"],
        f"uid=ann,{BASE}",
    )
    assert (row["USR_UX"], row["USR_BIRTHDAY"]) == ("NORMAL", None)
    assert role(db, "ann") == "PROCESSMAKER_OPERATOR"


def test_members_follow_the_directory_at_every_run(stage: SiteStage, db: Workspace) -> None:
    stage.rules(groups=[rule("cn=team")], departments=[rule("ou=Sales", "ou=Ads")])
    units: Entries = {"ou=Sales": {}, "ou=Ads": {}}
    people: Entries = {"uid=ann,ou=Sales": {}, "uid=bob,ou=Sales": {}, "uid=cid,ou=Ads": {}}
    stage.day(units | people | {"cn=team": {"member": ["uid=ann,ou=Sales", "uid=bob,ou=Sales"]}})
    Product(db, filler.AT).add_user("dan")
    add_to_group(db, "team", "dan")
    db.update("USERS", {"USR_USERNAME": "cid"}, USR_EMAIL="by hand")
    people = {"uid=ann,ou=Sales": {"sn": "Married"}, "uid=bob,ou=Ads": {}, "uid=cid,ou=Ads": {}}
    done = stage.day(
        units | people | {"cn=team": {"member": ["uid=ann,ou=Sales", "uid=cid,ou=Ads"]}}
    )
    assert db.members("team") == {"ann", "cid"}, "the directory's members and no others"
    assert departments(db) == {"ann": "Sales", "bob": "Ads", "cid": "Ads"}
    assert db.user("ann")["rbac"]["USR_LASTNAME"] == "Married"
    assert db.user("cid")["USR_EMAIL"] == "cid@example.com", done
    assert db.user("bob")["rbac"]["USR_AUTH_USER_DN"] == f"uid=bob,ou=Ads,{BASE}"


def test_deselecting_takes_back_what_the_sync_assigned_and_leaves_the_rest(
    stage: SiteStage, db: Workspace
) -> None:
    entries: Entries = {"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob,ou=Sales": {}}
    entries |= {"cn=team": {"member": ["uid=ann,ou=Sales"]}}
    entries |= {"cn=crew": {"member": ["uid=ann,ou=Sales"]}}
    stage.rules(groups=[rule("cn=team"), rule("cn=crew")], departments=[rule("ou=Sales")])
    stage.day(entries)
    Product(db, filler.AT).add_user("dan")
    add_to_group(db, "team", "dan")
    stage.rules(groups=[rule("cn=crew")], departments=[rule("ou=Sales")])
    stage.day(entries)
    assert (db.members("team"), db.members("crew")) == ({"dan"}, {"ann"}), (
        "the group stays, and who was put there by hand"
    )
    stage.rules(users={"create": "all"}, groups=[rule("cn=crew")], departments=[])
    stage.day(entries)
    assert departments(db) == {}
    assert [row["DEP_TITLE"] for row in db.rows("DEPARTMENT")] == ["Sales"]
    assert statuses(db) == {"ann": ("ACTIVE", 1), "bob": ("ACTIVE", 1)}


def test_a_child_cannot_be_selected_without_its_parent(stage: SiteStage, db: Workspace) -> None:
    entries: Entries = {"ou=Sales": {}, "ou=North,ou=Sales": {}, "uid=ann,ou=North,ou=Sales": {}}
    stage.rules(groups=[], departments=[rule("ou=North,ou=Sales")])
    with pytest.raises(ReconcileError, match="parent"):
        stage.planned(entries)
    stage.rules(groups=[], departments=[rule("ou=North,ou=Sales", parents=True)])
    stage.day(entries)
    assert departments(db) == {"ann": "North"}
    sales = db.row("DEPARTMENT", DEP_TITLE="Sales")
    assert db.row("DEPARTMENT", DEP_TITLE="North")["DEP_PARENT"] == sales["DEP_UID"]
    stage.rules(groups=[], departments=[rule("ou=Sales", children=True)])
    assert stage.day(entries) == []


def test_members_are_found_in_every_way_and_anywhere_below_a_unit(
    stage: SiteStage, db: Workspace
) -> None:
    entries: Entries = {"ou=Sales": {}, "ou=Desk,ou=Sales": {}, "uid=deep,ou=Desk,ou=Sales": {}}
    entries |= {"uid=bob": {}, "uid=dan": {}, "uid=eve": {}, "uid=cid,cn=band": {}}
    entries |= {"cn=band": {"member": ["uid=bob", "uid=ghost", "cn=unique"]}}
    unix = {"objectClass": "posixGroup", "gidNumber": "1", "memberUid": ["dan", "deep"]}
    unique = {"objectClass": "groupOfUniqueNames", "uniqueMember": ["uid=eve"]}
    entries |= {"cn=unix": unix, "cn=unique": unique}
    stage.rules(
        groups=[rule("cn=band", "cn=unix", "cn=unique", nested="flatten")],
        departments=[rule("ou=Sales")],
    )
    plan = stage.planned(entries)
    assert "dangling_member" in skips(plan).values(), "who cannot be found is reported"
    stage.day(entries)
    assert db.members("band") == {"bob", "cid", "eve"}
    assert (db.members("unix"), db.members("unique")) == ({"dan", "deep"}, {"eve"})
    assert departments(db) == {"deep": "Sales"}


def test_people_of_departments_are_operators_and_roles_of_users_stay(
    stage: SiteStage, db: Workspace
) -> None:
    entries: Entries = {"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}, "uid=cid": {}}
    entries |= {"cn=team": {"member": ["uid=bob", "uid=cid"]}}
    bosses = {"cn=bosses": {"member": ["uid=ann,ou=Sales", "uid=cid"]}}
    mappings: list[dict[str, Any]] = [
        {"role": "manager", "source": "corp", "groups": [f"cn=bosses,{BASE}"]},
        {"role": "guest", "default": True},
    ]
    stage.rules(role_mappings=mappings, groups=[rule("cn=team")], departments=[rule("ou=Sales")])
    stage.day(entries | bosses)
    assert [role(db, name) for name in ("ann", "bob", "cid")] == [
        "PROCESSMAKER_OPERATOR",
        "PROCESSMAKER_GUEST",
        "PROCESSMAKER_MANAGER",
    ]
    product = Product(db, filler.AT)
    bob = db.user("bob")["USR_UID"]
    db.update("USERS", {"USR_UID": bob}, USR_ROLE="PROCESSMAKER_ADMIN")
    key = {"USR_UID": bob}
    db.update("RBAC_USERS_ROLES", key, ROL_UID=product._role("PROCESSMAKER_ADMIN"))
    assert stage.day(entries | {"cn=bosses": {"member": ["uid=bob"]}}) == [], "roles stay"
    assert role(db, "bob") == "PROCESSMAKER_ADMIN"


def test_users_below_an_inactive_ou_are_inactive(stage: SiteStage, db: Workspace) -> None:
    units: Entries = {"ou=Sales": {}, "ou=Old": {}, "ou=Leavers,ou=Old": {}}
    here, there = "uid=ann,ou=Sales", "uid=ann,ou=Leavers,ou=Old"
    stage.rules(users={"inactive_ous": ["Leavers"]}, groups=[], departments=[rule("ou=Sales")])
    bob: Entries = {"uid=bob,ou=Sales": {}}
    stage.day(units | bob | {here: {}})
    stage.day(units | bob | {there: {}})
    assert statuses(db) == {"ann": ("INACTIVE", 0), "bob": ("ACTIVE", 1)}
    assert db.user("ann")["USR_STATUS_ID"] == 0
    stage.day(units | bob | {here: {}})
    assert statuses(db)["ann"] == ("ACTIVE", 1), "and back: no inactivity is for ever"
    assert departments(db)["ann"] == "Sales"
    stage.day(units | bob | {there: {}})
    stage.day(units | bob)
    assert usernames(db) == {"bob"}, "who was inactive before is erased like others"


@pytest.mark.parametrize(
    ("disabled", "by_hand", "after"),
    [
        (False, "ACTIVE", "ACTIVE"),
        (False, "INACTIVE", "ACTIVE"),
        (False, "VACATION", "VACATION"),
        (True, "ACTIVE", "INACTIVE"),
        (True, "INACTIVE", "INACTIVE"),
        (True, "VACATION", "INACTIVE"),
    ],
)
def test_the_status_table_row_by_row(
    stage: SiteStage, db: Workspace, disabled: bool, by_hand: str, after: str
) -> None:
    stage.rules(users={"create": "all"}, groups=[], departments=[])
    stage.day(ONE)
    filler._status(db, "ann", by_hand)
    control = {"pwdAccountLockedTime": "000001010000Z"} if disabled else {}
    stage.day({"uid=ann": control})
    assert statuses(db) == {"ann": (after, int(after != "INACTIVE"))}


def test_managers_come_from_the_directory_where_it_names_one(
    stage: SiteStage, db: Workspace
) -> None:
    entries: Entries = {"uid=boss": {}, "uid=one": {"manager": "uid=boss"}, "uid=two": {}}
    stage.rules(users={"create": "all"}, groups=[], departments=[])
    stage.day(entries)
    assert db.user("one")["USR_REPORTS_TO"] == "", "from LDAP nobody reports to anybody"
    stage.rules(users={"create": "all", "manager_attribute": "manager"}, groups=[], departments=[])
    boss = db.user("boss")["USR_UID"]
    db.update("USERS", {"USR_USERNAME": "two"}, USR_REPORTS_TO=boss)
    stage.day(entries)
    assert db.user("one")["USR_REPORTS_TO"] == boss
    del entries["uid=boss"]
    stage.day({"uid=one": {"manager": "uid=boss"}, "uid=two": {}})
    assert db.user("one")["USR_REPORTS_TO"] == "", "cleared when the manager is gone"


def test_supervisors_are_neither_made_nor_taken_away(stage: SiteStage, db: Workspace) -> None:
    stage.rules(users={"create": "all"}, groups=[], departments=[])
    stage.day({"uid=ann": {}, "uid=bob": {}})
    filler.belongings(db, "ann")
    before = db.rows("PROCESS_USER")
    stage.day({"uid=ann": {"sn": "Married"}, "uid=bob": {}})
    assert db.rows("PROCESS_USER") == before


MARKS = ("MarkLogin", "MarkFirst", "MarkLast", "MarkMail", "MarkPhone", "MarkTitle")


def test_removed_users_are_erased_and_their_things_handed_on(
    stage: SiteStage, db: Workspace
) -> None:
    login, first, last, mail, phone, title = MARKS
    person = {"givenName": first, "sn": last, "mail": f"{mail}@example.com", "title": title}
    person |= {"telephoneNumber": phone, "entryUUID": "MarkId"}
    entries: Entries = {"ou=Sales": {}, "uid=ann,ou=Sales": {"manager": f"uid={login},ou=Sales"}}
    gone = dict(entries)
    gone["cn=team"] = {"member": ["uid=ann,ou=Sales"]}
    entries |= {f"uid={login},ou=Sales": person}
    entries["cn=team"] = {"member": [f"uid={login},ou=Sales", "uid=ann,ou=Sales"]}
    stage.rules(
        users={"manager_attribute": "manager"},
        groups=[rule("cn=team")],
        departments=[rule("ou=Sales")],
    )
    stage.day(entries)
    user = db.user(login)
    assert user["USR_EXTENDED_ATTRIBUTES_DATA"] == '{"badge": "MarkTitle"}'
    filler.belongings(db, login)
    db.update("USERS", {"USR_UID": user["USR_UID"]}, USR_POSITION="x", USR_LAST_LOGIN="2025-01-01")
    stage.day(gone)
    row = db.row("USERS", USR_UID=user["USR_UID"])
    twin = db.row("RBAC_USERS", USR_UID=user["USR_UID"])
    assert (row["USR_STATUS"], twin["USR_STATUS"]) == ("CLOSED", 0)
    assert (row["USR_FIRSTNAME"], row["USR_LASTNAME"]) == ("unknown", "unknown")
    assert (row["USR_EMAIL"], row["USR_PHONE"], row["USR_POSITION"], row["DEP_UID"]) == (
        "", "", "", "",
    )  # fmt: skip
    assert row["USR_EXTENDED_ATTRIBUTES_DATA"] == "{}"
    assert (twin["USR_AUTH_USER_DN"], twin["USR_FIRSTNAME"]) == ("", "unknown")
    text = db.text().lower()
    assert [mark for mark in (*MARKS, "MarkId") if mark.lower() in text] == [], (
        "nothing personal is left in any table"
    )
    case = db.row("APP_DELEGATION")
    assert case["USR_UID"] == user["USR_UID"], "cases stay with the row of the unknown user"
    for table in ("TASK_USER", "OBJECT_PERMISSION", "PROCESS_USER", "SESSION", "LOGIN_LOG"):
        assert db.count(table) == 0, table
    assert db.row("PROCESS")["PRO_CREATE_USER"] == ADMIN
    assert db.members("team") == {"ann"}
    assert db.user("ann")["USR_REPORTS_TO"] == ""
    assert db.rows("RBAC_USERS_ROLES", USR_UID=user["USR_UID"]) == []
    stage.day(entries)
    assert db.user(login)["USR_UID"] != user["USR_UID"], "the login is free for somebody else"


def test_who_is_renamed_or_moved_is_not_erased(stage: SiteStage, db: Workspace) -> None:
    units: Entries = {"ou=Sales": {}, "ou=Ads": {}}
    stage.rules(groups=[], departments=[rule("ou=Sales", "ou=Ads")])
    stage.day(units | {f"uid={name},ou=Sales": {} for name in ("ann", "bob", "cid")})
    before = {name: db.user(name)["USR_UID"] for name in ("ann", "bob", "cid")}
    stage.day(
        units
        | {"uid=anna,ou=Sales": {"entryUUID": "id-ann"}}
        | {"uid=BOB,ou=Sales": {"entryUUID": "id-bob"}, "uid=cid,ou=Ads": {}}
    )
    after = {name: db.user(name)["USR_UID"] for name in ("anna", "BOB", "cid")}
    assert list(after.values()) == list(before.values())
    assert departments(db) == {"anna": "Sales", "BOB": "Sales", "cid": "Ads"}
    assert db.user("anna")["rbac"]["USR_USERNAME"] == "anna"


def test_a_base_that_is_not_there_erases_nobody(stage: SiteStage, db: Workspace) -> None:
    stage.rules(users={"create": "all"}, groups=[], departments=[])
    stage.day(ONE)
    before = db.everything()
    stage.rules(
        source={"base_dn": f"ou=Typo,{BASE}"}, users={"create": "all"}, groups=[], departments=[]
    )
    with pytest.raises(ReconcileError, match="no entry for the base DN"):
        stage.planned(ONE)
    assert db.everything() == before


def test_an_empty_base_erases_nobody(stage: SiteStage, db: Workspace) -> None:
    stage.rules(users={"create": "all"}, groups=[], departments=[])
    stage.day({"uid=ann": {}, "uid=bob": {}})
    before = db.everything()
    stage.directory({})
    plan, _ = stage.plan(accept=[])
    assert "users_lost" in {violation.code.partition(":")[0] for violation in plan.violations}
    with pytest.raises(ReconcileError):
        stage.apply(plan)
    assert db.everything() == before


def test_attributes_go_to_the_roles_they_are_for_from_any_directory(
    stage: SiteStage, db: Workspace
) -> None:
    attributes = [
        {"field": "phone", "value": "{{ telephoneNumber }}"},
        {"field": "title", "value": "{{ title }}", "roles": ["manager"]},
    ]
    mappings = [
        {"role": "manager", "source": "corp", "groups": [f"cn=bosses,{BASE}"]},
        {"role": "operator", "default": True},
    ]
    rules: dict[str, Any] = {"role_mappings": mappings, "groups": [], "departments": []}
    bosses: Entries = {"cn=bosses": {"member": ["uid=ann"]}}
    stage.rules(users={"create": "all", "attributes": attributes}, **rules)
    stage.day(
        bosses
        | {
            "uid=ann": {"telephoneNumber": "1", "title": "T"},
            "uid=bob": {"telephoneNumber": "2", "title": "T"},
        }
    )

    def kept(name: str) -> tuple[str, str | None]:
        row = db.user(name)
        return row["USR_PHONE"], row["USR_EXTENDED_ATTRIBUTES_DATA"]

    assert kept("ann") == ("1", '{"title": "T"}')
    assert kept("bob")[0] == "2"
    assert "T" not in (kept("bob")[1] or "")
    stage.day(bosses | {"uid=ann": {"title": "T"}, "uid=bob": {"telephoneNumber": "3"}})
    assert (kept("ann")[0], kept("bob")[0]) == ("1", "3"), "what is absent blanks nothing"
    stage.rules(users={"create": "all", "attributes": []}, **rules)
    assert stage.day(bosses | {"uid=ann": {}, "uid=bob": {}}) == [], "and what has no rule stays"
    assert kept("ann") == ("1", '{"title": "T"}')


def test_a_source_that_is_deleted_leaves_its_users_out_of_service(
    stage: SiteStage, db: Workspace
) -> None:
    stage.rules(users={"create": "all"}, groups=[], departments=[])
    stage.day(ONE)
    Product(db, filler.AT).add_user("dan")
    stage.desired["sources"] = []
    stage.desired["role_mappings"] = []
    stage.close()
    stage.day(ONE)
    assert statuses(db) == {"ann": ("INACTIVE", 0)}
    assert db.user("dan")["USR_STATUS"] == "ACTIVE"


def test_who_is_not_of_the_source_is_never_touched(stage: SiteStage, db: Workspace) -> None:
    product = Product(db, filler.AT)
    product.add_user("ann")
    stage.rules(users={"create": "all"}, groups=[], departments=[])
    before = db.everything()
    plan = stage.planned({"uid=ann": {}, "uid=admin": {}, "uid=guest": {}, "uid=new": {}})
    assert skips(plan)["user ann"] in ("exists_locally", "namesake"), plan.skips
    assert {"user admin", "user guest"} <= skips(plan).keys()
    stage.day({"uid=ann": {}, "uid=admin": {}, "uid=guest": {}, "uid=new": {}}, DAY)
    assert usernames(db) == {"new"}
    after = db.everything()
    for table in ("USERS", "RBAC_USERS", "RBAC_USERS_ROLES"):
        assert [row for row in before[table] if row not in after[table]] == []
