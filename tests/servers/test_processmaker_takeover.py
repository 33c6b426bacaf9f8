"""A site that ProcessMaker's own synchroniser kept for years is switched over, and lived with for a month."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processmaker import filler
from tests.processmaker.filler import BASE, COMPANY, DEPARTMENTS, GROUPS, Entries, person
from tests.processmaker.installation import Installation
from tests.processmaker.sound import unequal
from tests.processmaker.stage import SiteStage, skips
from tests.processmaker.tables import STRICT, Row, Workspace, admin_url, site, sql_mode
from tests.servers.forking import Execute
from tests.servers.mariadb import MariaDB, mariadb

pytestmark = pytest.mark.server

PEOPLE = ("ann", "bob", "cid", "dan", "eve", "fay", "gil")
LEAVING = {"lifecycle": {"on_missing": {"action": "deactivate", "after": "14d", "then": "erase"}}}
TAKEOVER = {"platform": {"takeover": True}}
_UNIQUE = {"objectClass": "groupOfUniqueNames"}


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


def uids(db: Workspace) -> dict[str, str]:
    return {row["USR_USERNAME"]: row["USR_UID"] for row in db.rows("USERS") if row["USR_USERNAME"]}


def dns(db: Workspace) -> dict[str, str]:
    """What the product's synchroniser looks for: the entries of groups and departments."""
    groups = {row["GRP_TITLE"]: row["GRP_LDAP_DN"] for row in db.rows("GROUPWF")}
    return groups | {row["DEP_TITLE"]: row["DEP_LDAP_DN"] for row in db.rows("DEPARTMENT")}


def others(db: Workspace) -> dict[str, list[Row]]:
    """Everything that is not of the directory: local users, groups of people, processes and cases."""
    mirrored = {row["USR_UID"] for row in db.rows("RBAC_USERS", USR_AUTH_TYPE="ldapadvanced")}
    mirrored |= {row["GRP_UID"] for row in db.rows("GROUPWF") if row["GRP_TITLE"] in GROUPS}
    mirrored |= {row["DEP_UID"] for row in db.rows("DEPARTMENT") if row["DEP_TITLE"] in DEPARTMENTS}
    mirrored |= {row["AUTH_SOURCE_UID"] for row in db.rows("RBAC_AUTHENTICATION_SOURCE")}
    return {
        table: [row for row in rows if not mirrored & {str(value) for value in row.values()}]
        for table, rows in db.everything().items()
    }


def test_nobody_and_nothing_is_doubled(stage: SiteStage, db: Workspace) -> None:
    product = filler.filled(db)
    before, foreign, damage = uids(db), others(db), unequal(db)
    counts = {table: db.count(table) for table in ("USERS", "RBAC_USERS", "GROUPWF", "DEPARTMENT")}
    done = stage.day(COMPANY)
    gone_or_new = [line for line in done if line[0] in "+-" and " source " not in line]
    assert gone_or_new == [], "everything is recognised"
    assert db.count("RBAC_AUTHENTICATION_SOURCE") == 1
    assert uids(db) == before
    assert {table: db.count(table) for table in counts} == counts
    assert others(db) == foreign
    assert unequal(db) <= damage, "nothing has got worse"
    for username in ("ann", "bob", "gil"):
        assert product.login(username) in {f"{entry},{BASE}" for entry in COMPANY}
    assert dns(db)["staff"] == f"cn=staff,{BASE}", "without takeover the product goes on, too"
    assert db.user("fay")["USR_STATUS"] == "VACATION"
    assert db.user("eve")["USR_REPORTS_TO"] == db.user("dan")["USR_UID"], (
        "whom the department's manager leads stays so: the directory names nobody"
    )


