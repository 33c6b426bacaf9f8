"""What `reconcile test` says of one workspace."""

from collections.abc import Iterable

import sqlalchemy as sa

from reconcile.model import desired
from reconcile.platforms.processmaker.database import SiteDatabase
from reconcile.platforms.processmaker.settings import SiteSettings
from reconcile.platforms.processmaker.site import Site
from reconcile.ports import Check


def checks(
    connection: sa.Connection,
    database: SiteDatabase,
    site: Site,
    settings: desired.Platform,
    own: SiteSettings,
) -> Iterable[Check]:
    """One line for each thing found."""
    yield Check("platform", True, f"the {database} can be read ({database.version(connection)})")
