"""A first desired-state file as text, from what is known: with comments for what is to be chosen.

Every foreign text is written so that it is read back as the same text, and never as a template.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from reconcile.connections import yaml_text
from reconcile.connections.cautions import password_variable
from reconcile.directories.discovery.contents import Contents, RoleGroup
from reconcile.model import desired
from reconcile.model.text import dn
from reconcile.model.text.printing import printable

_COLUMN: Final = 40
"""Where comments after a value begin, unless the value is longer."""
_COMMENT: Final = "\0"
"""Between a line and its comment until they are aligned; no YAML has it."""
_END: Final = "...\n"
"""How PyYAML ends a document that is a plain text."""
_DEFAULT_ROLE: Final = "user"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """All that a first file says. What is empty is left to the user, as a comment."""

    name: str
    type: str
    origin: str
    """What the first line says about where this comes from."""
    server: str
    """The server's URL; for the type ldif, the file."""
    tls: desired.Tls = desired.Tls()
    certificate: str = ""
    """What is said of the trusted certificate."""
    bind_dn: str = ""
    anonymous: bool = False
    password: str = ""
    """The environment variable with the password; "" for the usual name."""
    base_dn: str
    other_bases: tuple[str, ...] = ()
    users_base: str = ""
    contents: Contents | None = None
    roles: tuple[RoleGroup, ...] = ()
    """The groups that give roles."""
    mirrors: frozenset[str] = frozenset()
    """What becomes the application's: `groups`, `departments`."""


def variable(draft: Draft) -> str:
    """The environment variable that the file takes the password from."""
    return draft.password or password_variable(draft.name)


def counted(number: int, what: str) -> str:
    """A number of things, as in `1 person` and `2 persons`."""
    return f"{number} {what}{'s' if number != 1 else ''}"


def text(draft: Draft) -> str:
    """The file."""
    source = _ldif(draft) if draft.type == "ldif" else _server(draft)
    lines = [
        f"# {printable(draft.origin)}",
        "# `reconcile test` counts what it finds, `reconcile plan` shows what would change, and",
        "# `reconcile apply` does that. `reconcile init OTHER.yml` writes a file with every key.",
        "",
        "version: 1",
        "",
        *_rows(("platform:", "the application to keep in step with the directory")),
        *_rows(("  type: sql", "or another one: see docs/platforms")),
        *_rows(("  url: sqlite:///reconcile.db", "relative to this file")),
        "",
        "sources:",
        f"  - {_key('name', draft.name)}",
        *(f"    {line}" if line else "" for line in source),
        "",
        *_roles(draft),
        "",
        *_mirrored(draft),
        *_rows(("lifecycle:", "what happens to users whose persons leave")),
        *_rows(("  on_missing: block", "or keep, deactivate, erase, delete")),
    ]
    return "".join(f"{_aligned(line)}\n" for line in lines)


def _value(written: str) -> str:
    """A text as a YAML value on one line that is read back as the same text."""
    return yaml_text.inline(yaml_text.literal(written, ("base_dn",)))


def _key(key: str, written: str) -> str:
    """A key with a text, not within brackets."""
    value = yaml_text.block(yaml_text.literal(written, ("base_dn",)))
    return f"{key}: {value.removesuffix(_END).rstrip()}"


def _rows(*rows: tuple[str, str]) -> Iterator[str]:
    """Lines with a comment after each, which `_aligned` puts into its column."""
    return (f"{line}{_COMMENT}{comment}" for line, comment in rows)


def _aligned(line: str) -> str:
    written, comment, text = line.partition(_COMMENT)
    return f"{written:<{_COLUMN}}  # {text}" if comment else written


def _server(draft: Draft) -> Iterator[str]:
    """The keys of a source on a server."""
    yield f"type: {draft.type}"
    yield from _rows((f"servers: [{_value(draft.server)}]", "add others: they are tried in order"))
    yield from _tls(draft)
    yield from _bind(draft)
    yield _key("base_dn", draft.base_dn)
    for other in draft.other_bases:
        yield f"# {_key('base_dn', other)}"
    yield from _users(draft)


def _ldif(draft: Draft) -> Iterator[str]:
    """The keys of a source in files."""
    yield "type: ldif"
    yield from _rows((f"files: [{_value(draft.server)}]", "relative to this file"))
    yield _key("base_dn", draft.base_dn)
    yield from _users(draft)


