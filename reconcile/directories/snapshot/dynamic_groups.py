"""Groups whose members a search finds: `memberURL`, of groupOfURLs and classes mixed with it.

Each URL is evaluated on the source itself, once for all groups that have it. If one cannot be
evaluated, the group's members are not known: the group says so, which is not the same as being
empty.
"""

import logging
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from reconcile.directories.errors import ConnectionBroken, GivenUp
from reconcile.directories.search.search import RawEntry, Search, Searcher
from reconcile.directories.snapshot import entries, member_urls, referrals
from reconcile.directories.snapshot.entries import Rules
from reconcile.directories.snapshot.member_urls import Members
from reconcile.directories.snapshot.visibility import look_at
from reconcile.directories.vendors.table import MEMBER_URL
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectoryGroup
from reconcile.model.text import dn
from reconcile.model.text.printing import quoted

log = logging.getLogger("reconcile.directories")

_CLASS: Final = b"groupofurls"
_NEVER_MEMBERS: Final = frozenset(
    {
        *(b"organizationalunit", b"organization", b"domain", b"dcobject", b"country", b"locality"),
        *(b"container", b"nscontainer", b"computer"),
    }
)
_MOST: Final = 100
"""How many URLs a group may have: each of them is a search."""
_SHOWN: Final = 200
"""Characters of a URL in a message."""


class _Found(NamedTuple):
    """The DNs that a URL finds, or why they cannot be known."""

    dns: tuple[str, ...] = ()
    why: str = ""


class DynamicGroups:
    """The groups of one read: collected by `group` during a search, evaluated after it."""

    def __init__(self, source: desired.Source, rules: Rules, searcher: Searcher) -> None:
        self._source = source
        self._rules = rules
        self._searcher = searcher
        self._urls: dict[str, tuple[str, ...]] = {}
        self._found: dict[tuple[str, str, str], _Found] = {}

    def group(self, entry: RawEntry, rules: Rules) -> DirectoryGroup:
        """The group, without the members that a URL finds."""
        made = entries.group(entry, rules)
        raw = entry.attributes if rules.dynamic else {}
        if urls := tuple(sorted({entries.text(value) for value in raw.get(MEMBER_URL, ())})):
            self._urls[made.dn] = urls
        elif _CLASS in {
            value.strip().lower() for value in raw.get("objectclass", ())
        } and not _lists(made):
            why = f"it is a groupOfURLs, and shows no {MEMBER_URL}"
            made = msgspec.structs.replace(made, members_unknown=why)
        return made

    def evaluated(self, group: DirectoryGroup) -> DirectoryGroup:
        """The group with the members that its URLs find, too.

        Raises SourceUnreadable if the connection breaks.
        """
        urls = self._urls.get(group.dn)
        if not urls:
            return group
        if len(urls) > _MOST:
            return msgspec.structs.replace(
                group, members_unknown=f"it has {len(urls)} values of {MEMBER_URL}"
            )
        results = [self._of(url) for url in urls]
        why = next((result.why for result in results if result.why), "")
        if why:
            log.info(
                "%s: the members of %s are not known: %s", self._source.name, quoted(group.dn), why
            )
        members = sorted({*group.members, *(name for result in results for name in result.dns)})
        return msgspec.structs.replace(group, members=tuple(members), members_unknown=why)

    def all_evaluated(self, groups: Iterable[DirectoryGroup]) -> tuple[DirectoryGroup, ...]:
        """Each of the groups."""
        return tuple(map(self.evaluated, groups))

    def _of(self, url: str) -> _Found:
        shown = quoted(url, _SHOWN)
        try:
            wanted = member_urls.parsed(url, self._source.base_dn)
        except ValueError as error:
            return _Found(why=f"memberURL {shown}: {quoted(str(error))}")
        key = (dn.normalize(wanted.base), wanted.scope, wanted.filter)
        if key not in self._found:
            self._found[key] = self._searched(wanted, shown)
        return self._found[key]

    def _searched(self, wanted: Members, shown: str) -> _Found:
        elsewhere = referrals.left_out(self._source, self._rules.vendor)
        search = Search(
            wanted.base, wanted.scope, wanted.filter, ("objectclass",), elsewhere=elsewhere
        )
        try:
            look_at(wanted.base, self._searcher)
            members = (entry for page in self._searcher.search(search) for entry in page)
            return _Found(tuple(entry.dn for entry in members if not _never_a_member(entry)))
        except (ConnectionBroken, GivenUp):
            raise
        except SourceUnreadable as error:
            return _Found(why=f"memberURL {shown}: {str(error).partition(chr(10))[0]}")


def _never_a_member(entry: RawEntry) -> bool:
    """Whether an entry is a place in the tree or a machine.

    A search without a filter finds those, too.
    """
    classes = {value.strip().lower() for value in entry.attributes.get("objectclass", ())}
    return not classes.isdisjoint(_NEVER_MEMBERS)


def _lists(group: DirectoryGroup) -> bool:
    return bool(group.members or group.member_logins)
