"""The example's files: `python -m tests.processmaker.dump FOLDER` writes them anew.

`workflow.sql` is a small company's workspace after some months with the product; `company.ldif` is
its directory on the day of the switch.
"""

import datetime as dt
import decimal
import sys
from pathlib import Path

from tests.processmaker import filler
from tests.processmaker.filler import COMPANY, Entries, person
from tests.processmaker.product import Product
from tests.processmaker.tables import Row, Workspace, admin_url, site, tables
from tests.scenarios.stage import ldif

TODAY: Entries = {
    **{name: entry for name, entry in COMPANY.items() if name[:7] not in ("uid=eve", "uid=bob")},
    # Bob moved, Eve left, Ivy is new.
    "uid=bob,ou=Tech": person("Birch", manager="uid=ann,ou=Sales"),
    "uid=ivy,ou=Tech": person("Ivory", telephoneNumber="+1 555 9"),
    "cn=staff": {
        "objectClass": "groupOfUniqueNames",
        "uniqueMember": ["uid=ann,ou=Sales", "uid=bob,ou=Tech", "uid=dan,ou=Tech", "uid=gil"],
    },
    "cn=devs": {
        "objectClass": "groupOfUniqueNames",
        "uniqueMember": ["uid=dan,ou=Tech", "uid=ivy,ou=Tech"],
    },
}
_HEAD = "-- A workspace of ProcessMaker 3.8 with its own users, groups and departments, for the example.\n\n"


def fill(workspace: Workspace) -> Product:
    """The site of the example: sound, but for what the product itself leaves."""
    product = filler.company(workspace)
    filler.people(product)
    filler.processes(product)
    filler.belongings(workspace, "ann")
    filler.belongings(workspace, "eve")
    return product


def files() -> dict[str, str]:
    """Name → content of each file that is made."""
    from tests.servers.mariadb import mariadb

    with mariadb() as server, site(admin_url(server)) as url, Workspace(url) as workspace:
        fill(workspace)
        return {"workflow.sql": _HEAD + sql(workspace), "company.ldif": ldif(TODAY)}


def sql(workspace: Workspace) -> str:
    """All tables, and the rows they have."""
    parts = [f"{statement};\n" for statement in tables().values()]
    parts += [_insert(table, rows) for table, rows in workspace.everything().items()]
    return "\n".join(parts)


def _insert(table: str, rows: list[Row]) -> str:
    lines = [f"({', '.join(_literal(value) for value in row.values())})" for row in rows]
    return f"INSERT INTO {table} VALUES\n" + ",\n".join(lines) + ";\n"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int | float | decimal.Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        return f"'{value:%Y-%m-%d %H:%M:%S}'"
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def main() -> None:
    for name, content in files().items():
        (Path(sys.argv[1]) / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