def test_taking_over_hides_the_entries_from_the_product_and_gives_them_back(
    stage: SiteStage, db: Workspace
) -> None:
    product = filler.company(db)
    before = dns(db)
    logins = {username: product.login(username) for username in PEOPLE}
    stage.rules(**TAKEOVER)
    stage.day(COMPANY)
    assert set(dns(db).values()) == {""}
    assert {username: product.login(username) for username in PEOPLE} == logins
    changed = dict(COMPANY) | {"cn=devs": _UNIQUE | {"uniqueMember": []}}
    product.cron({"corp": filler.directory(changed)[1]})
    assert db.members("devs") == {"dan", "eve"}, "a forgotten ldapcron empties no group any more"
    assert stage.day(COMPANY) == []
    stage.rules(platform={"takeover": False})
    stage.day(COMPANY)
    assert dns(db) == before
    assert stage.day(COMPANY) == []


def test_a_source_of_another_name_takes_nobody(stage: SiteStage, db: Workspace) -> None:
    product = filler.company(db)
    db.update("RBAC_AUTHENTICATION_SOURCE", {"AUTH_SOURCE_NAME": "corp"}, AUTH_SOURCE_NAME="AD")
    logins = {username: product.login(username) for username in PEOPLE}
    plan = stage.planned(COMPANY)
    assert {change.kind for change in plan.changes} == {"source"}
    assert all(f"user {username}" in skips(plan) for username in PEOPLE), "each is named"
    stage.apply(plan)
    assert {username: product.login(username) for username in PEOPLE} == logins
    stage.rules(platform={"authentication_sources": {"corp": "AD"}})
    done = stage.day(COMPANY)
    assert [line for line in done if line[0] in "+-"] == [], "the way out"


class Month:
    """The company's directory from night to night, and the workspace after each."""

    def __init__(self, stage: SiteStage, db: Workspace) -> None:
        self.stage, self.db = stage, db
        self.product = filler.filled(db)
        self.damage = unequal(db)
        self.entries: Entries = dict(COMPANY)
        stage.rules(**TAKEOVER, **LEAVING)
        self.night(1)
        self.ids = uids(db)

    def night(self, day: int, **groups: list[str]) -> None:
        """A run, after groups have got these members; nothing has got worse."""
        for title, members in groups.items():
            self.entries[f"cn={title}"] = _UNIQUE | {"uniqueMember": members}
        self.stage.day(self.entries, f"2026-01-{day:02}")
        assert unequal(self.db) <= self.damage

    def login(self, username: str) -> None:
        """The product binds as the person's entry of today."""
        assert self.product.login(username) in {f"{entry},{BASE}" for entry in self.entries}

    def hire_and_rename(self) -> None:
        self.entries["uid=ivy,ou=Tech"] = person("Ivory", telephoneNumber="+1 555 9")
        self.night(2, devs=["uid=dan,ou=Tech", "uid=eve,ou=Tech", "uid=ivy,ou=Tech"])
        self.login("ivy")
        assert self.db.members("devs") == {"dan", "eve", "ivy"}
        assert self.db.user("ivy")["USR_PHONE"] == "+1 555 9"
        del self.entries["uid=dan,ou=Tech"]
        renamed = person("Dogwood", entryUUID="id-dan", mail="dan@example.com")
        self.entries["uid=daniel,ou=Tech"] = renamed
        self.night(3)
        assert uids(self.db)["daniel"] == self.ids["dan"], "a new login is the same user"
        self.login("daniel")

    def move(self) -> None:
        self.entries["uid=bob,ou=Ads,ou=Sales"] = person("Birch")
        del self.entries["uid=bob,ou=Sales"]
        self.night(4, staff=["uid=ann,ou=Sales", "uid=gil"])
        bob = self.db.user("bob")
        assert bob["USR_UID"] == self.ids["bob"]
        assert bob["DEP_UID"] == self.db.row("DEPARTMENT", DEP_TITLE="Ads")["DEP_UID"]
        self.login("bob")
        assert self.db.members("staff") == {"ann", "gil"}

    def leave_and_return(self) -> None:
        left = self.entries.pop("uid=eve,ou=Tech")
        self.night(5)
        eve = self.db.user("eve")
        assert (eve["USR_STATUS"], eve["rbac"]["USR_STATUS"]) == ("INACTIVE", 0)
        self.entries["uid=eve,ou=Tech"] = left
        self.night(8)
        assert uids(self.db)["eve"] == self.ids["eve"]
        self.login("eve")

    def leave_for_good(self) -> None:
        filler.belongings(self.db, "eve")
        del self.entries["uid=eve,ou=Tech"]
        self.night(9)
        self.night(22)
        assert uids(self.db)["eve"] == self.ids["eve"], "the grace period lasts two weeks"
        self.night(23)
        row = self.db.row("USERS", USR_UID=self.ids["eve"])
        assert (row["USR_STATUS"], row["USR_LASTNAME"], row["DEP_UID"]) == ("CLOSED", "unknown", "")
        case = self.db.row("APP_DELEGATION", USR_UID=self.ids["eve"])
        assert case["USR_ID"] == row["USR_ID"], "cases keep the row they are about"
        assert "Elm" not in self.db.text()

    def another_of_the_name(self) -> None:
        self.entries["uid=eve,ou=Tech"] = person("Elder", entryUUID="id-another-eve")
        self.night(24)
        assert uids(self.db)["eve"] != self.ids["eve"], "another Eve has nothing of the first"
        self.login("eve")
        self.night(31)


