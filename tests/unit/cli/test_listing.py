"""The words for `users --status`."""

from typing import get_args

from reconcile.cli.commands.list import STATUSES
from reconcile.model.platform import Status


def test_every_status_can_be_asked_for() -> None:
    assert get_args(Status) == STATUSES
