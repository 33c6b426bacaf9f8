"""What differs by source type, as one table.

Attribute names are lower case, as everywhere in this layer.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from reconcile.directories.search import filters
from reconcile.directories.search.search import nowhere
from reconcile.directories.vendors import active_directory
from reconcile.model import desired
from reconcile.model.directory import Attributes
from reconcile.model.text.dn import Folding

_TIME: Final = re.compile(r"(\d{14})(?:[.,]\d+)?Z")
"""A GeneralizedTime (RFC 4517, 3.3.13) as Kerberos writes it."""

_PRINCIPAL: Final = "krbprincipalexpiration"

LOGINS: Final = "uid"
"""The attribute whose values groups name persons by (RFC 2307), whatever people log in with."""
MEMBER_LOGINS: Final = "memberuid"
"""The attribute in which they do."""

MEMBER_URL: Final = "memberurl"
"""The attribute with the search that finds a group's members."""

Ends = Callable[[Attributes], float | None]
"""When a person is disabled by the clock alone, in seconds since 1970; None for never. It may be in
the past. Raises ValueError for a value that cannot be understood."""


def never(_attributes: Attributes) -> None:
    """No account ends by itself."""


Disabled = Callable[[Attributes], bool]
"""Whether a person is disabled; raises ValueError for a value that cannot be understood."""


def _lock_of_policy(_source: desired.Source) -> Disabled:
    return permanently_locked


def permanently_locked(attributes: Attributes) -> bool:
    """OpenLDAP's password policy: this time means "until an administrator unlocks it".

    Any other time passes.
    """
    return "000001010000Z" in attributes.get("pwdaccountlockedtime", ())


def _account_lock(_source: desired.Source) -> Disabled:
    return account_locked


def account_locked(attributes: Attributes) -> bool:
    """389 Directory Server and FreeIPA: nsAccountLock, in any case; a role may have set it."""
    return any(value.strip().lower() == "true" for value in attributes.get("nsaccountlock", ()))


def _lock_or_end(_source: desired.Source) -> Disabled:
    now = f"{dt.datetime.now(dt.UTC):%Y%m%d%H%M%S}"
    return lambda attributes: account_locked(attributes) or principal_expired(attributes, now)


def principal_expired(attributes: Attributes, now: str) -> bool:
    """FreeIPA: krbPrincipalExpiration has passed, after which the server refuses every login.

    `now` is year to second in UTC, as 20261231235959. Raises ValueError for an invalid time.
    """
    for value in attributes.get(_PRINCIPAL, ()):
        end = _TIME.fullmatch(value.strip())
        if end is None:
            raise ValueError(f"krbprincipalexpiration is {value!r}, which is not a time")
        if end[1] <= now:
            return True
    return False


def principal_ends(attributes: Attributes) -> float | None:
    """FreeIPA: the earliest krbPrincipalExpiration. Raises ValueError for what is no date."""
    values = attributes.get(_PRINCIPAL, ())
    moments = (dt.datetime.strptime(f"{value.strip()[:14]}Z", "%Y%m%d%H%M%S%z") for value in values)
    return min((moment.timestamp() for moment in moments), default=None)


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of directory server: its defaults, and its own way of saying things."""

    user_filter: str
    user_base: str = ""
    """The container of all persons, below the base DN; "" if there is none."""
    identifier: str
    """The attribute that people log in with."""
    stable_id: str
    """The attribute that names an entry for ever."""
    id_text: Callable[[bytes], str] = bytes.decode
    """The stable id as text, from its value; raises ValueError (or UnicodeDecodeError) if it is
    invalid."""
    id_assertion: Callable[[str], str] = filters.escape
    """The stable id's text as a filter has it; raises ValueError for an invalid text."""
    group_filter: str
    group_base: str = ""
    """The container of all groups, below the base DN."""
    member_attributes: tuple[str, ...]
    """Values are DNs."""
    login_attributes: tuple[str, ...] = ()
    """Values are logins, to be compared with `uid`."""
    dynamic: bool = False
    """Whether groups may have their members found by a search, as the class groupOfURLs."""
    principal: str = ""
    """Another attribute that people can log in with, by its whole value; "" if there is none."""
    primary_group: bool = False
    """Whether a person's `primarygroupid` makes it a member of the group whose `objectsid` ends in
    that number."""
    in_chain: str = ""
    """The matching rule that finds members of members; "" if the server has none."""
    unit_filter: str
    disabled_attributes: tuple[str, ...] = ()
    """The attributes that `disabled` checks."""
    disabled: Callable[[desired.Source], Disabled]
    """Makes the rule, once for each read."""
    ends: Ends = never
    """When what `disabled` says changes although the entry does not."""
    shown_by_all: tuple[str, ...] = ()
    """Attributes that every person has; if one lacks them, the reader may not see them."""
    manager_attribute: str | None = None
    binary: Mapping[str, Callable[[bytes], str]] = MappingProxyType({})
    """Attributes whose values are bytes, and how they are written as text; they raise
    ValueError."""
    removed: tuple[str, ...] = ()
    """Containers (parts of a normalized DN) of entries that are kept although their person is
    gone."""
    folding: Folding = "case"
    """What the server folds in names beyond what all do; measured, see docs/directories.md."""
    elsewhere: Callable[[str], bool] = nowhere
    """Whether the URL of a reference leads outside of the tree that is read."""


