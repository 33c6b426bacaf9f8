"""From a server to a draft: what the options do not say is asked, if there is a terminal."""

import os
import re
from collections.abc import Mapping
from itertools import starmap
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

import click
import msgspec

from reconcile.app.setup import looking, starters
from reconcile.app.setup.draft import Draft, counted
from reconcile.cli.setup.asking import chosen, optional, say
from reconcile.connections.cautions import password_variable
from reconcile.directories.discovery.certificate import ShownCertificate
from reconcile.directories.discovery.contents import Contents, RoleGroup
from reconcile.directories.errors import BindRefused
from reconcile.directories.search.urls import target
from reconcile.errors import SourceUnreadable, UsageError
from reconcile.model import desired
from reconcile.model.text import dn
from reconcile.render import printable

_ATTEMPTS: Final = 3
"""How often a name and a password are asked for; more could lock the account."""
_PLACEHOLDER: Final = "dc=example,dc=com"
_TO_TRUST: Final = (
    "If the administrator of the server confirms this fingerprint, add --fingerprint with it; or "
    "name the authority that issued the certificate: --ca-file FILE."
)
_PROTECTED: Final = {
    "starttls": "protected by StartTLS",
    "ldaps": "protected by TLS",
    "none": "NOT PROTECTED (--tls none)",
}


class Dialog:
    """One look at a server. As a context it keeps a trusted certificate in a temporary folder."""

    def __init__(self, url: str, file: Path, said: Mapping[str, Any], *, asks: bool) -> None:
        """`file` is what will be written, `said` the options by parameter.

        Without `asks` nothing is asked.
        """
        self.certificate: ShownCertificate | None = None
        """The server's certificate, if the user trusts it."""
        self._url = url
        self._file = file
        self._said = said
        self._asks = asks
        self._folder = TemporaryDirectory(prefix="reconcile-")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def draft(self) -> Draft:
        """What the file is to say. Raises SourceUnreadable, UsageError."""
        server = looking.reached(self._to_look_at(), self._trusts, Path(self._folder.name))
        self.certificate = server.trusted
        contexts = server.root.contexts if server.root else ()
        name = self._said["name"] or _name(contexts[0] if contexts else "", self._url)
        _show(server)
        server = self._bound(server, name)
        base = self._base(server)
        kind = self._said["kind"] or (server.root.type if server.root else "ldap")
        known = self._counted(server, kind, base)
        return self._chosen(self._described(server, name, kind, base, known), known)

    def _described(
        self, server: looking.Server, name: str, kind: str, base: str, known: Contents | None
    ) -> Draft:
        """Everything but what is chosen among the contents."""
        root, bind = server.root, server.source.bind
        trusted = server.trusted
        return Draft(
            name=name,
            type=kind,
            origin=f"Written by `reconcile init --from {self._url}`"
            + (f": {root.product}." if root else "."),
            server=server.source.servers[0],
            tls=self._tls_of_file(server),
            certificate=_certificate(trusted) if trusted else "",
            bind_dn=bind.dn or starters.reader(kind, base),
            anonymous=bind.anonymous and known is not None,
            password=self._variable(name),
            base_dn=base,
            other_bases=tuple(other for other in (root.contexts if root else ()) if other != base),
            contents=known,
        )

    def _to_look_at(self) -> desired.Source:
        mode, file = self._said["tls"], self._said["ca_file"]
        usual = "ldaps" if self._url.lower().startswith("ldaps:") else "starttls"
        tls = msgspec.convert(
            {"mode": mode or usual, "ca_file": str(file) if file else None}, desired.Tls
        )
        return looking.to_look_at(self._url, "init", tls)

    def _trusts(self, shown: ShownCertificate) -> bool:
        """Whether the user takes a certificate for the server's."""
        lines = [
            f"The certificate of {self._url} is not one that this machine trusts:",
            f"  subject  {shown.subject}",
            f"  issuer   {shown.issuer}",
            f"  for      {', '.join(shown.names) or 'no host'}",
            f"  until    {shown.until:%Y-%m-%d}",
            f"  SHA-256  {shown.fingerprint}",
        ]
        expected = self._said["fingerprint"]
        if expected and _digits(expected) == _digits(shown.fingerprint):
            return True
        if expected or not self._asks:
            why = "It is not the one of --fingerprint." if expected else _TO_TRUST
            raise SourceUnreadable("\n".join([*lines, why]))
        say("\n".join(lines))
        question = "Does the administrator of the server confirm this fingerprint?"
        return click.confirm(question, default=False)

    def _tls_of_file(self, server: looking.Server) -> desired.Tls:
        """TLS as the file says it: a certificate is relative to the file."""
        tls = server.source.tls
        if server.trusted:
            name = re.sub(r"[^\w.-]", "_", target(server.source.servers[0]).host)
            return msgspec.structs.replace(tls, ca_file=f"{name}.pem")
        if tls.ca_file is None:
            return tls
        ca_file = Path(tls.ca_file).resolve()
        beside = ca_file.parent == self._file.resolve().parent
        return msgspec.structs.replace(tls, ca_file=ca_file.name if beside else str(ca_file))

    def _variable(self, name: str) -> str:
        """The environment variable of the password."""
        return str(self._said["password_env"] or password_variable(name))

    def _bound(self, server: looking.Server, name: str) -> looking.Server:
        """The server as the reader sees it, who is asked for."""
        account = self._said["bind_dn"] or ""
        password = os.environ.get(self._variable(name), "")
        if account and not password and not self._asks:
            raise UsageError(f"the environment variable {self._variable(name)} has no password")
        for attempt in range(1, _ATTEMPTS + 1):
            if not account and self._asks and not self._said["anonymous"]:
                account = optional("Account that reads, as a DN or name@domain (empty: anonymous)")
            if not account:
                return server
            typed = "" if password else self._password(server, account)
            bind = desired.Bind(dn=account, password=looking.Entered(password or typed))
            try:
                return looking.bound(server, bind)
            except BindRefused as error:
                if not typed or attempt == _ATTEMPTS:
                    raise
                say(str(error))
                account = ""
        raise AssertionError("unreachable")

    def _password(self, server: looking.Server, account: str) -> str:
        if server.source.tls.mode == "none":
            say("The password will be sent in clear text (--tls none).")
        return str(click.prompt(f"Password of {printable(account)}", hide_input=True))

    def _base(self, server: looking.Server) -> str:
        """The part of the directory that is read."""
        contexts = server.root.contexts if server.root else ()
        base = str(self._said["base"] or "")
        if not base and len(contexts) > 1 and self._asks:
            base = chosen("Which part of the directory?", contexts, contexts)
        base = base or (contexts[0] if contexts else "")
        if not base and self._asks:
            base = optional("The server does not say what it holds. Base DN")
        if not base and not server.source.bind.anonymous:
            raise UsageError("the server does not say what it holds: add --base DN")
        return _as_dn(base, "--base") if base else _PLACEHOLDER

    def _counted(self, server: looking.Server, kind: str, base: str) -> Contents | None:
        """What the reader sees; None if that is nothing."""
        try:
            known = looking.counted(server, kind, base)
        except SourceUnreadable as error:
            if not server.source.bind.anonymous:
                raise
            say(f"Without an account nothing can be counted: {error}")
            return None
        counts = ((known.persons, "person"), (known.groups, "group"), (known.units, "OU"))
        say(f"{base}: {', '.join(starmap(counted, counts))}")
        return known if known.persons or not server.source.bind.anonymous else None

    def _chosen(self, made: Draft, known: Contents | None) -> Draft:
        """The draft with what is chosen among the contents."""
        roles = [_role(text) for text in self._said["roles"]]
        base = str(self._said["users"] or "")
        mirrors: set[str] = set()
        if known is not None and self._asks:
            base = base or _place(known)
            roles = roles or [group for group in known.role_groups if _gives_role(group)]
            mirrors = {key for key, count in _countable(known) if _mirrors(key, count)}
        elif known is not None and known.places:
            base = base or known.places[0].dn
        base = _as_dn(dn.join(base, made.base_dn), "--users") if base else ""
        return msgspec.structs.replace(
            made,
            users_base="" if dn.key(base) == dn.key(made.base_dn) else base,
            roles=tuple(roles),
            mirrors=frozenset(mirrors),
        )


