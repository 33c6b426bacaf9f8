"""The root entry of a server (RFC 4512, 5.1): which product it is, and what trees it holds."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from reconcile.directories.search.search import ANYTHING, Search, Searcher
from reconcile.model.text import dn
from reconcile.model.text.printing import quoted

_ATTRIBUTES: Final = (
    "objectclass",
    "namingcontexts",
    "defaultnamingcontext",
    "supportedcapabilities",
    "supportedextension",
    "vendorname",
    "vendorversion",
    "ipadomainlevel",
    "ipatopologypluginversion",
)
_ACTIVE_DIRECTORY: Final = "1.2.840.113556.1.4.800"
"""Among the capabilities of every domain controller ([MS-ADTS] 3.1.1.3.4.3)."""
_START_TLS: Final = "1.3.6.1.4.1.1466.20037"
_WITHOUT_PEOPLE: Final = (
    "cn=configuration",
    "cn=schema",
    "dc=domaindnszones",
    "dc=forestdnszones",
    "cn=config",
    "cn=monitor",
    "cn=changelog",
    "cn=accesslog",
    "o=ipaca",
    "o=netscaperoot",
)
"""How the names of trees begin that servers keep for themselves."""
_MOST: Final = 20
"""How many trees of a server are looked at."""
PRODUCTS: Final[Mapping[str, str]] = {
    "active_directory": "Active Directory",
    "openldap": "OpenLDAP",
    "389ds": "389 Directory Server",
    "freeipa": "FreeIPA",
    "ldap": "LDAP server",
}
"""Source type → the product in words."""
_ALIKE: Final = (frozenset({"ldap", "openldap"}), frozenset({"ldap", "389ds"}))
"""Types that read most of the same; a site may have chosen the general one."""


class Root(NamedTuple):
    """What the root entry says."""

    type: str
    """The source type for this product; `ldap` for a product that has none of its own."""
    vendor: str
    """Vendor and version in the server's own words, printable; "" if it says nothing."""
    contexts: tuple[str, ...]
    """The trees that may hold people, the default one first."""
    starttls: bool

    @property
    def product(self) -> str:
        """The product in words, with what the server calls itself."""
        name = PRODUCTS[self.type]
        return f"{name} ({self.vendor})" if self.vendor else name


def read_root(searcher: Searcher) -> Root:
    """Reads the root entry. Raises SourceUnreadable.

    A server that hides it is an LDAP server of unknown product without naming contexts.
    """
    search = Search("", "base", ANYTHING, _ATTRIBUTES)
    values: dict[str, list[str]] = {}
    for page in searcher.search(search):
        for entry in page:
            for name, raw in entry.attributes.items():
                values[name] = [value.decode("utf-8", "replace") for value in raw]
    return root_of(values)


def root_of(values: Mapping[str, list[str]]) -> Root:
    """What the attributes of a root entry say; their names are lower case."""
    said = " ".join(values.get("vendorname", [])[:1] + values.get("vendorversion", [])[:1])
    default = values.get("defaultnamingcontext", [])[:1]
    contexts = _with_people([*default, *values.get("namingcontexts", [])])
    kind = _type(values, said)
    # The other trees of a domain controller are partitions of the same forest.
    kept = contexts[:1] if kind == "active_directory" and default else contexts
    return Root(
        kind,
        quoted(" ".join(said.split()), 80),
        tuple(kept[:_MOST]),
        _START_TLS in values.get("supportedextension", []),
    )


def _type(values: Mapping[str, list[str]], said: str) -> str:
    """The source type for the server with this root entry."""
    if _ACTIVE_DIRECTORY in values.get("supportedcapabilities", []):
        return "active_directory"
    if "ipadomainlevel" in values or "ipatopologypluginversion" in values:
        return "freeipa"
    if "389" in said:
        return "389ds"
    classes = {value.lower() for value in values.get("objectclass", [])}
    return "openldap" if "openldaprootdse" in classes or "openldap" in said.lower() else "ldap"


def _with_people(contexts: Iterable[str]) -> list[str]:
    """The trees that may hold people, each once; what is not a DN cannot be searched."""
    kept: dict[str, str] = {}
    for text in contexts:
        try:
            name = dn.normalize(text)
        except ValueError:
            continue
        if name and not name.startswith(_WITHOUT_PEOPLE):
            kept.setdefault(name, text)
    return list(kept.values())


def other_type(configured: str, root: Root) -> str:
    """The source type that fits the server better than the configured one; "" if it fits."""
    known = configured in PRODUCTS
    if not known or root.type in (configured, "ldap") or {configured, root.type} in _ALIKE:
        return ""
    return root.type
