"""What VMmanager can do and hold, as the settings say it."""

from typing import Final

from reconcile.model.platform import Abilities
from reconcile.model.text.folding import fold_name
from reconcile.platforms.vmmanager.settings import LEAST, VmSettings

ATTRIBUTES: Final = frozenset({"full_name", "lang"})
"""The attributes of a user that an account keeps."""


def abilities(settings: VmSettings) -> Abilities:
    """The abilities of one installation."""
    kept = {"username", "status", "attributes"}
    if settings.email_field:
        kept.add("email")
    own = settings.auth.email
    return Abilities(
        lacks=frozenset({"department", "group"}),
        fields={"user": frozenset(kept)},
        fixed={"user": frozenset(settings.fixed)} if settings.fixed else {},
        attributes=ATTRIBUTES,
        statuses=frozenset({"active", "blocked"}),
        deletes=frozenset({"user"}),
        several_roles=False,
        implied_role=LEAST,
        reserved_usernames=frozenset({fold_name(own)} if own else ()),
        own_username=own,
        protected={"user": settings.protect},
        blocking_stops="their machines",
        concurrency=settings.pace.concurrency,
    )
