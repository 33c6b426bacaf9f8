"""Large groups that come in ranges: whole, or read anew, or refused."""

import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot
from tests.servers import ber
from tests.servers.slapd import SUFFIX
from tests.servers.sources import EVERYTHING, PEOPLE, source
from tests.servers.stand_in import BASE, END, NOBODY, Answer, stand_in, success

pytestmark = pytest.mark.server


def in_ranges(count: int, size: int, last: int | None = None) -> list[Answer]:
    """A group whose members come in ranges, as Active Directory gives them; `last` ends it too early."""
    ranges = []
    for first in range(0, count, size):
        values = [f"uid=p{number},{PEOPLE}" for number in range(first, min(first + size, count))]
        end = "*" if first + size >= count else str(first + size - 1)
        ranges.append((f"member;range={first}-{end}", values))
        if last is not None and first >= last:
            break
    return [
        ranged(*ranges[0], cn=["all"], member=[]),
        *(ranged(*one, version="7") for one in ranges),
    ]


def ranged(name: str, values: list[str], version: str = "", **more: list[str]) -> Answer:
    """Some of a group's values; `version` is its uSNChanged."""
    shown = {"uSNChanged": [version]} if version else {}
    return success(ber.entry(f"cn=all,{SUFFIX}", more | {name: values} | shown), controls=END)


def groups(url: str) -> DirectorySnapshot:
    directory = LdapDirectory(source(url, page_size=500))
    try:
        return directory.read(EVERYTHING)
    finally:
        directory.close()


def test_a_group_in_ranges_loses_no_member() -> None:
    first, *rest = in_ranges(4501, 1500)
    second = ber.entry(f"cn=small,{SUFFIX}", {"cn": ["small"], "member": ["uid=p1"]})
    plain = success(second, controls=END)
    with stand_in([success(BASE), NOBODY, first, *rest, NOBODY, NOBODY]) as url:
        (group,) = groups(url).groups
    assert group.members == tuple(sorted(f"uid=p{number},{PEOPLE}" for number in range(4501)))
    assert set(group.attributes) == {"cn"}
    with stand_in([success(BASE), NOBODY, plain, NOBODY, NOBODY]) as url:
        assert groups(url).groups[0].members == ("uid=p1",)


CUT = ranged("member;range=0-1", ["a=1", "a=2"])
"""What comes with the search: that there are ranges, and one that may be old."""


def test_nothing_more_is_asked_where_all_members_are_known() -> None:
    person = success(ber.entry(f"uid=p0,{PEOPLE}", {"uid": ["p0"]}), controls=END)
    group = success(
        ber.entry(f"cn=one,ou=teams,{SUFFIX}", {"member": [f"UID=p0, {PEOPLE}"]}), controls=END
    )
    teams = success(ber.entry(f"ou=teams,{SUFFIX}", {}))
    with stand_in(
        [success(BASE), teams, NOBODY, group, person]
    ) as url:  # and ends at the next search
        directory = LdapDirectory(source(url, groups=desired.Groups(base="ou=teams")))
        assert len(directory.read(EVERYTHING).groups) == 1
        directory.close()


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([*in_ranges(4501, 1500, last=1500), success()], "the values from 3000 on were not given"),
        ([ranged("member;range=0-1", ["a=1"])], "holds 1 values"),
        ([CUT, ranged("member;range=0-1", ["a=1"])], "holds 1 values"),
        ([CUT, CUT, ranged("member;range=3-*", ["a=4"])], "from 2 on did not come"),
        ([CUT, CUT, ranged("member;range=2-*", ["a=2"])], "a value came twice"),
        ([CUT, CUT, ranged("member", ["a=3"])], "from 2 on were not given"),
        ([CUT, ranged("member;range=1-*", ["a=1"])], "from 0 on did not come"),
        ([ranged("member;range=all", ["a=1"])], "is not a range"),
    ],
)
def test_a_range_that_stops_half_way_is_no_smaller_group(answers: list[Answer], why: str) -> None:
    with (
        stand_in([success(BASE), NOBODY, *answers]) as url,
        pytest.raises(SourceUnreadable) as caught,
    ):
        groups(url)
    message = str(caught.value)
    assert "the attribute member" in message
    assert f"of cn=all,{SUFFIX} has more values than come at once" in message
    assert why in message
    assert "MaxValRange" in message


def first(*values: str, version: str) -> Answer:
    return ranged("member;range=0-1", list(values), version)


def rest(*values: str, version: str) -> Answer:
    return ranged("member;range=2-*", list(values), version)


def test_a_member_that_leaves_between_two_ranges_takes_no_other_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All that stand behind it move up by one place: the first of the next range is in neither."""
    longer_ago = [CUT, first("a=2", "a=3", version="2"), rest("a=4", version="2")]
    meanwhile = [CUT, first("a=1", "a=2", version="1"), rest("a=4", version="2"), *longer_ago[1:]]
    for answers, again in ((longer_ago, 0), (meanwhile, 1)):
        caplog.clear()
        with stand_in([success(BASE), NOBODY, *answers, NOBODY, NOBODY]) as url:
            assert groups(url).groups[0].members == ("a=2", "a=3", "a=4")
        assert (
            caplog.text.count(
                f"cn=all,{SUFFIX} changed while its member was read; it is read again"
            )
            == again
        )


def test_a_group_that_never_stays_the_same_is_refused() -> None:
    changing = [first("a=1", "a=2", version="1"), rest("a=4", version="2")]
    with (
        stand_in([success(BASE), NOBODY, CUT, *changing * 3]) as url,
        pytest.raises(SourceUnreadable, match="it changed 3 times while it was read"),
    ):
        groups(url)
