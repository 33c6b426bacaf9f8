"""Whether a platform is as it was, without making anything of it; and memos in its ledger."""

from typing import cast

import pytest

from reconcile.ports import ManagedPlatform, Remembering
from reconcile.testing.builders import HOLDER, ok, user, view

_KEY = b"k" * 32
_SCOPE = "0" * 64


def _remembering(platform: ManagedPlatform) -> Remembering:
    if not hasattr(platform, "keep_memo"):
        pytest.skip("it has no ledger that keeps memos, and so no quiet runs")
    return cast("Remembering", platform)


def test_a_workspace_has_one_digest_until_it_changes(platform: ManagedPlatform) -> None:
    remembering = _remembering(platform)
    seen = {remembering.digest("main", _KEY)}
    ok(platform, [user("anna"), user("bob")])
    state, digest = remembering.read_and_digest("main", _KEY)
    assert view(state) == view(platform.read("main"))
    assert remembering.digest("main", _KEY) == digest
    assert remembering.digest("main", b"l" * 32) != digest
    seen.add(digest)
    ok(platform, user("cid"))
    seen.add(remembering.digest("main", _KEY))
    assert len(seen) == 3


def test_a_memo_is_kept_until_a_run_writes(platform: ManagedPlatform) -> None:
    remembering = _remembering(platform)
    remembering.keep_memo("main", _SCOPE, "too early", HOLDER)
    assert remembering.memo("main", _SCOPE) == ""
    ok(platform, user("anna"))
    for text in ("first", "second " + "x" * 70_000):
        remembering.keep_memo("main", _SCOPE, text, HOLDER)
        assert remembering.memo("main", _SCOPE) == text
    assert remembering.memo("main", "1" * 64) == ""
    assert remembering.memo("other", _SCOPE) == ""
    ok(platform, user("bob"))
    assert remembering.memo("main", _SCOPE) == ""
    remembering.keep_memo("main", _SCOPE, "third", HOLDER)
    remembering.keep_memo("main", _SCOPE, "", HOLDER)
    assert remembering.memo("main", _SCOPE) == ""