def _tls(draft: Draft) -> Iterator[str]:
    yield "tls:"
    yield from _rows((f"  mode: {draft.tls.mode}", "starttls, ldaps or none"))
    if draft.tls.ca_file:
        if draft.certificate:
            about = f"the server's own certificate, {draft.certificate}"
            yield from (f"  # {line}" for line in about.split("\n"))
        yield from _rows((f"  {_key('ca_file', draft.tls.ca_file)}", "in PEM"))
    elif draft.tls.mode != "none":
        yield from _rows(("  # ca_file: corp-ca.pem", "default: what the system trusts"))
    if draft.tls.server_name:
        yield from _rows((f"  {_key('server_name', draft.tls.server_name)}", "in the certificate"))
    if draft.tls.verify == "none":
        yield from _rows(("  verify: none", "anyone in between can pretend to be the server"))


def _bind(draft: Draft) -> Iterator[str]:
    if draft.anonymous:
        yield from _rows(("bind: {anonymous: true}", "or dn and password of an account that reads"))
        return
    template = f"\"{{{{ env('{variable(draft)}') }}}}\""
    yield from _rows(("bind:", "an account that only reads; or {kerberos: true}"))
    yield f"  {_key('dn', draft.bind_dn)}"
    yield from _rows((f"  password: {template}", "or file('path')"))


def _users(draft: Draft) -> Iterator[str]:
    known = draft.contents
    total = f"{counted(known.persons, 'person')} in all" if known else "which persons"
    yield from _rows(("users:", total))
    if draft.users_base:
        yield from _rows((f"  {_key('base', draft.users_base)}", _persons(draft, draft.users_base)))
    for place in known.places if known else ():
        if not _same(place.dn, draft.users_base or draft.base_dn):
            yield from _rows((f"  # {_key('base', place.dn)}", _persons(draft, place.dn)))
    yield from _rows(("  create: all", "or mapped: only who is in a group named below"))
    if own := _own_accounts(draft):
        yield from _rows((f"  exclude: [{', '.join(map(_value, own))}]", "the server's own"))
    yield from _rows(('  # require_groups: ["cn=app-users,…"]', "only members of these groups"))


def _persons(draft: Draft, base: str) -> str:
    """How many persons are below a base, in words."""
    places = draft.contents.places if draft.contents else ()
    count = next((place.persons for place in places if _same(place.dn, base)), None)
    return "below base_dn, or a whole DN" if count is None else counted(count, "person")


def _same(name: str, other: str) -> bool:
    return dn.key(name) == dn.key(other)


def _own_accounts(draft: Draft) -> list[str]:
    """The logins of the server's own accounts below the base of the users."""
    own = draft.contents.own_accounts if draft.contents else ()
    base = dn.key(draft.users_base or draft.base_dn)
    return [account.login for account in own if dn.is_below(dn.key(account.dn), base)]


def _roles(draft: Draft) -> Iterator[str]:
    """Which groups give which role; those that were only offered are comments."""
    yield from _rows(("role_mappings:", "the first that matches gives the role"))
    for group in draft.roles:
        yield from _mapping(draft, group, "")
    offered = draft.contents.role_groups if draft.contents else ()
    chosen = {group.dn for group in draft.roles}
    for group in offered:
        if group.dn not in chosen:
            yield from _mapping(draft, group, "# ")
    yield f"  - role: {_DEFAULT_ROLE}"
    yield from _rows(("    default: true", "for everyone else"))


def _mapping(draft: Draft, group: RoleGroup, mark: str) -> Iterator[str]:
    yield f"  {mark}- {_key('role', group.role)}"
    yield f"  {mark}  {_key('source', draft.name)}"
    yield f"  {mark}  groups: [{_value(group.dn)}]"


def _mirrored(draft: Draft) -> Iterator[str]:
    """The groups and OUs that become the application's."""
    known = draft.contents
    numbers = (
        {"groups": counted(known.groups, "group"), "departments": counted(known.units, "OU")}
        if known
        else {}
    )
    for key in ("groups", "departments"):
        mark = "" if key in draft.mirrors else "# "
        number = numbers.get(key, "names or DNs")
        yield from _commented(mark, _rows((f"{key}:", f"which become {key} of the application")))
        yield f"{mark}  - {_key('source', draft.name)}"
        yield from _commented(mark, _rows(('    select: ["*"]', f"{number}; * is a wildcard")))
        yield ""


def _commented(mark: str, lines: Iterable[str]) -> Iterator[str]:
    return (f"{mark}{line}" for line in lines)
