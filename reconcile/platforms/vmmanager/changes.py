"""Single changes of accounts, each followed by a look at what VMmanager shows.

VMmanager may carry a change out after it has answered, so the look is repeated for a while.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from reconcile.model.platform import Row
from reconcile.platforms.http.session import Session
from reconcile.platforms.vmmanager.accounts import Account, Accounts
from reconcile.platforms.vmmanager.dialect import NOT_FOUND, Refused
from reconcile.platforms.vmmanager.listing import Listing
from reconcile.platforms.vmmanager.settings import LEAST, VmSettings
from reconcile.ports import Rejected, Unclear

_log = logging.getLogger(__name__)
FIRST_PAUSE: Final = 0.25
"""Seconds before the second look at a change that does not show; each pause is twice as long."""
_OWNER: Final = (
    "While it owns machines it cannot be deleted: hand them to another account or delete them in "
    "VMmanager, or let lifecycle block users instead"
)


class Changes:
    """Changes accounts; the caller keeps others from changing the same one."""

    def __init__(
        self, session: Session, listing: Listing, accounts: Accounts, settings: VmSettings
    ) -> None:
        """Changes nothing yet."""
        self._session = session
        self._listing = listing
        self._accounts = accounts
        self._settings = settings
        self._users = f"{settings.paths.vm}/user"

    def profile(self, own: str, fields: Row) -> None:
        """Sets what is no status, and looks whether it is set."""
        body = self._accounts.body_of_changes(fields)
        if not body:
            return
        self._session.send("POST", f"{self._users}/{own}", body)
        wanted = {name: value for name, value in fields.items() if name != "status"}
        missing: list[str] = []

        def is_set(account: Account | None) -> bool:
            missing[:] = self._accounts.not_done(self._row(account), wanted)
            return not missing

        if self._shows(own, is_set):
            return
        hint = ". If it never does, set fixed: [username]" if "username" in missing else ""
        raise Rejected(f"VMmanager said yes and did not change {', '.join(missing)}{hint}")

    def status(self, own: str, status: str) -> None:
        """Suspends or resumes, and looks whether that is done.

        Raises Unclear where it is not to be seen: it may come later, and would pass for the work of
        a person then.
        """
        action = "resume" if status == "active" else "suspend"
        self._session.send("POST", f"{self._users}/{own}/{action}")
        if not self._shows(own, lambda account: self._row(account)["status"] == status):
            why = f"VMmanager said yes to {action}, and the account {own} is not {status}"
            _log.warning("%s; see active_states and settle of the platform", why)
            raise Unclear(why)

    def role(self, own: str, role: str) -> None:
        """Sets the one role, and looks whether it is set."""
        self._session.send("POST", f"{self._users}/{own}", {self._settings.fields.roles: [role]})
        wanted = [] if role == LEAST else [role]
        shown: list[str] = []

        def is_set(account: Account | None) -> bool:
            shown[:] = self._accounts.roles(_existing(account))
            return shown == wanted

        if not self._shows(own, is_set):
            raise Rejected(
                f"VMmanager said yes, and the role is {', '.join(shown) or LEAST} in the place of "
                f"{role}"
            )

    def delete(self, own: str, account: Account) -> None:
        """Removes an account that owns no machine, and looks whether it is gone."""
        count = self._accounts.machines(account)
        if count:
            machines = f"{count} machine{'s' if count > 1 else ''}"
            raise Rejected(f"the account owns {machines}. {_OWNER}")
        try:
            self._session.send("DELETE", f"{self._users}/{own}")
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return
            if count is None:
                raise Rejected(f"{refused}. {_OWNER}") from refused
            raise
        if not self._shows(own, lambda account: account is None):
            raise Rejected("VMmanager said yes, and the account still exists")

    def shown(self, own: str) -> Account:
        """An account as it is. Raises Rejected where it does not exist."""
        return _existing(self._listing.single(own))

    def _row(self, account: Account | None) -> Row:
        return self._accounts.row(_existing(account))

    def _shows(self, own: str, is_done: Callable[[Account | None], bool]) -> bool:
        """Whether an account shows a change, now or within the time that is allowed for it."""
        end = time.monotonic() + self._settings.settle
        pause = FIRST_PAUSE
        while not is_done(self._listing.single(own)):
            if time.monotonic() + pause > end:
                return False
            time.sleep(pause)
            pause *= 2
        return True


def _existing(account: Account | None) -> Account:
    """The account. Raises Rejected where there is none."""
    if account is None:
        raise Rejected("the account no longer exists")
    return account
