"""Which of the two transports serves a source.

`python-ldap` stands on OpenLDAP's C library: it reads a large directory in two thirds to four fifths of the time and
spares the import of ldap3. It has to be compiled, so it is an extra; and there are settings it cannot serve without
checking less than was asked for. Then, and wherever it is not installed, `auto` takes `ldap3`, which is always there
and serves everything. The choice changes nothing of what is read, checked or refused.
"""

import importlib
import logging
from collections.abc import Collection, Sequence
from importlib.util import find_spec
from typing import Final

from reconcile.directories import securing
from reconcile.directories.failures import REACH, NoConnection
from reconcile.directories.targets import Target, protects
from reconcile.directories.transports import LDAP3, PYTHON_LDAP, Open
from reconcile.model import desired

log = logging.getLogger("reconcile.directories")

INSTALL: Final = (
    'it is not installed: pip install "reconcile-identity[fast]" (this compiles it and needs the headers of libldap '
    "and SASL: on Debian, apt-get install gcc python3-dev libldap-dev libsasl2-dev)"
)


def chosen(source: desired.Source, targets: Sequence[Target]) -> tuple[str, Open]:
    """The transport of a source, by name, and how it is opened. Raises NoConnection where it cannot be had."""
    if source.transport != LDAP3:
        why = unsuited(source, targets) or missing()
        if not why:
            try:
                opening = importlib.import_module("reconcile.directories.over_python_ldap.opening")
            except ImportError as error:
                why = f"it cannot be imported: {error}"
            else:
                return PYTHON_LDAP, opening.session
        if source.transport == PYTHON_LDAP:
            raise NoConnection(REACH, f"the source {source.name} asks for transport: {PYTHON_LDAP}, but {why}")
        log.debug("%s: not %s: %s", source.name, PYTHON_LDAP, why)
    # Imported by name, so that a run pays for the transport it uses and for no other.
    opening = importlib.import_module("reconcile.directories.over_ldap3.opening")
    return LDAP3, opening.session


def missing() -> str:
    """Why python-ldap cannot be had at all; "" where it can. Nothing is imported."""
    return "" if find_spec("_ldap") and find_spec("ldap") else INSTALL


def unsuited(source: desired.Source, targets: Collection[Target]) -> str:
    """Why python-ldap cannot serve these settings as they are meant; "" where it can."""
    if source.bind.kerberos and not all(protects(source, some) for some in targets):
        # Only libldap's own bind makes libldap encrypt, and that goes by the machine's ldap.conf.
        return f"it cannot let Kerberos encrypt a connection without TLS: set tls.mode, or transport: {LDAP3}"
    if source.tls.verify == "none":
        return ""
    reasons = (_unchecked(source, some) for some in targets if protects(source, some))
    return next(filter(None, reasons), "")


def _unchecked(source: desired.Source, some: Target) -> str:
    """Why it cannot check a server's certificate as it is meant; "" where it can."""
    name = source.tls.server_name or some.host
    if some.ldaps and name.lower() != some.host.lower():
        # libldap opens an LDAPS connection itself, and expects the name of the URL in the certificate.
        return f"it cannot check tls.server_name over ldaps:// ({some.url}): use StartTLS, or transport: {LDAP3}"
    if name.lower() == "localhost":
        return f"it would expect this machine's own name in the certificate instead of localhost: {_OTHERWISE}"
    if not name.isascii():
        return f"it compares names in certificates in ASCII alone, not {name}: {_OTHERWISE}"
    if source.tls.ca_file is None and securing.system_file() is None:
        return f"it finds no file of the system's authorities: set tls.ca_file, or transport: {LDAP3}"
    return ""


_OTHERWISE: Final = f"set tls.server_name, or transport: {LDAP3}"
