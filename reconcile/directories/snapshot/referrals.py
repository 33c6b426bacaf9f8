"""References in an answer: a part of the tree is on another server."""

from collections.abc import Callable

from reconcile.directories.search.urls import named
from reconcile.directories.vendors.table import Vendor
from reconcile.model import desired
from reconcile.model.text import dn


def left_out(source: desired.Source, vendor: Vendor) -> Callable[[str], bool]:
    """Whether the URL of a reference leads outside of what the source reads.

    The vendor decides this, and the parts that `ignore_referrals` names. Raises ValueError for an
    invalid DN.
    """
    ignored = [dn.wide(dn.normalize(name), vendor.folding) for name in source.ignore_referrals]
    if not ignored:
        return vendor.elsewhere
    return lambda url: (
        vendor.elsewhere(url)
        or any(dn.is_below(dn.wide(named(url), vendor.folding), part) for part in ignored)
    )
