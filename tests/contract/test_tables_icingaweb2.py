"""The example of Icinga Web 2, over the tables that its own SQL makes on PostgreSQL and MariaDB."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.platforms.managed import managed
from reconcile.platforms.tables.platform import TablesPlatform
from reconcile.ports import no_progress
from tests.contract.applications import settings
from tests.contract.platforms import Acme
from tests.contract.servers import is_mariadb
from tests.scenarios.stage import DESIRED, Stage, ldif

EXAMPLE = Path(__file__).parents[2] / "examples" / "icingaweb2" / "reconcile.yml"
SCHEMAS = Path(sys.prefix) / "share" / "icingaweb2"
RULES = DESIRED | {
    "groups": [{"source": "corp", "select": ["cn=*"]}],
    "lifecycle": {"on_missing": "deactivate"},
}
PEOPLE: dict[str, Any] = {
    "uid=ann": {"entryUUID": "1"},
    "uid=bob": {"entryUUID": "2"},
    "cn=monitoring": {"member": ["uid=ann", "cn=inner"]},
    "cn=inner": {"member": "uid=bob"},
}


def install(db: Acme) -> None:
    file = SCHEMAS / ("mysql.schema.sql" if is_mariadb(db) else "pgsql.schema.sql")
    if not file.exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{file} is not there")
    if is_mariadb(db):
        command = [
            "mariadb",
            "-h127.0.0.1",
            f"-P{db.server.port}",
            f"-u{db.account}",
            f"-p{db.password}",
            db.name,
        ]
        subprocess.run(command, input=file.read_bytes(), check=True, timeout=60)
        return
    db.by_hand(file.read_text())
    db.by_hand(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {db.account}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {db.account}",
    )


@pytest.mark.server
def test_icinga_web_2(db: Acme, tmp_path: Path) -> None:
    install(db)
    mapping = yaml.safe_load(EXAMPLE.read_text())["platform"]
    options = {name: part for name, part in mapping.items() if name not in ("type", "url")}
    application = settings(db.url, tmp_path, options, state="platform")
    assert list(TablesPlatform.problems(application)) == []
    with closing(managed(TablesPlatform(application), application, no_progress)) as platform:
        checks = list(platform.check())
        assert all(one.ok for one in checks), checks
        stage = Stage(tmp_path, platform)
        stage.write(RULES, {"corp": ldif(PEOPLE)})
        stage.apply(stage.plan()[0])
        assert db.by_hand(
            "SELECT m.username, g.name, u.active FROM icingaweb_group_membership m "
            "JOIN icingaweb_group g ON g.id = m.group_id JOIN icingaweb_user u ON u.name = m.username "
            "WHERE m.ctime IS NOT NULL ORDER BY 1, 2"
        ) == [("ann", "monitoring", 1), ("bob", "inner", 1), ("bob", "monitoring", 1)]
        hashes = {bytes(one) for (one,) in db.by_hand("SELECT password_hash FROM icingaweb_user")}
        assert len(hashes) == 2
        assert all(one.startswith(b"!") and len(one) == 41 for one in hashes)
        assert stage.plan()[0].changes == ()

        renamed = {"uid=anna": {"entryUUID": "1"}, "uid=cid": {"entryUUID": "3"}}
        groups = {
            "cn=monitoring": {"member": ["uid=anna", "uid=cid"]},
            "cn=inner": {"member": "uid=cid"},
        }
        stage.write(RULES, {"corp": ldif(renamed | groups)})
        plan, _ = stage.plan()
        assert [one.detail for one in plan.skips] == [
            "the platform cannot change the username of a user"
        ]
        assert {one.result for one in stage.apply(plan).outcomes} == {"applied"}
        assert db.by_hand("SELECT name, active FROM icingaweb_user ORDER BY 1") == [
            ("ann", 1),
            ("bob", 0),
            ("cid", 1),
        ]
        assert stage.plan()[0].changes == ()
