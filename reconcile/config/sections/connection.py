"""How a source reaches its directory: servers, TLS and bind, or files."""

import re
from typing import Final

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import Values, mapping, text, texts
from reconcile.config.yaml.nodes import Path, shortened

_LDAP: Final = frozenset(("openldap", "active_directory", "389ds", "freeipa", "ldap"))
OF_SERVERS: Final = (
    "servers",
    "tls",
    "bind",
    "page_size",
    "timeout",
    "require_signing",
    "ignore_referrals",
)
"""The keys of a source that a source of files has not."""

_HOST = r"(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_.])?)"
_SERVER = re.compile(rf"(ldaps?)://{_HOST}(?::([0-9]{{1,5}}))?/?", re.IGNORECASE)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST: Final = 24 * 3600.0
_SIZES: Final = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_LONGEST_REFUSAL: Final = 60.0


def seconds(duration: str | float) -> float:
    """A duration of the file (`500ms`, `10s`, `2m`, `1h` or a number of seconds) in seconds."""
    if not isinstance(duration, str):
        return float(duration)
    number = duration.rstrip("hms")
    return float(number) * _UNITS[duration[len(number) :]]


def amount(value: str | float) -> int:
    """A number of the file, or a size (`64KiB`, `128MiB`, `4GiB`) in bytes."""
    if not isinstance(value, str):
        return int(value)
    return int(value[:-3]) * _SIZES[value[-3:]]


def default_tls(servers: list[str]) -> str:
    """The TLS mode if the file gives none."""
    return "ldaps" if any(server.lower().startswith("ldaps:") for server in servers) else "starttls"


def has(kind: str, key: str) -> bool:
    """Whether a source of a type may have a key."""
    if kind == "ldif":
        return key not in (*OF_SERVERS, "active_uac")
    if kind == "active_directory":
        return key != "files"
    # Plug-ins check their own sources.
    return kind not in _LDAP or key not in ("files", "active_uac")


def check(source: Values, path: Path, findings: Findings) -> None:
    """Adds what is wrong with the connection to `findings`. Plug-ins check their own sources."""
    kind = text(source, "type")
    if kind == "ldif":
        _files(source, path, findings)
    elif kind in _LDAP:
        _of_servers(source, path, findings)
    if not has(kind, "active_uac"):
        message = "only a source of type active_directory has active_uac"
        findings.forbid(source, path, "active_uac", message)
    _timeouts(source, path, findings)


def _of_servers(source: Values, path: Path, findings: Findings) -> None:
    """A source with LDAP servers."""
    findings.require(source, path, "servers")
    findings.forbid(source, path, "files", "only a source of type ldif has files")
    _servers(source, path, findings)
    _bind(source, path, findings)


def _files(source: Values, path: Path, findings: Findings) -> None:
    """A source that is read from LDIF files."""
    findings.require(source, path, "files")
    for key in OF_SERVERS:
        message = "a source of type ldif is read from files: leave this key out"
        findings.forbid(source, path, key, message)


def _servers(source: Values, path: Path, findings: Findings) -> None:
    """Each server is a URL whose scheme fits the TLS mode; without a mode all have one scheme."""
    mode = text(mapping(source, "tls"), "mode")
    schemes = set()
    for index, server in texts(source, "servers"):
        scheme = _scheme(server)
        if not scheme:
            expected = "expected ldap://host[:port] or ldaps://host[:port]"
            findings.add((*path, "servers", index), f"{expected}, got {shortened(server)}")
            continue
        schemes.add(scheme)
        if message := _WRONG_MODE.get((scheme, mode)):
            findings.add((*path, "servers", index), message)
    if not mode and len(schemes) > 1:
        message = "ldap:// and ldaps:// servers in one source: use one of the two"
        findings.add((*path, "servers"), message)


def _scheme(server: str) -> str:
    """`ldap` or `ldaps`; "" for what is no URL of a server."""
    match = _SERVER.fullmatch(server)
    if match is None or int(match[2] or 1) not in range(1, 65536):
        return ""
    return match[1].lower()


_WRONG_MODE: Final = {
    ("ldaps", "starttls"): "ldaps:// cannot be used with tls.mode: starttls: "
    "write ldap://, or mode: ldaps",
    ("ldaps", "none"): "ldaps:// cannot be used with tls.mode: none: write ldap://, or mode: ldaps",
    ("ldap", "ldaps"): "ldap:// cannot be used with tls.mode: ldaps: "
    "write ldaps://, or mode: starttls",
}
"""By the scheme of a server and the TLS mode."""


def _bind(source: Values, path: Path, findings: Findings) -> None:
    """A bind is by exactly one of: Kerberos, anonymous, DN and password."""
    findings.require(source, path, "bind")
    bind, here = source.get("bind"), (*path, "bind")
    if not isinstance(bind, dict):
        return
    anonymous, kerberos = bind.get("anonymous") is True, bind.get("kerberos") is True
    named = not bind.keys().isdisjoint(("dn", "password"))
    if not kerberos:
        message = "only a bind with kerberos: true has a principal"
        findings.forbid(bind, here, "principal", message)
    if kerberos and (anonymous or named):
        message = "kerberos cannot be used with dn, password or anonymous: leave one of them out"
        findings.add((*here, "kerberos"), message)
    elif anonymous and named:
        message = "anonymous cannot be used with dn and password: leave one of them out"
        findings.add((*here, "anonymous"), message)
    elif not kerberos and not anonymous:
        _named_bind(bind, here, findings)


def _named_bind(bind: Values, here: Path, findings: Findings) -> None:
    """A bind by DN and password has to have both."""
    if bind.keys().isdisjoint(("dn", "password")):
        findings.add(here, "give dn and password, or anonymous: true, or kerberos: true")
    elif "password" not in bind:
        message = "dn without password is an anonymous bind to most servers"
        findings.add(here, f"{message}: give the password as well")
    else:
        findings.require(bind, here, "dn")


def _timeouts(source: Values, path: Path, findings: Findings) -> None:
    """Durations are within bounds; those that the schema refuses are skipped."""
    for key, value in mapping(source, "timeout").items():
        length = _sound_seconds(value, (*path, "timeout", key), findings)
        if length is not None and not 0.001 <= length <= _LONGEST:
            findings.add((*path, "timeout", key), "expected a duration from 1ms to 24h")
    here = (*path, "refuse_login_after")
    length = _sound_seconds(source.get("refuse_login_after"), here, findings)
    if length is not None and length > _LONGEST_REFUSAL:
        findings.add(here, "expected a duration of at most 1m")


def _sound_seconds(value: object, here: Path, findings: Findings) -> float | None:
    """The length of a duration; None for what is none."""
    if not isinstance(value, str | int | float) or findings.touch(here):
        return None
    return seconds(value)
