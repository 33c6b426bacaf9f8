"""What a platform promises that keeps a run whole or not at all.

Asks for the fixture `platform`.
"""

from contextlib import suppress

import pytest

from reconcile.model.platform import Reading
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import CORP, HOLDER, ok, user, users
from reconcile.testing.contract.history import faults, run
from reconcile.testing.contract.sources import remember


def test_a_transaction_that_raises_is_undone(platform: ManagedPlatform) -> None:
    ok(platform, user("anna"))
    for error in (ValueError, KeyboardInterrupt, SystemExit):

        def interrupted(error: type[BaseException] = error) -> None:
            with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
                writer.read()
                writer.write([user("ben")])
                raise error

        with pytest.raises(error):
            interrupted()
        assert set(users(platform)) == {"anna"}
    ok(platform, user("ben"))


def test_what_is_remembered_is_undone_with_everything_else(platform: ManagedPlatform) -> None:
    ok(platform, CORP)
    remember(platform, Reading("corp", 20))

    def breaking_off() -> None:
        with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
            writer.read()
            writer.remember([Reading("corp", 1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaking_off()
    assert platform.read("main").readings == (Reading("corp", 20),)


def test_a_run_that_breaks_off_leaves_none(platform: ManagedPlatform) -> None:
    run(platform, user("anna"))
    with (
        suppress(KeyError),
        platform.lock(["main"], HOLDER),
        platform.transaction("main") as writer,
    ):
        writer.read()
        writer.record(platform.history.runs("main")[0].run, [])
        raise KeyError
    assert len(platform.history.runs("main")) == 1
    assert faults(platform) == [""]
