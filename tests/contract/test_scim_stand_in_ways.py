"""The contract of platforms over SCIM services that do things in other ways."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconcile.ports import ManagedPlatform
from reconcile.testing import Case
from reconcile.testing.contract.objects import *
from reconcile.testing.scim import Quirks
from tests.contract.scim import stand_in_case
from tests.effort import turns

WAYS: dict[str, tuple[dict[str, Any], Quirks]] = {
    "put": ({"update": "put"}, Quirks()),
    "cursor, by value": (
        {"service": "entra", "paging": "cursor", "page_size": 2},
        Quirks(cursor=True, remove_by_value_removes_all=False),
    ),
    "silent, each": (
        {"members": {"read": "each"}, "page_size": 2},
        Quirks(no_members_in_lists=True, patch_answers=False),
    ),
}
"""How services differ, and the settings that suit them."""


@pytest.fixture(params=turns(*WAYS))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    options, quirks = WAYS[request.param]
    with stand_in_case(tmp_path, options, quirks) as made:
        yield made


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