def test_a_month(stage: SiteStage, db: Workspace) -> None:
    month = Month(stage, db)
    month.hire_and_rename()
    month.move()
    month.leave_and_return()
    month.leave_for_good()
    month.another_of_the_name()


def test_what_a_process_uses_is_said_and_left(stage: SiteStage, db: Workspace) -> None:
    product = filler.company(db)
    filler.processes(product)
    stage.rules(**TAKEOVER)
    before = db.everything()["PROCESS_USER"]
    entries: Entries = {dn: entry for dn, entry in COMPANY.items() if dn != "cn=devs"}
    stage.day(entries)
    assert db.rows("GROUPWF", GRP_TITLE="devs"), "the group stays"
    assert db.everything()["PROCESS_USER"] == before


def test_a_strict_server_takes_the_same(
    server: MariaDB, tmp_path: Path, url: str, db: Workspace
) -> None:
    """In the mode of MySQL 8, where zero dates and texts that are too long are errors."""
    filler.filled(db)
    with sql_mode(admin_url(server), STRICT), SiteStage(tmp_path, url) as stage:
        stage.rules(**TAKEOVER)
        stage.day(COMPANY)
        entries: Entries = {dn: entry for dn, entry in COMPANY.items() if dn != "uid=eve,ou=Tech"}
        gone = db.user("eve")["USR_UID"]
        entries |= {"uid=ivy,ou=Tech": person("I" * 51), "uid=jim,ou=Tech": person("🌲")}
        entries |= {"uid=kim,ou=Tech": person("Kapok", telephoneNumber="0" * 25)}
        plan = stage.planned(entries)
        assert {"user ivy", "user jim"} <= skips(plan).keys(), skips(plan)
        stage.day(entries)
    assert db.row("USERS", USR_UID=gone)["USR_STATUS"] == "CLOSED"
    assert "ivy" not in uids(db)
    assert db.user("kim")["USR_PHONE"] == "", "a value that is too long is skipped alone"


def test_the_commands_say_what_a_site_has_and_who_else_writes(
    tmp_path: Path, url: str, db: Workspace, quick: Execute
) -> None:
    filler.filled(db)
    made = Installation(tmp_path, url, quick)
    made.directory(COMPANY)
    made.rules()
    out, err = made.run("test", code=(0, 1, 9))
    said = out + err
    assert "ldapcron" in said
    for word in ("half", "other-half", "roleless", "cid", "twice", "no content"):
        assert word in said, f"{word} is not named:\n{said}"
    made.apply()
    made.rules(platform={"takeover": True})
    made.apply()
    out, err = made.run("test", code=(0, 1, 9))
    assert "half" in out + err, "what is wrong with the site is still said"
    assert made.json("users")
