"""What groups and departments share: titles that CONTENT repeats, and the DNs of their entries."""

from collections.abc import Iterable, Mapping
from typing import Literal

import sqlalchemy as sa

from reconcile.model.platform import Row
from reconcile.platforms.processmaker import kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.settings import DN_LENGTH
from reconcile.platforms.processmaker.write.statements import chunks, insert
from reconcile.platforms.processmaker.write.work import Work
from reconcile.ports import Rejected

Category = Literal["GRP_TITLE", "DEPO_TITLE", "DEPO_DESCRIPTION"]
_c = t.content.c
_LANGUAGE = "en"


def put_titles(connection: sa.Connection, category: Category, titles: Mapping[str, str]) -> None:
    """Has CONTENT say the same as the title of each object, in every language it has one in."""
    for some in chunks(titles):
        mine = sa.select(_c.CON_ID, _c.CON_LANG).where(_c.CON_CATEGORY == category)
        languages: dict[str, set[str]] = {uid: {_LANGUAGE} for uid in some}
        for uid, language in connection.execute(mine.where(_c.CON_ID.in_(some))):
            languages[uid].add(language)
        forget_titles(connection, category, some)
        rows = [
            {
                "CON_CATEGORY": category,
                "CON_PARENT": "",
                "CON_ID": uid,
                "CON_LANG": language,
                "CON_VALUE": titles[uid],
            }
            for uid in some
            for language in sorted(languages[uid])
        ]
        insert(connection, t.content, rows)


def forget_titles(connection: sa.Connection, category: Category, uids: Iterable[str]) -> None:
    """Removes the rows of CONTENT about some objects."""
    for some in chunks(uids):
        statement = sa.delete(t.content).where(_c.CON_CATEGORY == category, _c.CON_ID.in_(some))
        connection.execute(statement)


def entry_column(work: Work, fields: Row) -> str:
    """What the product's own column of the DN gets: nothing while the site is taken over."""
    entry = str(fields.get("dn", ""))
    if len(entry) > DN_LENGTH:
        raise Rejected(f"the DN has more than {DN_LENGTH} characters")
    return "" if work.settings.takeover else entry


def keep_entries(
    work: Work, kind: Literal["group", "department"], changed: Mapping[str, Row]
) -> None:
    """Keeps the DNs in the side table while the site is taken over."""
    entries = {uid: str(fields["dn"]) for uid, fields in changed.items() if "dn" in fields}
    if entries and work.settings.takeover:
        kept.put(work.connection, kind, entries)
