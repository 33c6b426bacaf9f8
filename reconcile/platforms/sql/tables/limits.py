"""How long values may be: the lengths of the columns, known without SQLAlchemy."""

from typing import Final

import msgspec

from reconcile.model.desired import Platform
from reconcile.model.platform import Abilities
from reconcile.model.text.folding import fold_name

NAME: Final = 255
"""Characters in a name of any kind; the same as in `database.columns`, which needs SQLAlchemy."""
EMAIL: Final = 320
"""Characters in an e-mail address: 64 before the @ and 255 behind it."""

LIMITS: Final = Abilities(
    lengths={
        "username": NAME,
        "first_name": NAME,
        "last_name": NAME,
        "email": EMAIL,
        "group": NAME,
        "department": NAME,
        "attribute": 0,
    },
    any_role=True,
    nested_groups=True,
)


def abilities(settings: Platform) -> Abilities:
    """What a platform with these settings can hold."""
    reserved = frozenset({fold_name(settings.unknown_user)})
    return msgspec.structs.replace(
        LIMITS, reserved_usernames=reserved, any_role=settings.create_roles
    )
