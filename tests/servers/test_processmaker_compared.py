"""The same directory, kept by ProcessMaker and by reconcile: every row that differs, and why.

`tests.processmaker.product` says what the product would have written. Each difference is one that
docs/migrating.md explains, by the rule that stands beside it here.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.processmaker import filler
from tests.processmaker.comparing import MISSING, THERE, differences
from tests.processmaker.filler import BASE, COMPANY, Entries, person
from tests.processmaker.product import Product
from tests.processmaker.stage import SiteStage
from tests.processmaker.tables import Workspace, admin_url, site
from tests.scenarios.test_migrating_docs import documented
from tests.servers.mariadb import MariaDB, mariadb

pytestmark = pytest.mark.server

DIRECTORY_ID = "Users are matched by username alone, with regard to case: a renamed or re-cased login erases the account"
ERASED = "An erased user's DN, department, role and subordinates stay behind"


class Story(NamedTuple):
    """A change of the directory, and what differs after it."""

    after: Entries
    found: Mapping[str, tuple[Any, Any, str]] = {}
    """`TABLE name COLUMN` → what the product has, what we have, the rule that explains it."""


def without(*names: str) -> Entries:
    """The company without some entries."""
    return {dn: entry for dn, entry in COMPANY.items() if dn not in names}


STORIES: dict[str, Story] = {"nothing happened": Story(COMPANY)}
ALWAYS: dict[str, str] = {}
"""A pattern of differences that every site has → the rule."""


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    with mariadb() as running:
        yield running


@pytest.fixture
def workspaces(server: MariaDB) -> Iterator[tuple[Workspace, Workspace]]:
    """One for the product, one for us."""
    admin = admin_url(server)
    with site(admin) as first, site(admin) as second:
        with Workspace(first) as theirs, Workspace(second) as ours:
            yield theirs, ours


@pytest.mark.parametrize("name", STORIES)
def test_every_difference_is_explained(
    name: str, workspaces: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    theirs, ours = workspaces
    story = STORIES[name]
    product = filler.company(theirs, at=datetime.now(UTC).replace(tzinfo=None))
    product.cron({"corp": filler.directory(story.after)[1]})
    with SiteStage(tmp_path, ours.url) as stage:
        stage.day(COMPANY)
        stage.day(story.after)
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
