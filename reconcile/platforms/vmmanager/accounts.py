"""Accounts as users, both ways."""

from collections.abc import Mapping
from typing import Any

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import Row
from reconcile.platforms.http.values import as_text, number, text
from reconcile.platforms.vmmanager.ability import ATTRIBUTES
from reconcile.platforms.vmmanager.settings import LEAST, VmSettings
from reconcile.ports import Rejected

Account = Mapping[str, Any]


class Accounts:
    """Translates accounts, with the names that the settings give."""

    def __init__(self, settings: VmSettings) -> None:
        """Takes the settings."""
        self._settings = settings
        self._fields = settings.fields

    def row(self, account: Account) -> Row:
        """The fields of a user. Raises PlatformUnreadable where the account shows too little."""
        row: Row = {
            "username": self.login(account),
            "status": "active" if self.is_active(account) else "blocked",
            "attributes": {
                name: shown
                for name in sorted(ATTRIBUTES)
                if (shown := text(account.get(self._attribute(name))))
            },
        }
        if self._settings.email_field:
            row["email"] = text(account.get(self._settings.email_field))
        return row

    def login(self, account: Account) -> str:
        """The login. Raises PlatformUnreadable for an account without one."""
        name = self._settings.login_field
        login = text(account.get(name))
        if not login:
            key = "login" if not self._fields.login else "fields.login"
            raise PlatformUnreadable(
                f"the account {account.get('id')} of VMmanager has no {name}, which is its login "
                f"as {key} says. Since 2025.10 a login may be username@domain: see login and "
                "fields.login of the platform"
            )
        return login

    def state(self, account: Account) -> str:
        """The state, as VMmanager calls it."""
        name = self._fields.state
        if account.get(name) is None:
            raise self._missing(account, name, "fields.state")
        return as_text(account[name])

    def is_active(self, account: Account) -> bool:
        """Whether the user of an account can log in: anything but an active state is blocked."""
        return self.state(account) in self._settings.active_states

    def roles(self, account: Account) -> list[str]:
        """The roles beside the one that every account has."""
        name = self._fields.roles
        shown = account.get(name)
        if shown is None:
            raise self._missing(account, name, "fields.roles")
        texts = shown if isinstance(shown, list) else text(shown).split(",")
        roles = [_role(element).strip() for element in texts]
        return sorted({role for role in roles if role and role != LEAST})

    def source(self, account: Account) -> str:
        """Where VMmanager says that the account comes from; "" where it does not say."""
        return text(account.get(self._fields.source))

    def machines(self, account: Account) -> int | None:
        """How many machines the account owns; None where VMmanager does not say."""
        return number(account.get(self._fields.machines))

    def _missing(self, account: Account, name: str, key: str) -> PlatformUnreadable:
        shown = ", ".join(sorted(map(str, account)))
        return PlatformUnreadable(
            f"the account {account.get('id')} of VMmanager shows no {name}: say in {key} of the "
            f"platform what it is called. It shows: {shown}"
        )

    def _attribute(self, name: str) -> str:
        """What an attribute is called."""
        return self._fields.full_name if name == "full_name" else self._fields.lang

    def body_of_new(self, fields: Row, password: str) -> dict[str, Any]:
        """What makes an account: the least role, so that nobody has more for a moment."""
        body = {
            self._settings.login_field: fields["username"],
            "password": password,
            "role": LEAST,
        }
        if self._settings.email_field and fields.get("email"):
            body[self._settings.email_field] = fields["email"]
        return body

    def body_of_changes(self, fields: Row) -> dict[str, Any]:
        """What changes an account, without its status. Raises Rejected for other attributes."""
        body: dict[str, Any] = {}
        if "username" in fields:
            body[self._settings.login_field] = fields["username"]
        if "email" in fields and self._settings.email_field:
            body[self._settings.email_field] = fields["email"]
        for name, wanted in (fields.get("attributes") or {}).items():
            if name not in ATTRIBUTES:
                raise Rejected(f"an account keeps {' and '.join(sorted(ATTRIBUTES))}, not {name}")
            body[self._attribute(name)] = wanted or ""
        return body

    def not_done(self, row: Row, fields: Row) -> list[str]:
        """The fields that an account does not show as they were sent."""
        wanted = {name: value for name, value in fields.items() if name in row}
        attributes = wanted.pop("attributes", None) or {}
        missing = [name for name, value in wanted.items() if row[name] != value]
        missing += [
            name
            for name, value in attributes.items()
            if row["attributes"].get(name, "") != (value or "")
        ]
        return missing


def _role(shown: Any) -> str:
    """A role as text: some lists hold objects."""
    return text(shown.get("name")) if isinstance(shown, dict) else text(shown)