def _show(server: looking.Server) -> None:
    root, mode = server.root, server.source.tls.mode
    product = root.product if root else "shows nothing before a bind"
    say(f"{server.source.servers[0]}: {product}, {_PROTECTED[mode]}")
    if root and root.contexts:
        say(f"It holds {'; '.join(root.contexts)}.")


def _name(base: str, url: str) -> str:
    """A name for the source: the first label of the domain."""
    domain = dn.domain(base) if base else ""
    host = target(url).host
    outer = host.partition(".")[2] or host
    label = (domain or outer).partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]", "-", label).strip("-") if not label.isdigit() else "corp"


def _certificate(shown: ShownCertificate) -> str:
    return f"valid until {shown.until:%Y-%m-%d}, SHA-256\n{shown.fingerprint}"


def _digits(fingerprint: str) -> str:
    return re.sub(r"[^0-9A-F]", "", fingerprint.upper().removeprefix("SHA256"))


def _as_dn(text: str, option: str) -> str:
    """The DN. Raises UsageError."""
    try:
        dn.parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    return text


def _role(text: str) -> RoleGroup:
    """A value of --role. Raises UsageError."""
    role, equals, group = text.partition("=")
    if not role or not equals:
        raise UsageError(f"--role {text}: write ROLE=DN, as administrator=cn=admins,dc=example")
    return RoleGroup(role, _as_dn(group, "--role"))


def _place(known: Contents) -> str:
    """The container of the persons."""
    if len(known.places) < 2:
        return known.places[0].dn if known.places else ""
    rows = [f"{place.dn}  ({counted(place.persons, 'person')})" for place in known.places]
    return chosen("Where are the persons?", [place.dn for place in known.places], rows)


def _gives_role(group: RoleGroup) -> bool:
    return click.confirm(f"Members of {printable(group.dn)} get the role {group.role}?")


def _countable(known: Contents) -> tuple[tuple[str, int], ...]:
    return (("groups", known.groups), ("departments", known.units))


def _mirrors(key: str, count: int) -> bool:
    what = "group" if key == "groups" else "OU"
    return bool(count) and click.confirm(f"Mirror {counted(count, what)} as {key}?")
