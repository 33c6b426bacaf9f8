"""The accounts of the stand-in, and what its requests do to them."""

import itertools
import re
import threading
from collections.abc import Mapping
from typing import Any, Final

from reconcile.testing.vmmanager.unknowns import Unknowns

Account = dict[str, Any]
ROLES: Final = ("@admin", "@advanced_user", "@user", "@admin.readonly")
_CONDITION: Final = re.compile(r"\(\(?(\w+) EQ '([^']*)'\)?\)")
_CHANGEABLE: Final = frozenset({"roles", "full_name", "lang", "email", "username"})


class Failed(Exception):
    """A request that is refused: HTTP status, code of the error, and its text."""

    def __init__(self, status: int, code: int, text: str) -> None:
        self.status = status
        self.code = code
        super().__init__(text)


class Store:
    """Accounts by id. Every method is one step for all threads."""

    def __init__(self, unknowns: Unknowns) -> None:
        """It has no account."""
        self.unknowns = unknowns
        self.accounts: dict[int, Account] = {}
        self.refused: set[str] = set()
        """Logins that are refused."""
        self.machines_stopped: list[str] = []
        """The logins whose machines were stopped, in the order of the suspensions."""
        self.lock = threading.RLock()
        self._numbers = itertools.count(1)

    def add(self, login: str, role: str = "@user", **fields: Any) -> Account:
        """Makes an account by hand."""
        with self.lock:
            account: Account = {
                "id": next(self._numbers),
                "login": login,
                "active": True,
                "roles": [role],
                "auth_source": "local",
                "machines": 0,
                "full_name": "",
                "lang": "",
                **fields,
            }
            self.accounts[account["id"]] = account
            return account

    def named(self, login: str) -> Account:
        """The account with a login. Raises KeyError."""
        for account in self.accounts.values():
            if account["login"] == login:
                return account
        raise KeyError(login)

    def create(self, body: Mapping[str, Any]) -> Account:
        """A new account: POST account."""
        with self.lock:
            login, role = body.get(self.unknowns.login), body.get("role")
            if not isinstance(login, str) or not login or not body.get("password"):
                raise self._refusal(2001, f"{self.unknowns.login} and password are required")
            self._check_login(login, None)
            if role not in ROLES:
                raise self._refusal(2003, f"unknown role {role}")
            account = self.add(login, str(role))
            account["active"] = not self.unknowns.create_as
            if self.unknowns.login != "email":
                account["email"] = body.get("email", "")
            return account

    def _check_login(self, login: str, own: int | None) -> None:
        if login in self.refused:
            raise self._refusal(0, "the application says no")
        for account in self.accounts.values():
            if account["login"].lower() == login.lower() and account["id"] != own:
                raise self._refusal(4001, f"account {login} already exists")

    def _refusal(self, code: int, text: str) -> Failed:
        return Failed(self.unknowns.refused, code, text)

    def get(self, own: str) -> Account:
        """One account. Raises Failed."""
        account = self.accounts.get(int(own)) if own.isdigit() else None
        if account is None:
            raise Failed(404, 5001, f"there is no account {own}")
        return account

    def change(self, own: str, body: Mapping[str, Any]) -> None:
        """POST user/{id}: roles, full_name, lang, and the login where that can change."""
        with self.lock:
            account = self.get(own)
            if account["login"] in self.refused:
                raise self._refusal(0, "the application says no")
            if unknown := body.keys() - _CHANGEABLE:
                raise self._refusal(2004, f"unknown field {min(unknown)}")
            new = dict(body)
            login = new.pop(self.unknowns.login, account["login"])
            self._check_login(login, account["id"])
            if not self.unknowns.rename_does_nothing:
                account["login"] = login
            roles = new.pop("roles", account["roles"])
            if len(roles) != 1 or roles[0] not in ROLES:
                raise self._refusal(2003, f"roles {roles}")
            if not self.unknowns.roles_do_nothing:
                account["roles"] = roles
            account |= new

    def suspend(self, own: str, *, active: bool) -> None:
        """POST user/{id}/suspend and /resume. A suspension stops the machines of the account."""
        with self.lock:
            account = self.get(own)
            if account["login"] in self.refused:
                raise self._refusal(0, "the application says no")
            if self.unknowns.suspend_does_nothing:
                return
            if self.unknowns.late:
                account["late"] = self.unknowns.late
            account["active"] = active
            if not active:
                self.machines_stopped.append(account["login"])

    def delete(self, own: str) -> None:
        """DELETE user/{id}; refused while the account owns machines."""
        with self.lock:
            account = self.get(own)
            if account["machines"]:
                raise self._refusal(4003, "the user owns virtual machines")
            if not self.unknowns.delete_does_nothing:
                del self.accounts[account["id"]]

    def migrate(self, domain: str) -> int:
        """Renames the accounts of the product's own synchroniser to username@domain, or none."""
        with self.lock:
            ours = [one for one in self.accounts.values() if one["auth_source"] == "ldap"]
            names = {one["id"]: f"{one['ldap_login']}@{domain}" for one in ours}
            others = {one["login"] for one in self.accounts.values() if one["id"] not in names}
            if others & set(names.values()):
                raise self._refusal(4001, "an account with this name already exists")
            for account in ours:
                account["login"] = names[account["id"]]
            return len(ours)

    def shown(self, account: Account) -> Account:
        """An account as answers show it."""
        unknowns = self.unknowns
        shown: Account = {
            name: account[name] for name in ("id", "auth_source", "full_name", "lang")
        }
        if "email" in account:
            shown["email"] = account["email"]
        shown[unknowns.login] = account["login"]
        if unknowns.state:
            is_active = account["active"]
            if account.get("late", 0):
                account["late"] -= 1
                is_active = not is_active
            shown[unknowns.state] = unknowns.active if is_active else unknowns.suspended
        if unknowns.machines:
            shown[unknowns.machines] = account["machines"]
        shown["roles"] = self._roles(account["roles"])
        return shown

    def _roles(self, roles: list[str]) -> Any:
        if self.unknowns.roles == "objects":
            return [{"id": ROLES.index(role) + 1, "name": role} for role in roles]
        return ",".join(roles) if self.unknowns.roles == "text" else roles

    def matching(self, where: str) -> list[Account]:
        """The accounts that a condition such as ((id EQ '5')) lets through, in order of ids."""
        with self.lock:
            shown = [self.shown(account) for account in self.accounts.values()]
        if not where:
            return shown
        match = _CONDITION.fullmatch(where)
        if match is None or self.unknowns.single == "none":
            raise self._refusal(2005, f"where {where}")
        return [one for one in shown if str(one.get(match[1])) == match[2]]
