"""Looks for ids and DNs below the base DN, whatever the filters say: who still exists?

An entry that a directory keeps although its person is gone (a preserved account of FreeIPA) does
not count.
"""

from collections.abc import Collection, Iterator

from reconcile.directories.errors import NoSuchObject
from reconcile.directories.search import attribute_options, filters
from reconcile.directories.search.search import ANYTHING, NO_ATTRIBUTES, Search, Searcher
from reconcile.directories.snapshot import entries, referrals
from reconcile.directories.snapshot.snapshot import is_removed
from reconcile.directories.snapshot.visibility import look_at
from reconcile.directories.vendors.table import Vendor
from reconcile.model import desired
from reconcile.model.text import dn


def find(
    source: desired.Source,
    vendor: Vendor,
    ids: Collection[str],
    dns: Collection[str],
    searcher: Searcher,
) -> frozenset[str]:
    """The given ids and DNs that exist below the base DN, spelt as given."""
    look_at(source.base_dn, searcher)
    return frozenset(_ids(source, vendor, ids, searcher)) | frozenset(
        _dns(source, vendor, dns, searcher)
    )


def _ids(
    source: desired.Source, vendor: Vendor, ids: Collection[str], searcher: Searcher
) -> Iterator[str]:
    spellings: dict[str, list[str]] = {}
    assertions: dict[str, str] = {}
    for asked in ids:
        try:
            assertions[asked.lower()] = vendor.id_assertion(asked)
        except ValueError:
            continue  # A text that can be no id of this directory names nothing in it.
        spellings.setdefault(asked.lower(), []).append(asked)
    remaining = sorted(assertions)
    elsewhere = referrals.left_out(source, vendor)
    for start in range(0, len(remaining), filters.CHUNK):
        some = remaining[start : start + filters.CHUNK]
        wanted = filters.any_of(vendor.stable_id, (assertions[name] for name in some))
        search = Search(source.base_dn, "subtree", wanted, (vendor.stable_id,), elsewhere=elsewhere)
        for page in searcher.search(search):
            for entry in page:
                if is_removed(entry.dn, vendor):
                    continue
                external_id = entries.external_id(attribute_options.merged(entry), vendor)
                yield from spellings.get(external_id.lower(), ())


def _dns(
    source: desired.Source, vendor: Vendor, dns: Collection[str], searcher: Searcher
) -> Iterator[str]:
    base = dn.wide(dn.key(source.base_dn), vendor.folding)
    for asked in sorted(dns):
        try:
            below = dn.is_below(dn.wide(dn.normalize(asked), vendor.folding), base)
        except ValueError:
            continue  # A text that is no DN names no entry.
        if below and not is_removed(asked, vendor) and _exists(asked, searcher):
            yield asked


def _exists(name: str, searcher: Searcher) -> bool:
    try:
        return any(searcher.search(Search(name, "base", ANYTHING, NO_ATTRIBUTES)))
    except NoSuchObject:
        return False
