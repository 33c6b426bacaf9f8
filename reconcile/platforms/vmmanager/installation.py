"""One VMmanager: all of its accounts are read, and single ones are changed and looked at."""

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import Contents, Row
from reconcile.model.text.name_patterns import NamePatterns, folded
from reconcile.platforms.http.locks import Locks
from reconcile.platforms.http.session import Session
from reconcile.platforms.http.values import number
from reconcile.platforms.vmmanager.accounts import Account, Accounts
from reconcile.platforms.vmmanager.changes import Changes
from reconcile.platforms.vmmanager.listing import Listing
from reconcile.platforms.vmmanager.settings import LEAST, VmSettings
from reconcile.ports import Progress, Rejected, Unclear, no_progress

_log = logging.getLogger(__name__)


class Installation:
    """Reads and changes one VMmanager. Changes may come from several threads at once."""

    def __init__(
        self, session: Session, settings: VmSettings, progress: Progress = no_progress
    ) -> None:
        """Connects when it is first used."""
        self.session = session
        self.listing = Listing(session, settings)
        self.accounts = Accounts(settings)
        self._settings = settings
        self._progress = progress
        self._protected = NamePatterns(settings.protect)
        self._changes = Changes(session, self.listing, self.accounts, settings)
        self._locks = Locks()
        self._known: set[str] = set()
        """The ids of all accounts that were seen or made."""
        self._own: set[str] = set()
        """The ids of the accounts that may be the one that makes the requests."""

    def read(self) -> Contents:
        """Everything. Complete, or raises PlatformUnreadable."""
        everything = self.listing.everything()
        self._progress("accounts read", len(everything.resources))
        if not everything.resources:
            raise PlatformUnreadable(
                f"VMmanager at {self.session.base} lists no account, not even the one that reads "
                "them: has it the role @admin?"
            )
        self._known |= everything.resources.keys()
        self._own = {own for own, account in everything.resources.items() if self._is_own(account)}
        shown = {
            own: account
            for own, account in everything.resources.items()
            if not self._protected.matches(self.accounts.login(account))
        }
        roles = {own: self.accounts.roles(account) for own, account in shown.items()}
        return Contents(
            rows={"user": {own: self.accounts.row(account) for own, account in shown.items()}},
            links={"grant": {(own, role) for own, granted in roles.items() for role in granted}},
            roles=self._settings.roles,
            proved=everything.proved,
        )

    def create(self, fields: Row) -> str:
        """Makes an account, which nobody can log in to yet: its password is kept nowhere.

        Raises Rejected, Unclear or PlatformUnreadable.
        """
        body = self.accounts.body_of_new(fields, _password())
        try:
            answer = self.session.send("POST", self.listing.path, body).resource or {}
            own = _id_of(answer)
        except Unclear as lost:
            own = self._look_for(str(fields["username"]))
            if not own:
                raise
            _log.info("%s: the account is there", lost)
        self._known.add(own)
        self._complete(own, fields)
        return own

    def _complete(self, own: str, fields: Row) -> None:
        """Gives a new account what a creation cannot carry.

        Without that it is a user all the same, and the next plan shows what it lacks. An account
        that should be blocked, and may not be, is no such user.
        """
        wanted = str(fields.get("status", "active"))
        with self._locks.of(own):
            try:
                if fields.get("attributes"):
                    self._changes.profile(own, {"attributes": fields["attributes"]})
                if self.accounts.row(self._changes.shown(own))["status"] != wanted:
                    self._changes.status(own, wanted)
            except (Rejected, Unclear, PlatformUnreadable) as error:
                if wanted != "active":
                    why = f"the account is made, and may not be {wanted}: {error}"
                    raise Unclear(why) from error
                _log.warning(
                    "the account %s is made, but not complete: %s", fields["username"], error
                )

    def _look_for(self, login: str) -> str:
        """The id of an account that was not there before; "" for none."""
        try:
            accounts = self.listing.everything().resources
        except PlatformUnreadable:
            return ""
        new = [
            own
            for own, account in accounts.items()
            if own not in self._known and self.accounts.login(account) == login
        ]
        return new[0] if len(new) == 1 else ""

    def update(self, own: str, fields: Row) -> None:
        """Sets fields. The status goes by calls of its own."""
        with self._locks.of(own):
            self._refuse_own(own)
            self._changes.profile(own, fields)
            if "status" in fields:
                self._changes.status(own, str(fields["status"]))

    def _is_own(self, account: Account) -> bool:
        """Whether an account may be the one that makes the requests."""
        email = folded(self._settings.auth.email)
        names = {folded(self.accounts.login(account)), folded(str(account.get("email") or ""))}
        return bool(email) and email in names

    def _refuse_own(self, own: str) -> None:
        """Raises Rejected for the account that makes the requests."""
        if own in self._own:
            raise Rejected("it is the account that reconcile uses, which is never changed")

    def delete(self, own: str) -> None:
        """Removes an account that owns no machine. One that is gone already is fine."""
        with self._locks.of(own):
            account = self.listing.single(own)
            if account is not None:
                self._refuse_own(own)
                self._changes.delete(own, account)

    def grant(self, own: str, role: str) -> None:
        """Gives an account its one role."""
        if role not in self._settings.roles:
            raise Rejected(f"only the roles {', '.join(self._settings.roles)} can be given")
        with self._locks.of(own):
            self._refuse_own(own)
            self._changes.role(own, role)

    def revoke(self, own: str, role: str) -> None:
        """Takes a role away; an account without one has the least. A missing one is fine."""
        with self._locks.of(own):
            if role in self.accounts.roles(self._changes.shown(own)):
                self._refuse_own(own)
                self._changes.role(own, LEAST)


def _password() -> str:
    """Letters of all kinds, for any rule on passwords."""
    return f"Aa1!{secrets.token_urlsafe(24)}"


def _id_of(answer: Mapping[str, Any]) -> str:
    """The id of a new account. Raises Unclear for an answer without one."""
    own = answer.get("id")
    if number(own) is None and not (isinstance(own, str) and own):
        raise Unclear("the answer to the creation has no id")
    return str(own)
