"""What a workspace of ProcessMaker has after a run: rows of the product's tables, and what is read of odd ones."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from reconcile.errors import PlatformUnreadable
from reconcile.model.change import Fields
from reconcile.model.platform import Contents
from reconcile.platforms.processmaker.platform import ProcessMaker
from reconcile.ports import ManagedPlatform, Rejected
from reconcile.testing.builders import (
    CORP,
    ERASED,
    change,
    department,
    grant,
    group,
    member,
    ok,
    user,
    users,
    write,
)
from tests.contract.platforms import Servers
from tests.processmaker.platform import case, emptied, settings, suite_url
from tests.processmaker.tables import (
    GUEST,
    NOBODY,
    STRICT,
    ZERO_DATE,
    Workspace,
    admin_url,
    seeded,
    uid,
)
from tests.servers.mariadb import MariaDB

pytestmark = pytest.mark.server


class Site(NamedTuple):
    """A workspace as the platform and as the product see it."""

    url: str
    platform: ManagedPlatform
    product: Workspace

    def adapter(self, **options: Any) -> ProcessMaker:
        return ProcessMaker(settings(self.url, **options))

    def contents(self, **options: Any) -> Contents:
        return self.adapter(**options).read("main")

    def checks(self, **options: Any) -> dict[str, str]:
        made = self.adapter(workspaces=("main",), **options).check()
        return {f"{check.what}{'' if check.ok else '!'}": check.detail for check in made}


@pytest.fixture
def site(servers: Servers) -> Iterator[Site]:
    server = servers("mariadb")
    assert isinstance(server, MariaDB)
    url = suite_url(admin_url(server))
    with (
        case(server, ProcessMaker, mode=STRICT) as platform,
        Workspace(url.replace("{workspace}", "main")) as product,
    ):
        yield Site(url, platform, product)


def test_a_user_is_the_same_in_both_tables(site: Site) -> None:
    anna: Fields = {
        "first_name": "Anna",
        "last_name": "Müller",
        "email": "a@example.com",
        "status": "vacation",
        "source": "corp",
        "dn": "uid=anna,dc=example,dc=com",
    }
    ok(site.platform, CORP, user("anna", **anna))
    ok(site.platform, change("user", "update", "anna", {"username": "Anna", "email": ""}))
    row = site.product.user("Anna")
    twin = row["rbac"]
    for column in ("USERNAME", "FIRSTNAME", "LASTNAME", "EMAIL", "DUE_DATE", "PASSWORD"):
        assert row[f"USR_{column}"] == twin[f"USR_{column}"]
    assert (row["USR_STATUS"], row["USR_STATUS_ID"], twin["USR_STATUS"]) == ("VACATION", 0, 1)
    (source,) = site.product.rows("RBAC_AUTHENTICATION_SOURCE")
    assert (source["AUTH_SOURCE_NAME"], source["AUTH_SOURCE_BASE_DN"]) == (
        "corp",
        "dc=example,dc=com",
    )
    assert (twin["USR_AUTH_TYPE"], twin["UID_AUTH_SOURCE"], twin["USR_AUTH_USER_DN"]) == (
        "ldapadvanced",
        source["AUTH_SOURCE_UID"],
        "uid=anna,dc=example,dc=com",
    )
    assert row["USR_PASSWORD"] == NOBODY
    assert row["USR_DUE_DATE"].year - row["USR_CREATE_DATE"].year == 2


def test_a_lacking_twin_is_made_when_the_user_changes(site: Site) -> None:
    ok(site.platform, user("anna"))
    site.product.delete("RBAC_USERS", USR_USERNAME="anna")
    assert "users in USERS and not in RBAC_USERS: 1 (anna)" in site.checks()["equal"]
    ok(site.platform, change("user", "update", "anna", {"email": "a@example.com"}))
    assert site.product.user("anna")["rbac"]["USR_EMAIL"] == "a@example.com"


def test_the_login_decides_on_the_status(site: Site) -> None:
    ok(site.platform, [user("in"), user("out", status="inactive")])
    site.product.update("RBAC_USERS", {"USR_USERNAME": "in"}, USR_STATUS=0)
    site.product.update("RBAC_USERS", {"USR_USERNAME": "out"}, USR_STATUS=1)
    assert {name: row["status"] for name, row in users(site.platform).items()} == {
        "in": "inactive",
        "out": "active",
    }
    assert (
        "users with another status in RBAC_USERS, which decides at the login: 2"
        in site.checks()["equal"]
    )


def test_a_user_has_one_role_in_two_places(site: Site) -> None:
    ok(site.platform, user("anna"), grant("anna", "operator"), grant("anna", "manager"))
    anna = site.product.user("anna")["USR_UID"]
    roles = site.product.rows("RBAC_USERS_ROLES", USR_UID=anna)
    assert [row["ROL_UID"] for row in roles] == [seeded(4)]
    assert site.product.user("anna")["USR_ROLE"] == "PROCESSMAKER_MANAGER"
    gone = change("grant", "delete", "anna/manager", None, {"user": "anna", "role": "manager"})
    ok(site.platform, gone)
    assert site.product.user("anna")["USR_ROLE"] == ""
    assert site.product.count("RBAC_USERS_ROLES", USR_UID=anna) == 0
    # A role of another system is none of ours.
    site.product.insert("RBAC_USERS_ROLES", USR_UID=anna, ROL_UID=seeded(1))
    ok(site.platform, grant("anna", "operator"))
    assert site.product.count("RBAC_USERS_ROLES", USR_UID=anna) == 2
    assert [pair[1] for pair in site.contents().links["grant"]] == ["operator"]


def test_titles_are_the_same_in_content_in_every_language(site: Site) -> None:
    ok(site.platform, group("staff"), department("Sales"))
    (staff,) = site.product.rows("GROUPWF")
    site.product.insert(
        "CONTENT",
        CON_CATEGORY="GRP_TITLE",
        CON_ID=staff["GRP_UID"],
        CON_LANG="de",
        CON_VALUE="staff",
    )
    ok(
        site.platform,
        change("group", "update", "staff", {"name": "Staff"}),
        change("department", "update", "Sales", {"title": "Vertrieb"}),
    )
    titles = {
        (row["CON_CATEGORY"], row["CON_LANG"], row["CON_VALUE"])
        for row in site.product.rows("CONTENT")
        if row["CON_CATEGORY"] != "ROL_NAME"
    }
    assert titles == {
        ("GRP_TITLE", "en", "Staff"),
        ("GRP_TITLE", "de", "Staff"),
        ("DEPO_TITLE", "en", "Vertrieb"),
    }
    assert site.checks()["equal"].startswith("users, roles, titles and memberships agree")


def test_a_membership_has_the_numbers_of_both(site: Site) -> None:
    ok(site.platform, user("anna"), group("staff"), member("anna", "staff"))
    (row,) = site.product.rows("GROUP_USER")
    assert row["GRP_ID"] == site.product.row("GROUPWF")["GRP_ID"]
    assert row["USR_ID"] == site.product.user("anna")["USR_ID"]


def test_the_manager_of_a_department_is_not_the_directorys(site: Site) -> None:
    """Two masters write one column: only whom the directory names is a manager here."""
    ok(site.platform, department("Sales"), [user("boss"), user("lead")])
    ok(
        site.platform,
        [user("anna", department="Sales", manager="lead"), user("ben", department="Sales")],
    )
    uids = {name: site.product.user(name)["USR_UID"] for name in ("boss", "lead", "anna", "ben")}
    site.product.update("DEPARTMENT", {"DEP_TITLE": "Sales"}, DEP_MANAGER=uids["boss"])
    site.product.update("USERS", {"USR_UID": uids["ben"]}, USR_REPORTS_TO=uids["boss"])
    assert "manager" not in users(site.platform)["ben"]
    # The directory names the same person: from now on it is a manager here, too.
    ok(site.platform, change("user", "update", "ben", {"manager": "boss"}))
    assert users(site.platform)["ben"]["manager"] == "boss"
    # It names nobody any more: the department's manager is back, and none of ours.
    cleared = [change("user", "update", name, {"manager": None}) for name in ("anna", "ben")]
    ok(site.platform, cleared)
    assert site.product.user("anna")["USR_REPORTS_TO"] == uids["boss"]
    assert "manager" not in users(site.platform)["anna"]
    assert "manager" not in users(site.platform)["ben"]


def test_extended_attributes_are_merged_and_what_is_no_text_stays(site: Site) -> None:
    ok(site.platform, user("anna", attributes={"badge": "7", "phone": "+49 1", "old": "x"}))
    row = site.product.user("anna")
    assert row["USR_PHONE"] == "+49 1"
    site.product.update(
        "USERS",
        {"USR_USERNAME": "anna"},
        USR_EXTENDED_ATTRIBUTES_DATA='{"badge":"7","old":"x","list":[1],"number":3}',
    )
    ok(
        site.platform,
        change("user", "update", "anna", {"attributes": {"badge": "ü8", "old": None}}),
    )
    text = site.product.user("anna")["USR_EXTENDED_ATTRIBUTES_DATA"]
    assert text == '{"badge": "\\u00fc8", "list": [1], "number": 3}'
    assert users(site.platform)["anna"]["attributes"] == {
        "badge": "ü8",
        "number": "3",
        "phone": "+49 1",
    }


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '"x"'])
def test_broken_extended_attributes_are_none(site: Site, text: str) -> None:
    ok(site.platform, user("anna"))
    site.product.update("USERS", {"USR_USERNAME": "anna"}, USR_EXTENDED_ATTRIBUTES_DATA=text)
    assert users(site.platform)["anna"] == {"status": "active"}


def test_a_due_date_is_read_as_the_directory_wrote_it(site: Site) -> None:
    ok(site.platform, user("anna", attributes={"due_date": "20310506235959Z"}), user("ben"))
    assert str(site.product.user("anna")["USR_DUE_DATE"]) == "2031-05-06"
    assert users(site.platform)["anna"]["attributes"] == {"due_date": "20310506235959Z"}
    assert users(site.platform)["ben"] == {"status": "active"}
    site.product.update("USERS", {"USR_USERNAME": "anna"}, USR_DUE_DATE="2032-01-01")
    assert users(site.platform)["anna"]["attributes"] == {"due_date": "2032-01-01"}
    ok(site.platform, change("user", "update", "anna", {"attributes": {"due_date": None}}))
    assert users(site.platform)["anna"] == {"status": "active"}
    assert (
        site.product.user("anna")["rbac"]["USR_DUE_DATE"]
        > site.product.user("anna")["USR_CREATE_DATE"].date()
    )


def test_nothing_of_an_erased_user_is_left(site: Site) -> None:
    ok(
        site.platform,
        CORP,
        user("xanna", first_name="Xanna", source="corp", dn="uid=xanna", attributes={"b": "xanna"}),
        user("ben", manager="xanna"),
        group("staff"),
        [member("xanna", "staff"), grant("xanna", "operator")][:1],
        grant("xanna", "operator"),
    )
    row = site.product.user("xanna")
    xanna, product = row["USR_UID"], site.product
    product.insert("TASK_USER", TAS_UID=uid("task"), USR_UID=xanna, TU_RELATION=1)
    product.insert("USERS_PROPERTIES", USR_UID=xanna, USR_PASSWORD_HISTORY="xanna")
    product.insert("USER_CONFIG", USR_ID=row["USR_ID"], USC_NAME="x", USC_SETTING="xanna")
    product.insert(
        "LIST_PARTICIPATED_LAST",
        APP_UID=uid("case"),
        USR_UID=xanna,
        DEL_DELEGATE_DATE="2026-01-01",
        DEL_CURRENT_USR_USERNAME="xanna",
        DEL_CURRENT_USR_FIRSTNAME="Xanna",
    )
    product.update("USERS", {"USR_UID": xanna}, USR_POSITION="boss of xanna")
    ok(site.platform, change("user", "erase", "xanna", ERASED))
    left = {table: rows for table, rows in product.everything().items() if "anna" in repr(rows)}
    assert left == {}
    (row,) = product.rows("USERS", USR_UID=xanna)
    assert (row["USR_STATUS"], row["USR_USERNAME"], row["USR_ROLE"]) == ("CLOSED", "", "")
    assert product.row("RBAC_USERS", USR_UID=xanna)["USR_STATUS"] == 0
    assert product.count("LIST_PARTICIPATED_LAST", USR_UID=xanna) == 1, "the case stays"
    assert users(site.platform)["ben"] == {"status": "active"}


def test_what_processes_use_is_not_deleted(site: Site) -> None:
    ok(site.platform, group("auditors"), group("free"), department("Sales"), user("anna"))
    uids = {row["GRP_TITLE"]: row["GRP_UID"] for row in site.product.rows("GROUPWF")}
    process, task = uid("process"), uid("task")
    site.product.insert("TASK_USER", TAS_UID=task, USR_UID=uids["auditors"], TU_RELATION=2)
    site.product.insert(
        "PROCESS_USER",
        PU_UID=uid("pu"),
        PRO_UID=process,
        USR_UID=uids["auditors"],
        PU_TYPE="GROUP_SUPERVISOR",
    )
    site.product.insert(
        "PROCESS", PRO_UID=process, PRO_TITLE="Purchase", PRO_CREATE_DATE="2026-01-01"
    )
    site.product.insert(
        "CONTENT", CON_CATEGORY="TAS_TITLE", CON_ID=task, CON_LANG="en", CON_VALUE="Approve"
    )
    anna = site.product.user("anna")["USR_UID"]
    site.product.insert(
        "APP_DELEGATION",
        APP_UID=uid("case"),
        USR_UID=anna,
        DEL_DELEGATE_DATE="2026-01-01",
        DEL_DATA="",
        DEL_TITLE="",
    )
    used = "the task 'Approve', the supervisors of the process 'Purchase'"
    state = site.platform.read("main")
    ids = {thing.name: thing.id for thing in state.groups}
    (person,) = state.users
    assert state.in_use == {ids["auditors"]: used, person.id: "cases that name it"}
    doomed = [change("group", "delete", "auditors"), change("group", "delete", "free")]
    assert write(site.platform, doomed) == [f"it is in use by {used}", ""]
    (reason,) = write(site.platform, change("user", "delete", "anna"))
    assert reason == "cases name this user: erase it (lifecycle.on_missing: erase)"


def test_objects_of_one_name_are_told_apart_and_orphans_are_at_the_top(site: Site) -> None:
    product = site.product
    for number in (1, 2):
        product.insert("GROUPWF", GRP_UID=f"{number}" * 32, GRP_TITLE="Sales")
        product.insert(
            "USERS",
            USR_UID=f"{number + 4}" * 32,
            USR_USERNAME="twin",
            USR_DUE_DATE="2030-01-01",
            USR_CREATE_DATE="2026-01-01",
            USR_UPDATE_DATE="2026-01-01",
            DEP_UID=uid("gone"),
            USR_REPORTS_TO=uid("gone"),
        )
    product.insert("DEPARTMENT", DEP_UID="7" * 32, DEP_TITLE="Lost", DEP_PARENT=uid("gone"))
    product.insert("DEPARTMENT", DEP_UID="8" * 32, DEP_TITLE="A", DEP_PARENT="9" * 32)
    product.insert("DEPARTMENT", DEP_UID="9" * 32, DEP_TITLE="B", DEP_PARENT="8" * 32)
    product.insert("GROUP_USER", GRP_UID=uid("gone"), USR_UID="5" * 32)
    state = site.platform.read("main")
    assert {thing.name for thing in state.groups} == {"Sales", "Sales (22222222)"}
    assert {thing.username for thing in state.users} == {"twin", "twin (66666666)"}
    assert {(thing.department, thing.manager) for thing in state.users} == {("", "")}
    by_title = {thing.title: thing for thing in state.departments}
    assert by_title["Lost"].parent == ""
    assert sorted(bool(by_title[title].parent) for title in "AB") == [False, True]
    assert state.memberships == ()


def test_users_whose_rows_are_too_long_for_one_text_are_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(site.platform, [user(f"u{n}", attributes={"x": "ä" * 90}) for n in range(5)])
    before = site.contents()
    for size in range(16, 400, 29):  # cut off anywhere, between two rows as well
        monkeypatch.setattr("reconcile.platforms.database.mariadb_bulk.CHUNK", size)
        assert site.contents() == before


def test_admin_and_guest_are_never_touched_whatever_they_are_called(site: Site) -> None:
    site.product.update("USERS", {"USR_UID": GUEST}, USR_USERNAME="visitor")
    contents = site.contents()
    assert contents.rows["user"] == {}
    assert set(contents.taken) == {"admin", "visitor"}
    with pytest.raises(Rejected, match="the site's own"):
        site.adapter().delete("main", "user", GUEST)


@pytest.mark.parametrize("name", ["ANNA", "ännä", "anna "])
def test_what_the_login_takes_for_one_name_is_one(site: Site, name: str) -> None:
    adapter = site.adapter()
    adapter.create("main", "user", {"username": "anna"})
    with pytest.raises(Rejected, match="its login takes for this"):
        adapter.create("main", "user", {"username": name})
    assert site.product.count("USERS", USR_USERNAME="anna") == 1


def test_dates_of_zeros_are_read(site: Site) -> None:
    ok(site.platform, user("anna"))
    site.product.update("USERS", {"USR_USERNAME": "anna"}, USR_DUE_DATE=ZERO_DATE)
    assert users(site.platform)["anna"] == {"status": "active"}
    ok(site.platform, change("user", "update", "anna", {"email": "a@example.com"}))


def test_another_writer_is_waited_for_and_then_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconcile.platforms.database.database.BUSY", 1)
    lock = "concat('reconcile ', left(sha2(database(), 256), 40))"
    assert site.product.sql(f"SELECT get_lock({lock}, 0) AS got")[0]["got"] == 1
    with pytest.raises(PlatformUnreadable, match="another run of reconcile is writing to it"):
        site.adapter().create("main", "user", {"username": "anna"})
    site.product.sql(f"DO release_lock({lock})")
    assert site.adapter().create("main", "user", {"username": "anna"})


def test_users_are_their_sources_whether_the_files_declare_it_or_not(site: Site) -> None:
    product = site.product
    for name, base in (("Corporate", "dc=example,dc=com"), ("Other", "dc=other")):
        product.insert(
            "RBAC_AUTHENTICATION_SOURCE",
            AUTH_SOURCE_UID=uid(name),
            AUTH_SOURCE_NAME=name,
            AUTH_SOURCE_BASE_DN=base,
        )
    ok(site.platform, user("anna", dn="uid=anna,dc=example,dc=com"), user("ben", dn="uid=ben"))
    for name, source in (("anna", "Corporate"), ("ben", "Other")):
        product.update(
            "RBAC_USERS",
            {"USR_USERNAME": name},
            UID_AUTH_SOURCE=uid(source),
            USR_AUTH_TYPE="ldapadvanced",
        )
    product.insert("GROUPWF", GRP_UID="1" * 32, GRP_TITLE="a", GRP_LDAP_DN="CN=a,DC=example,DC=com")
    product.insert("GROUPWF", GRP_UID="2" * 32, GRP_TITLE="b", GRP_LDAP_DN="cn=b,dc=other")
    read = site.contents(sources=("corp",), authentication_sources={"corp": "Corporate"})
    assert {row["username"]: row["source"] for row in read.rows["user"].values()} == {
        "anna": "corp",
        "ben": "Other",
    }
    assert {row["name"]: row["source"] for row in read.rows["group"].values()} == {
        "a": "corp",
        "b": "",
    }


def test_a_database_of_another_program_is_refused(site: Site) -> None:
    emptied(site.url.replace("{workspace}", "third"))
    with Workspace(site.url.replace("{workspace}", "third")) as third:
        third.sql("ALTER TABLE GROUPWF RENAME COLUMN GRP_TITLE TO TITLE")
        with pytest.raises(PlatformUnreadable, match="lacks the column GRP_TITLE of GROUPWF"):
            site.adapter().read("third")
        third.sql("ALTER TABLE GROUPWF RENAME COLUMN TITLE TO GRP_TITLE")
        third.sql("ALTER TABLE USERS RENAME TO PEOPLE")
        with pytest.raises(PlatformUnreadable, match="no workspace of ProcessMaker 3"):
            site.adapter().read("third")
        third.sql("ALTER TABLE PEOPLE RENAME TO USERS")
        third.sql("ALTER TABLE GROUP_USER ENGINE=MyISAM")
        *_, last = site.adapter(workspaces=("third",)).check()
        assert (last.ok, last.detail[:24]) == (False, "GROUP_USER: not InnoDB, ")
        third.sql("ALTER TABLE GROUP_USER ENGINE=InnoDB")


def test_the_synchroniser_of_the_product_is_warned_of(site: Site) -> None:
    site.product.insert("GROUPWF", GRP_UID="1" * 32, GRP_TITLE="a", GRP_LDAP_DN="cn=a")
    assert site.checks()["synchroniser"].startswith(
        "warning: groups and departments with a DN in ProcessMaker's tables: 1. If ldapcron.php"
    )
    assert "The next apply moves them" in site.checks(takeover=True)["synchroniser"]
    taken = site.adapter(takeover=True)
    taken.create("main", "group", {"name": "b", "dn": "cn=b"})
    assert {row["GRP_LDAP_DN"] for row in site.product.rows("GROUPWF")} == {""}
    assert {row["dn"] for row in site.contents().rows["group"].values()} == {"cn=a", "cn=b"}
    assert "DNs kept out of ProcessMaker's sight: 2" in site.checks(takeover=True)["synchroniser"]
    site.adapter().create("main", "group", {"name": "c"})
    assert {row["GRP_LDAP_DN"] for row in site.product.rows("GROUPWF")} == {"cn=a", "cn=b", ""}
