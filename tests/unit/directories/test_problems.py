"""What is wrong with settings, told without looking anywhere."""

import sys
from typing import Any

import msgspec
import pytest

from reconcile.directories.connection import bind
from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from tests.servers.sources import PERSONS, source

URL = "ldap://127.0.0.1"


def users(filter_: str | None = None, base: str = "") -> desired.Users:
    return desired.Users(fields={}, filter=filter_, base=base)


@pytest.mark.parametrize(
    "url", [URL, "ldaps://ldap.example.com:1636/", "ldap://[::1]:389", " LDAP://Host "]
)
def test_nothing_is_wrong(url: str) -> None:
    settings = source(
        url, tls=desired.Tls(), type="active_directory", active_uac=(512,), require_signing=True
    )
    assert list(LdapDirectory.problems(settings)) == []


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"servers": ()}, ("servers",), "no server is named"),
        ({"servers": (URL, "http://x")}, ("servers", 1), "'http://x' is not ldap://HOST"),
        ({"servers": ("ldap1.example.com",)}, ("servers", 0), "is not ldap://HOST"),
        ({"servers": ("ldap://",)}, ("servers", 0), "is not ldap://HOST"),
        ({"servers": ("ldap://x:99999",)}, ("servers", 0), "Port out of range"),
        ({"servers": ("ldap://x/dc=example",)}, ("servers", 0), "is not ldap://HOST"),
        ({"servers": ("ldap://me:secret@x",)}, ("servers", 0), "names no user and no password"),
        ({"servers": ("ldaps://x",)}, ("servers", 0), "tls.mode is none"),
        ({"tls": desired.Tls(mode="ldaps")}, ("servers", 0), "write ldaps://"),
        (
            {"bind": desired.Bind()},
            ("bind",),
            "neither dn and password, nor anonymous: true, nor kerberos",
        ),
        ({"bind": desired.Bind(dn="cn=x", anonymous=True)}, ("bind",), "but also dn or password"),
        (
            {"bind": desired.Bind(dn="cn=x", kerberos=True)},
            ("bind",),
            "but also dn, password or anonymous: true",
        ),
        (
            {"bind": desired.Bind(kerberos=True, anonymous=True)},
            ("bind",),
            "but also dn, password or anonymous: true",
        ),
        (
            {"bind": desired.Bind(anonymous=True, principal="a")},
            ("bind", "principal"),
            "only a bind with kerberos: true",
        ),
        (
            {"require_signing": True},
            ("require_signing",),
            "tls.mode is none: set starttls or ldaps",
        ),
        ({"active_uac": (512,)}, ("active_uac",), "only a source of type active_directory"),
        ({"page_size": -1}, ("page_size",), "between 0 (read without pages) and 2147483647"),
        ({"ignore_referrals": ("child",)}, ("ignore_referrals", 0), "not a distinguished name"),
        (
            {"ignore_referrals": ("dc=a,dc=org",)},
            ("ignore_referrals", 0),
            "is not below base_dn, dc=example,dc=com",
        ),
        (
            {"ignore_referrals": ("dc=Example, dc=com",)},
            ("ignore_referrals", 0),
            "is not below base_dn",
        ),
        ({"base_dn": "example.com"}, ("base_dn",), "not a distinguished name"),
        ({"users": users(base="people")}, ("users", "base"), "not a distinguished name"),
        (
            {"users": users("(uid=x")},
            ("users", "filter"),
            "this parenthesis is not closed\n    (uid=x\n    ^",
        ),
        ({"groups": desired.Groups(filter="x")}, ("groups", "filter"), "is not a filter"),
        ({"departments": desired.Units(filter="x")}, ("departments", "filter"), "is not a filter"),
    ],
)
def test_what_is_wrong(changes: dict[str, Any], path: tuple[str | int, ...], message: str) -> None:
    ((found, text),) = LdapDirectory.problems(msgspec.structs.replace(source(URL), **changes))
    assert found == path
    assert message in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("url", "tls", "port"),
    [
        ("ldap://dc1.example.test:3268", "starttls", "389"),
        ("ldaps://dc1.example.test:3269", "ldaps", "636"),
    ],
)
def test_the_global_catalog_holds_too_little_of_everybody(url: str, tls: Any, port: str) -> None:
    settings = source(URL.replace("ldap", url.partition(":")[0]), url, tls=desired.Tls(mode=tls))
    assert list(LdapDirectory.problems(settings)) == [], "a port like any other on any other server"
    ((path, message),) = LdapDirectory.problems(
        msgspec.structs.replace(settings, type="active_directory")
    )
    assert path == ("servers", 1)
    assert "is the global catalog's" in message
    assert message.endswith(f"use {port}")


def test_kerberos_where_gssapi_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind, "find_spec", lambda name: None)
    settings = source(URL, bind=desired.Bind(kerberos=True))
    ((path, message),) = LdapDirectory.problems(settings)
    assert path == ("bind", "kerberos")
    assert 'pip install "reconcile-identity[kerberos]"' in message
    with pytest.raises(SourceUnreadable, match=r"corp has bind\.kerberos: true, but gssapi is not"):
        LdapDirectory(settings).read(PERSONS)


def test_kerberos_where_gssapi_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind, "find_spec", lambda name: True)
    monkeypatch.delitem(sys.modules, "reconcile.directories.connection.kerberos", raising=False)
    monkeypatch.setitem(sys.modules, "gssapi", None)
    with pytest.raises(SourceUnreadable, match="gssapi cannot be imported: "):
        LdapDirectory(source(URL, bind=desired.Bind(kerberos=True))).read(PERSONS)


def test_signing_is_what_kerberos_does_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind, "find_spec", lambda name: True)
    settings = source(
        URL, bind=desired.Bind(kerberos=True, principal="reader@EXAMPLE.TEST"), require_signing=True
    )
    assert list(LdapDirectory.problems(settings)) == []


def test_ldif_needs_files_and_no_server() -> None:
    assert list(LdifDirectory.problems(source(type="ldif", files=("a.ldif",)))) == []
    assert list(LdifDirectory.problems(source(type="ldif"))) == [(("files",), "no file is named")]
    (fault,) = LdifDirectory.problems(source(type="ldif", files=("a.ldif", "b\0")))
    assert fault[0] == ("files", 1)


def test_rules_of_a_server_are_refused_where_there_is_none() -> None:
    inside = "(memberOf:1.2.840.113556.1.4.1941:=cn=x)"
    ((path, message),) = MemoryDirectory.problems(source(users=users(inside)))
    assert path == ("users", "filter")
    assert "extensible match" in message
    ((path, message),) = MemoryDirectory.problems(source(users=users("(x")))
    assert "is not a filter" in message
    assert list(LdapDirectory.problems(source(URL, users=users(inside)))) == []
