"""What options say, and what follows from the names of a directory."""

import re

from reconcile.directories.discovery.certificate import ShownCertificate
from reconcile.directories.discovery.contents import RoleGroup
from reconcile.errors import UsageError
from reconcile.model.text import dn


def source_name(base: str, host: str = "") -> str:
    """A name for the source: the first label of the domain, of the base or else of the host."""
    label = (dn.domain(base) if base else host.partition(".")[2]).partition(".")[0]
    name = re.sub(r"[^A-Za-z0-9_-]", "-", label).strip("-")
    return name if name and not name.isdecimal() else "corp"


def certificate_comment(shown: ShownCertificate) -> str:
    """What the file says of a trusted certificate, in two lines."""
    return f"valid until {shown.until:%Y-%m-%d}, SHA-256\n{shown.fingerprint}"


def digits(fingerprint: str) -> str:
    """The 64 hexadecimal digits of a SHA-256 fingerprint, however it is written."""
    # Tools write a word before it, as in `sha256 Fingerprint=AB:12:…`.
    return re.sub(r"[^0-9A-F]", "", fingerprint.upper())[-64:]


def as_dn(text: str, option: str) -> str:
    """The DN. Raises UsageError."""
    try:
        dn.parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    return text


def role_group(text: str) -> RoleGroup:
    """A value of --role. Raises UsageError."""
    role, equals, group = text.partition("=")
    if not role or not equals:
        raise UsageError(f"--role {text}: write ROLE=DN, as administrator=cn=admins,dc=example")
    return RoleGroup(role, as_dn(group, "--role"))
