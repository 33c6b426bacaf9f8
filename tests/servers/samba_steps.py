"""Run by the system's Python, which has Samba's modules: changes a domain's database without its server.

    /usr/bin/python3 samba_steps.py FOLDER < steps.json

Each step is one of ["add", DN, {attribute: [values]}], ["modify", DN, {attribute: [values]}]
(replaces them), ["rename", DN, new DN], ["delete", DN], ["password", sAMAccountName, password].
"""

import json
import sys
from typing import Any

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB


def main(folder: str) -> None:
    settings = LoadParm()
    settings.load(f"{folder}/etc/smb.conf")
    database = SamDB(
        url=f"{folder}/private/sam.ldb", lp=settings, session_info=system_session(settings)
    )
    steps = json.load(sys.stdin)
    # One transaction for all would take longer with every step in it, one for each is slow from the
    # start.
    for start in range(0, len(steps), 500):
        database.transaction_start()
        carry_out(database, steps[start : start + 500])
        database.transaction_commit()


def carry_out(database: SamDB, steps: list[list[Any]]) -> None:
    for action, dn, *rest in steps:
        if action == "add":
            database.add({"dn": dn, **rest[0]})
        elif action == "modify":
            message = ldb.Message(ldb.Dn(database, dn))
            for name, values in rest[0].items():
                message[name] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, name)
            database.modify(message)
        elif action == "rename":
            database.rename(dn, rest[0])
        elif action == "password":
            database.setpassword(f"(sAMAccountName={dn})", rest[0])
        else:
            database.delete(dn)


if __name__ == "__main__":
    main(sys.argv[1])
