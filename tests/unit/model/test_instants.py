"""Points in time as directories write them."""

from datetime import UTC, datetime

import pytest

from reconcile.model.text.instants import NEVER, instant, rfc3339


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2027-01-31", "2027-01-31T00:00:00Z"),
        ("20270131", "2027-01-31T00:00:00Z"),
        ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z"),
        ("2027-01-31 12:00", "2027-01-31T12:00:00Z"),
        ("20270131120000Z", "2027-01-31T12:00:00Z"),
        ("20270131120000.0Z", "2027-01-31T12:00:00Z"),
        ("202701311200+0130", "2027-01-31T10:30:00Z"),
        ("2027013112Z", "2027-01-31T12:00:00Z"),
        (" 20820 ", "2027-01-02T00:00:00Z"),
        ("132223104000000000", "2020-01-01T00:00:00Z"),
    ],
)
def test_times(text, time):
    found = instant(text)
    assert found is not None
    assert rfc3339(found) == time


@pytest.mark.parametrize("text", ["0", "-1", "9223372036854775807"])
def test_never(text):
    assert instant(text) is NEVER
    assert datetime.now(UTC) < NEVER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "20271331",
        "2027-02-30",
        "1234567",
        "9" * 5000,
        "２０２７0131",
        "20270131250000Z",
    ],
)
def test_no_times(text):
    assert instant(text) is None
