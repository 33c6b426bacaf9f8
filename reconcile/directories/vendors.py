"""What differs by source type, as one table. Attribute names are lower case, as everywhere in this layer."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import msgspec

from reconcile.directories import filters
from reconcile.model.directory import Attributes


def permanently_locked(attributes: Attributes) -> bool:
    """OpenLDAP's password policy: this time stands for "until an administrator unlocks it"; any other passes."""
    return "000001010000Z" in attributes.get("pwdaccountlockedtime", ())


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of directory server: its defaults, and how it says what every directory says in its own way."""

    user_filter: str
    identifier: str
    """The attribute that people log in with."""
    stable_id: str
    """The attribute that names an entry for ever."""
    id_text: Callable[[bytes], str] = bytes.decode
    """The stable id as text, from its value; raises ValueError (UnicodeDecodeError is one) for what is none."""
    id_assertion: Callable[[str], str] = filters.escape
    """The stable id's text as it stands in a filter; raises ValueError for a text that cannot be one."""
    group_filter: str
    member_attributes: tuple[str, ...]
    """Values are DNs."""
    login_attributes: tuple[str, ...] = ()
    """Values are identifiers."""
    unit_filter: str
    disabled_attributes: tuple[str, ...] = ()
    """What `disabled` looks at."""
    disabled: Callable[[Attributes], bool]
    manager_attribute: str | None = None


_OPENLDAP: Final = Vendor(
    user_filter="(objectClass=inetOrgPerson)",
    identifier="uid",
    stable_id="entryuuid",
    group_filter="(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
    member_attributes=("member", "uniquemember"),
    login_attributes=("memberuid",),
    unit_filter="(objectClass=organizationalUnit)",
    disabled_attributes=("pwdaccountlockedtime",),
    disabled=permanently_locked,
)

VENDORS: Final = MappingProxyType({"openldap": _OPENLDAP, "ldap": _OPENLDAP, "ldif": _OPENLDAP})
"""By source type."""


def vendor(source_type: str) -> Vendor:
    """The table's row for a source type; a type that a plug-in added reads as `ldap` does."""
    return VENDORS.get(source_type, _OPENLDAP)
