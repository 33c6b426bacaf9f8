"""What `reconcile test` finds out about an installation: what no document says. Only GETs.

The one exception is the request for a token, without which nothing can be read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from reconcile.errors import PlatformUnreadable
from reconcile.model.text.folding import fold_name
from reconcile.platforms.http.address import is_open
from reconcile.platforms.http.completeness import Page
from reconcile.platforms.vmmanager.dialect import Refused
from reconcile.platforms.vmmanager.installation import Installation
from reconcile.platforms.vmmanager.settings import LEAST, VmSettings
from reconcile.ports import Check

_MANY = 8
"""So many values are named; the rest is a number."""


class Probe:
    """Looks at one installation."""

    def __init__(self, installation: Installation, settings: VmSettings) -> None:
        """Looks when it is asked."""
        self._installation = installation
        self._settings = settings

    def checks(self) -> Iterator[Check]:
        """One line for each thing found; ends with the first that fails."""
        base = self._installation.session.base
        try:
            paging = self._paging()
            given = "given for the password" if self._settings.auth.token is None else "accepted"
            yield Check("token", True, given)
            yield Check("paging", True, paging)
            everything = self._installation.listing.everything()
            accounts = everything.resources
            proof = "" if everything.proved else "; their number is not said, or is that of a page"
            yield Check("accounts", True, f"{len(accounts)} read{proof}")
            yield from self._literals(accounts)
            yield Check("one account", True, self._single(accounts))
            self._installation.read()
        except (PlatformUnreadable, Refused) as error:
            yield Check("platform", False, str(error))
            return
        text = f"VMmanager at {base} can be read completely"
        if is_open(base):
            text += "; WARNING: without TLS, anyone on the way can read the password"
        yield Check("platform", True, text)

    def _paging(self) -> str:
        """Whether limit is obeyed, and what size means."""
        if self._settings.paging == "none":
            self._page("")
            return "none: everything comes in one answer"
        first, second = (self._page(f"{start},1") for start in (0, 1))
        if len(first.resources) > 1:
            return f"limit=0,1 gives {len(first.resources)}: it is ignored; set paging: none"
        if not second.resources:
            return "only one account: it cannot be seen whether pages differ"
        if first.ids == second.ids:
            return "the second page is the first again: limit is ignored; set paging: none"
        if first.total is None:
            return "page 2 differs from page 1; size is not said"
        meaning = "that of the page" if first.total == 1 else f"the total, {first.total}"
        return f"page 2 differs from page 1; size is {meaning}"

    def _page(self, limit: str) -> Page:
        query = {"limit": limit, "orderby": self._settings.orderby}
        try:
            return self._installation.listing.page(
                {key: text for key, text in query.items() if text}
            )
        except Refused as refused:
            raise PlatformUnreadable(
                f'a list with {" and ".join(query)} is refused: {refused}. Set orderby: "", or '
                "paging: none; if there is nothing at this path, see paths"
            ) from refused

    def _literals(self, accounts: Mapping[str, dict[str, Any]]) -> Iterator[Check]:
        """What accounts show, and what that is taken for."""
        shown = self._installation.accounts
        every = list(accounts.values())
        logins = [shown.login(account) for account in every]
        yield Check("logins", True, self._logins(logins))
        states = Counter(
            f"{shown.state(account)} ({'active' if shown.is_active(account) else 'blocked'})"
            for account in every
        )
        yield Check("states", True, f"{_counted(states)}; see active_states")
        roles = Counter(role for account in every for role in shown.roles(account) or [LEAST])
        yield Check("roles", True, self._roles(roles))
        sources = Counter(shown.source(account) or "not said" for account in every)
        yield Check("sources", True, f"{_counted(sources)}: where VMmanager says accounts are from")
        machines = [shown.machines(account) for account in every]
        yield Check("machines", True, self._machines(machines))

    def _logins(self, logins: list[str]) -> str:
        name = self._settings.login_field
        with_at = sum("@" in login for login in logins)
        text = f"{name} is the login; {with_at} of {len(logins)} have an @"
        own = fold_name(self._settings.auth.email)
        if own and own not in map(fold_name, logins):
            text += "; none is that of auth, so name its account in protect"
        return text

    def _roles(self, roles: Counter[str]) -> str:
        text = _counted(roles)
        foreign = sorted(roles.keys() - set(self._settings.roles))
        if foreign:
            text += f"; not in roles, so never given: {', '.join(foreign[:_MANY])}"
        return text

    def _machines(self, machines: list[int | None]) -> str:
        if None in machines:
            return (
                f"{self._settings.fields.machines} is not shown: who owns machines is seen when a "
                "deletion is refused; see fields.machines"
            )
        owners = sum(1 for count in machines if count)
        return f"{owners} accounts own machines, which stop when the account is blocked"

    def _single(self, accounts: Mapping[str, dict[str, Any]]) -> str:
        """How one account is read, which every change is looked up by."""
        own = next(iter(accounts), "")
        if own and self._installation.listing.single(own) is None:
            return "cannot be read by this way: set read_one: list, which is slow"
        slow = ", which is slow: every change reads all" if self._way == "list" else ""
        return f"read by {self._way}{slow}"

    @property
    def _way(self) -> str:
        return self._installation.listing.way


def _counted(values: Counter[str]) -> str:
    """Values with how often each is there, the most frequent first."""
    shown = [f"{value}: {count}" for value, count in values.most_common(_MANY)]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
