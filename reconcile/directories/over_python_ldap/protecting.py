"""TLS by libldap, of which nothing may depend on the machine's own settings.

libldap takes options from /etc/ldap/ldap.conf, from files in the home and working directories and from LDAPTLS_* in the
environment, and any of them could switch its checks off or add an authority. So every option that matters is set on
each connection, never for the process, to what the standard library does too: the certificate's chain, its end, and
the name among its subjectAltNames, with TLS 1.2 or newer.
"""

from types import MappingProxyType

from reconcile.directories import certificates, fitness, securing
from reconcile.directories.failures import TLS, Unusable
from reconcile.directories.over_python_ldap.library import Connection, LDAPError, ldap
from reconcile.model import desired

_GOOD = frozenset({"TLSv1.2", "TLSv1.3"})
_CIPHERS = MappingProxyType({"GnuTLS": "NORMAL:%PROFILE_MEDIUM"})
"""The library's own choice, with keys of 112 bits of security, as OpenSSL wants them by itself."""


def prepare(connection: Connection, tls: desired.Tls) -> None:
    """Sets what the coming handshake has to check. Raises Unusable where libldap does not take it."""
    demand = tls.verify == "full"
    package = str(connection.get_option(ldap.OPT_X_TLS_PACKAGE))
    try:
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, tls.ca_file or securing.system_file() or "")
        connection.set_option(ldap.OPT_X_TLS_CACERTDIR, "")  # GnuTLS knows none, OpenSSL would trust it as well
        for option in (ldap.OPT_X_TLS_CERTFILE, ldap.OPT_X_TLS_KEYFILE):
            connection.set_option(option, "")  # nobody's own certificate
        connection.set_option(ldap.OPT_X_TLS_CIPHER_SUITE, _CIPHERS.get(package, ""))
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND if demand else ldap.OPT_X_TLS_NEVER)
        # As the standard library has it: the common name counts where a certificate names nothing else, as those that
        # Samba makes for itself.
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_SAN, ldap.OPT_X_TLS_TRY if demand else ldap.OPT_X_TLS_NEVER)
        connection.set_option(ldap.OPT_X_TLS_PROTOCOL_MIN, ldap.OPT_X_TLS_PROTOCOL_TLS1_2)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # last: only a new context knows the options
    except (LDAPError, ValueError) as error:
        raise Unusable(TLS, f"libldap does not take the settings of tls: {error}") from error


def proven(connection: Connection, tls: desired.Tls, name: str) -> str:
    """What `reconcile test` says of the protection.

    `name` is the host name or address that the certificate has to be for. Raises Unusable unless there
    is protection that is new enough, with such a certificate.
    """
    # GnuTLS says TLS1.3 where OpenSSL says TLSv1.3.
    protocol = str(connection.get_option(ldap.OPT_X_TLS_VERSION) or "none").replace("TLS1", "TLSv1")
    if protocol not in _GOOD:
        # Not every libldap keeps to the oldest protocol that it was told to accept.
        raise Unusable(TLS, f"TLS failed: the server agrees to {protocol} only; TLS 1.2 is the least")
    if tls.verify == "none":
        return securing.described_unchecked(protocol)
    certificate = connection.get_option(ldap.OPT_X_TLS_PEERCERT) or b""
    if why := fitness.why_refused(certificate, name):
        raise Unusable(TLS, securing.refused(why, tls))
    try:
        subject, until = certificates.facts(certificate)
    except ValueError as error:
        return f"{protocol}, a certificate that was accepted but is not told by this transport ({error})"
    return securing.described(protocol, subject, until)