_GROUPS: Final = "".join(
    f"(objectClass={name})"
    for name in ("groupOfNames", "groupOfUniqueNames", "posixGroup", "groupOfURLs")
)

_OPENLDAP: Final = Vendor(
    user_filter="(objectClass=inetOrgPerson)",
    identifier="uid",
    stable_id="entryuuid",
    group_filter=f"(|{_GROUPS})",
    member_attributes=("member", "uniquemember"),
    login_attributes=(MEMBER_LOGINS,),
    dynamic=True,
    unit_filter="(objectClass=organizationalUnit)",
    disabled_attributes=("pwdaccountlockedtime",),
    disabled=_lock_of_policy,
    shown_by_all=("entryuuid",),
)

_ACTIVE_DIRECTORY: Final = Vendor(
    user_filter="(&(objectCategory=person)(objectClass=user))",
    identifier="samaccountname",
    stable_id="objectguid",
    id_text=active_directory.guid_text,
    id_assertion=active_directory.guid_assertion,
    group_filter="(objectClass=group)",
    member_attributes=("member",),
    principal="userprincipalname",
    primary_group=True,
    in_chain="1.2.840.113556.1.4.1941",
    unit_filter="(objectClass=organizationalUnit)",
    disabled_attributes=("useraccountcontrol", "accountexpires"),
    disabled=active_directory.disabled_now,
    ends=active_directory.ends,
    shown_by_all=("objectguid", "useraccountcontrol"),
    manager_attribute="manager",
    binary=MappingProxyType(
        {"objectguid": active_directory.guid_text, "objectsid": active_directory.sid_text}
    ),
    elsewhere=active_directory.other_partition,
)

_389DS: Final = Vendor(
    # nsPerson is what 389's own tools create; it is not a subclass of inetOrgPerson.
    user_filter="(|(objectClass=inetOrgPerson)(objectClass=nsPerson))",
    identifier="uid",
    stable_id="nsuniqueid",
    group_filter=f"(|{_GROUPS})",
    member_attributes=("member", "uniquemember"),
    login_attributes=(MEMBER_LOGINS,),
    dynamic=True,
    unit_filter="(objectClass=organizationalUnit)",
    disabled_attributes=("nsaccountlock",),
    disabled=_account_lock,
    shown_by_all=("nsuniqueid",),
)

_FREEIPA: Final = Vendor(
    # Not inetOrgPerson, which the account `admin` of every installation is not.
    user_filter="(&(objectClass=person)(objectClass=posixAccount))",
    user_base="cn=users,cn=accounts",
    identifier="uid",
    stable_id="ipauniqueid",
    # The private groups of users, next to the real ones, are not of class ipaUserGroup.
    group_filter="(objectClass=ipaUserGroup)",
    group_base="cn=groups,cn=accounts",
    member_attributes=("member",),
    unit_filter="(objectClass=organizationalUnit)",
    disabled_attributes=("nsaccountlock", _PRINCIPAL),
    disabled=_lock_or_end,
    ends=principal_ends,
    shown_by_all=("ipauniqueid",),
    # `ipa user-del --preserve` moves an account there, `ipa user-stage` from there to the staged
    # ones.
    removed=("cn=accounts,cn=provisioning",),
)

VENDORS: Final = MappingProxyType(
    {
        "openldap": msgspec.structs.replace(_OPENLDAP, folding="compatibility"),
        "ldap": _OPENLDAP,
        # All entries are at hand, so that it is known whether another one can be meant.
        "ldif": msgspec.structs.replace(_OPENLDAP, folding="compatibility"),
        "active_directory": _ACTIVE_DIRECTORY,
        "389ds": _389DS,
        "freeipa": _FREEIPA,
    }
)
"""By source type."""


def vendor(source_type: str) -> Vendor:
    """The table's row for a source type; a type that a plug-in added reads as `ldap` does."""
    return VENDORS.get(source_type, _OPENLDAP)
