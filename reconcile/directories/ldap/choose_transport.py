"""Which of the two transports serves a source.

`python-ldap` uses OpenLDAP's C library: it reads a large directory in two thirds to four fifths of
the time and avoids the import of ldap3. It has to be compiled, so it is an extra; if it is not
installed, `auto` uses `ldap3`, which is always installed. The choice does not change what is read,
checked, waited for or refused: connection, TLS, bind and the bounds of an answer are the same
(`opening`, `session`).
"""

import importlib
import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

from reconcile.directories.connection.session import Codec
from reconcile.directories.connection.transport import LDAP3, PYTHON_LDAP
from reconcile.directories.errors import REACH, NoConnection
from reconcile.model import desired

log = logging.getLogger("reconcile.directories")

INSTALL: Final = (
    'it is not installed: pip install "reconcile-identity[fast]" (this compiles it and needs the '
    "headers of libldap and SASL: on Debian, apt-get install gcc python3-dev libldap-dev "
    "libsasl2-dev)"
)


def chosen(source: desired.Source) -> tuple[str, Callable[[], Codec]]:
    """The transport of a source, by name, and what makes its codecs.

    Raises NoConnection if it is not available.
    """
    if source.transport != LDAP3:
        why = missing()
        if not why:
            try:
                codec = importlib.import_module("reconcile.directories.over_python_ldap.codec")
            except ImportError as error:
                why = f"it cannot be imported: {error}"
            else:
                return PYTHON_LDAP, codec.PythonLdap
        if source.transport == PYTHON_LDAP:
            raise NoConnection(
                REACH, f"the source {source.name} asks for transport: {PYTHON_LDAP}, but {why}"
            )
        log.debug("%s: not %s: %s", source.name, PYTHON_LDAP, why)
    # Imported by name, so that a run pays for the transport it uses and for no other.
    codec = importlib.import_module("reconcile.directories.over_ldap3.codec")
    return LDAP3, codec.LdapThree


def missing() -> str:
    """Why python-ldap is not available; "" if it is. Imports nothing."""
    return "" if find_spec("_ldap") and find_spec("ldap") else INSTALL
