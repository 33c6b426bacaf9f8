"""How Active Directory writes ids, account states and references to its other partitions."""

import re
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from reconcile.directories.search.urls import named
from reconcile.model import desired
from reconcile.model.directory import Attributes

ACCOUNT_DISABLED: Final = 0x2
"""ACCOUNTDISABLE in userAccountControl ([MS-ADTS] 2.2.16)."""
_NEVER: Final = frozenset({0, 0x7FFFFFFFFFFFFFFF})
FILETIME_OF_1970: Final = 116_444_736_000_000_000
FILETIMES_A_SECOND: Final = 10_000_000

GLOBAL_CATALOG: Final = frozenset({3268, 3269})
"""Ports where a domain controller shows only some attributes of all domains: no `accountExpires`,
and `member` only of universal groups."""

PARTITIONS: Final = frozenset({"dc=domaindnszones", "dc=forestdnszones", "cn=configuration"})
"""Directly below a domain these are other trees: a search at the domain's root refers to them,
always."""

_DATA: Final = re.compile(r"\bdata ([0-9a-f]{3,4})\b")
_MEANINGS: Final = {
    "525": "there is no such account",
    "52e": "the password is wrong",
    "530": "the account may not log in at this time",
    "531": "the account may not log in from here",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password has to be changed first",
    "775": "the account is locked",
}
"""The details of "invalid credentials", in the text of the answer."""


def why_refused(said: str) -> str:
    """What a domain controller means by refusing a bind with this text; "" if not known."""
    match = _DATA.search(said)
    return _MEANINGS.get(match[1], "") if match else ""


def why_shut_out(said: str) -> str:
    """The same for the account that reads; "" also for a wrong password.

    Domain controllers give that code for some names that they do not know, too.
    """
    mistyped = _DATA.search(said)
    return "" if mistyped and mistyped[1] == "52e" else why_refused(said)


def guid_text(value: bytes) -> str:
    """An objectGUID in its usual form, as in 3f2504e0-4f89-11d3-9a0c-0305e82c3301.

    Raises ValueError.
    """
    return str(UUID(bytes_le=value))


def guid_assertion(text: str) -> str:
    """The usual form for a filter: every byte escaped. Raises ValueError for an invalid GUID."""
    return "".join(f"\\{byte:02x}" for byte in UUID(text).bytes_le)


def sid_text(value: bytes) -> str:
    """A security identifier as text, S-1-5-21-…-RID ([MS-DTYP] 2.4.2). Raises ValueError."""
    if len(value) < 8 or len(value) != 8 + 4 * value[1]:
        raise ValueError(f"{len(value)} bytes are no security identifier")
    parts = [int.from_bytes(value[at : at + 4], "little") for at in range(8, len(value), 4)]
    return "-".join(map(str, ("S", value[0], int.from_bytes(value[2:8], "big"), *parts)))


def disabled_now(source: desired.Source) -> Callable[[Attributes], bool]:
    """The rule for disabled accounts, at this moment."""
    return disabled(source.active_uac, time.time())


def disabled(active_uac: tuple[int, ...], now: float) -> Callable[[Attributes], bool]:
    """The rule on disabled accounts at `now` (seconds since 1970).

    An account is disabled if it has ACCOUNTDISABLE, or if its accountExpires has passed. With
    `active_uac`, any userAccountControl that is not in it counts instead of the flag. An account
    that does not show its userAccountControl is not disabled by that.
    """
    reasoned = reason(active_uac, now)
    return lambda attributes: bool(reasoned(attributes))


def reason(active_uac: tuple[int, ...], now: float) -> Callable[[Attributes], str]:
    """What disables an account, in words; "" if nothing does."""
    moment = int(now * FILETIMES_A_SECOND) + FILETIME_OF_1970
    active = frozenset(active_uac)

    def rule(attributes: Attributes) -> str:
        control = _number(attributes, "useraccountcontrol")
        if control is not None and active and control not in active:
            return f"userAccountControl {control} is not in active_uac"
        if control is not None and not active and control & ACCOUNT_DISABLED:
            return f"userAccountControl {control} has the flag ACCOUNTDISABLE"
        expires = _number(attributes, "accountexpires")
        if expires is None or expires in _NEVER or expires > moment:
            return ""
        seconds = (expires - FILETIME_OF_1970) / FILETIMES_A_SECOND
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(max(seconds, 0)))
        return f"accountExpires has passed: {when}"

    return rule


def ends(attributes: Attributes) -> float | None:
    """When an account ends by itself, in seconds since 1970; None if it does not."""
    expires = _number(attributes, "accountexpires")
    if expires is None or expires in _NEVER:
        return None
    return (expires - FILETIME_OF_1970) / FILETIMES_A_SECOND


def _number(attributes: Attributes, name: str) -> int | None:
    """Raises ValueError for a value that is not a number: an account's state is never guessed."""
    values = attributes.get(name)
    if not values:
        return None
    try:
        return int(values[0])
    except ValueError as error:
        raise ValueError(f"{name} is {values[0]!r}, which is not a number") from error


def other_partition(url: str) -> bool:
    """Whether a reference leads to a partition of the forest outside the domain's tree."""
    first, _, above = named(url).partition(",")
    return (
        first in PARTITIONS
        and bool(above)
        and all(part.startswith("dc=") for part in above.split(","))
    )
