"""From a server to a draft: what the options do not say is asked, if there is a terminal."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

import click
import msgspec

from reconcile.app.setup import files, looking, starters
from reconcile.app.setup.draft import Draft
from reconcile.cli.setup.asking import chosen, optional, say
from reconcile.cli.setup.contents import (
    chosen_place,
    countable,
    gives_role,
    mirrors_all,
    show_counts,
    show_server,
)
from reconcile.cli.setup.values import (
    as_dn,
    certificate_comment,
    digits,
    role_group,
    source_name,
)
from reconcile.connections.cautions import password_variable
from reconcile.directories.discovery.certificate import ShownCertificate
from reconcile.directories.discovery.contents import Contents
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


class Dialog:
    """One look at a server. As a context it keeps a trusted certificate in a temporary folder."""

    def __init__(self, origin: str, file: Path, said: Mapping[str, Any], *, asks: bool) -> None:
        """`origin` is a URL or an LDIF file, `file` what will be written, `said` the options.

        Without `asks` nothing is asked.
        """
        self.certificate: ShownCertificate | None = None
        """The server's certificate, if the user trusts it."""
        self._origin = origin
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
        return self._of_server() if "://" in self._origin else self._of_file()

    def _of_file(self) -> Draft:
        read = files.export(Path(self._origin))
        base = self._base(read.contexts)
        known = files.counted(read, base)
        show_counts(base, known)
        made = Draft(
            name=self._said["name"] or source_name(base),
            type="ldif",
            origin=f"Written by `reconcile init --from {self._origin}`.",
            server=self._beside(self._origin),
            base_dn=base,
            other_bases=tuple(other for other in read.contexts if other != base),
            contents=known,
        )
        return self._chosen(made, known)

    def _of_server(self) -> Draft:
        server = looking.reached(self._to_look_at(), self._trusts, Path(self._folder.name))
        self.certificate = server.trusted
        contexts = server.root.contexts if server.root else ()
        host = target(server.source.servers[0]).host
        name = self._said["name"] or source_name(contexts[0] if contexts else "", host)
        show_server(server)
        server = self._bound(server, name)
        contexts = server.root.contexts if server.root else ()
        base = self._base(contexts, bound=not server.source.bind.anonymous)
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
            origin=f"Written by `reconcile init --from {self._origin}`"
            + (f": {root.product}." if root else "."),
            server=server.source.servers[0],
            tls=self._tls_of_file(server),
            certificate=certificate_comment(trusted) if trusted else "",
            bind_dn=bind.dn or starters.reader(kind, base),
            anonymous=bind.anonymous and known is not None,
            password=self._variable(name),
            base_dn=base,
            other_bases=tuple(other for other in (root.contexts if root else ()) if other != base),
            contents=known,
        )

    def _to_look_at(self) -> desired.Source:
        mode, file = self._said["tls"], self._said["ca_file"]
        usual = "ldaps" if self._origin.lower().startswith("ldaps:") else "starttls"
        tls = msgspec.convert(
            {"mode": mode or usual, "ca_file": str(file) if file else None}, desired.Tls
        )
        return looking.to_look_at(self._origin, tls)

    def _trusts(self, shown: ShownCertificate) -> bool:
        """Whether the user takes a certificate for the server's."""
        lines = [
            f"The certificate of {self._origin} is not one that this machine trusts:",
            f"  subject  {shown.subject}",
            f"  issuer   {shown.issuer}",
            f"  for      {', '.join(shown.names) or 'no host'}",
            f"  until    {shown.until:%Y-%m-%d}",
            f"  SHA-256  {shown.fingerprint}",
        ]
        if shown.mismatch:
            lines.insert(4, f"           {shown.mismatch}")
        expected = self._said["fingerprint"]
        if expected and digits(expected) == digits(shown.fingerprint):
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
        return msgspec.structs.replace(tls, ca_file=self._beside(tls.ca_file))

    def _beside(self, named: str) -> str:
        """A file as the desired-state file names it: a neighbour by its name alone."""
        file = Path(named).resolve()
        return file.name if file.parent == self._file.resolve().parent else str(file)

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
            if server.source.tls.mode == "none":
                say("The password is sent in clear text (--tls none).")
            typed = "" if password else _password(account)
            bind = desired.Bind(dn=account, password=looking.Entered(password or typed))
            try:
                return looking.bound(server, bind)
            except BindRefused as error:
                if not typed or attempt == _ATTEMPTS:
                    raise
                say(str(error))
                account = ""
        raise AssertionError("unreachable")

    def _base(self, contexts: Sequence[str], *, bound: bool = True) -> str:
        """The part of the directory that is read; `bound`: as an account that should see it."""
        base = str(self._said["base"] or "")
        if not base and len(contexts) > 1 and self._asks:
            base = chosen("Which part of the directory?", contexts, contexts)
        base = base or (contexts[0] if contexts else "")
        if not base and self._asks:
            base = optional("The directory does not say what it holds. Base DN")
        if not base and bound:
            raise UsageError("the directory does not say what it holds: add --base DN")
        return as_dn(base, "--base") if base else _PLACEHOLDER

    def _counted(self, server: looking.Server, kind: str, base: str) -> Contents | None:
        """What the reader sees; None if that is nothing."""
        try:
            known = looking.counted(server, kind, base)
        except SourceUnreadable as error:
            if not server.source.bind.anonymous:
                raise
            say(f"Without an account nothing can be counted: {error}")
            return None
        show_counts(base, known)
        return known if known.persons or not server.source.bind.anonymous else None

    def _chosen(self, made: Draft, known: Contents | None) -> Draft:
        """The draft with what is chosen among the contents."""
        roles = [role_group(text) for text in self._said["roles"]]
        base = str(self._said["users"] or "")
        mirrors: set[str] = set()
        if known is not None and self._asks:
            base = base or chosen_place(known)
            roles = roles or [group for group in known.role_groups if gives_role(group)]
            mirrors = {key for key, count in countable(known) if mirrors_all(key, count)}
        elif known is not None and known.places:
            base = base or known.places[0].dn
        base = as_dn(dn.join(base, made.base_dn), "--users") if base else ""
        return msgspec.structs.replace(
            made,
            users_base="" if dn.key(base) == dn.key(made.base_dn) else base,
            roles=tuple(roles),
            mirrors=frozenset(mirrors),
        )


def _password(account: str) -> str:
    return str(click.prompt(f"Password of {printable(account)}", hide_input=True))
