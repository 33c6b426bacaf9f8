"""Active Directory and 389 Directory Server on a bad day: exit 7, a message that says what to do, nothing touched."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ber, ds389, samba
from tests.servers.certificates import Authority
from tests.servers.forking import Execute
from tests.servers.proxy import HOSTILE, proxy
from tests.servers.site import Site
from tests.servers.slapd import PASSWORD, SUFFIX
from tests.servers.sources import ldif, people
from tests.servers.stand_in import ended, stand_in, success

pytestmark = pytest.mark.server

READER = f"uid=p0,ou=people,{SUFFIX}"
BLIND = f"uid=p1,ou=people,{SUFFIX}"
RIGHTS = (
    f'(targetattr="*")(version 3.0; acl "reader"; allow (read, search) userdn="ldap:///{READER}";)'
)
USERS = f"OU=People,{samba.SUFFIX}"


@pytest.fixture(scope="module")
def ds(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[ds389.Ds389]:
    """Ten persons, two with a password: one may read six entries, the other none. TLS for 127.0.0.1."""
    entries: dict[str, Any] = people(10)
    entries[SUFFIX] = entries[SUFFIX] | {"objectClass": ["domain"], "aci": [RIGHTS]}
    del entries[SUFFIX]["o"]
    entries[READER] |= {"userPassword": [PASSWORD], "nsSizeLimit": ["6"], "nsPagedSizeLimit": ["6"]}
    entries[BLIND] |= {"userPassword": [PASSWORD]}
    certificate = authority.issue("ds", [], ["127.0.0.1"])
    with ds389.ds389(
        tmp_path_factory.mktemp("ds389"), ldif(entries), certificate=certificate
    ) as running:
        yield running


@pytest.fixture
def ds_site(tmp_path: Path, ds: ds389.Ds389, quick: Execute) -> tuple[Site, Callable[..., None]]:
    """A platform filled once, and how to say what the source is."""
    site = Site(tmp_path, execute=quick)

    def desired(url: str = ds.url, **changes: Any) -> None:
        bind = {"dn": ds.admin, "password": "{{ env('CORP_PASSWORD') }}"}
        site.desired(url, **({"type": "389ds", "bind": bind} | changes))

    desired()
    site.run("apply", "--yes")
    return site, desired


def bound(dn: str) -> dict[str, Any]:
    return {"dn": dn, "password": "{{ env('CORP_PASSWORD') }}"}


def test_389_cut_between_pages(ds: ds389.Ds389, ds_site: Any) -> None:
    site, desired = ds_site
    with proxy(ds.port, after_dones=2) as through:
        desired(through.url)
        site.refuses(
            "the connection broke", "after 3 entries", "after 3 attempts", "add another server"
        )


def test_389_size_limit(ds_site: Any) -> None:
    site, desired = ds_site
    desired(bind=bound(READER), page_size=0)
    site.refuses("sizeLimitExceeded", f"Ask for a larger size limit for {READER}", "set page_size")


def test_389_time_limit(ds_site: Any) -> None:
    site, desired = ds_site
    with stand_in([success(ber.entry(SUFFIX, {})), ended(3, "took too long")]) as url:
        desired(url)
        site.refuses("timeLimitExceeded", "Ask for a larger time limit")


def test_389_hides_everything_from_who_may_not_read(ds_site: Any) -> None:
    site, desired = ds_site
    for bind in (bound(BLIND), {"anonymous": True}):
        desired(bind=bind)
        site.refuses(f"the base DN {SUFFIX} cannot be seen", "Ask for the right to read it")


def test_389_without_the_base(ds_site: Any) -> None:
    site, desired = ds_site
    desired(users={"create": "all", "base": "ou=gone"})
    site.refuses(f"the base DN ou=gone,{SUFFIX} does not exist", "Correct the base")


def test_389_with_another_name_in_its_certificate(authority: Authority, ds_site: Any) -> None:
    site, desired = ds_site
    tls = {"mode": "starttls", "ca_file": str(authority.file)}
    desired(tls=tls)
    site.run("plan", "--check")
    desired(tls=tls | {"server_name": "ldap.example.com"})
    site.refuses("certificate is refused", "set tls.server_name")


def test_389_with_a_certificate_of_yesterday(
    tmp_path: Path, authority: Authority, ds_site: Any
) -> None:
    site, desired = ds_site
    expired = authority.issue("yesterday", [], ["127.0.0.1"], days=-1)
    with ds389.ds389(tmp_path / "expired", ldif(people(1)), certificate=expired) as running:
        for url, mode in ((running.url, "starttls"), (running.ldaps_url, "ldaps")):
            desired(url, tls={"mode": mode, "ca_file": str(authority.file)})
            site.refuses("certificate has expired", "it has to be renewed on the server")


def test_389_without_start_tls(tmp_path: Path, ds_site: Any) -> None:
    site, desired = ds_site
    with ds389.ds389(tmp_path / "clear", ldif(people(1))) as running:
        desired(running.url, tls={"mode": "starttls"})
        site.refuses("StartTLS failed", "nothing was sent in clear text")


def test_389_over_ldaps(ds: ds389.Ds389, authority: Authority, ds_site: Any) -> None:
    site, desired = ds_site
    desired(
        ds.ldaps_url, tls={"mode": "ldaps", "ca_file": str(authority.file)}, require_signing=True
    )
    site.run("plan", "--check")


HURRIED = {"connect": "2s", "read": "1s", "total": "30s"}
PLACES = (10, 1000, 2000)
"""Bytes from the server: in the handshake, in the bind or the first look, in the encrypted
pages."""


def refused_behind(site: Site, count: int) -> None:
    """Exit code 7 within seconds, and for a reason that names what was met."""
    begun = time.monotonic()
    _, err = site.run("plan", code=7)
    assert any(word in err for word in ("broke", "TLS", "no answer within", "not LDAP")), (
        count,
        err,
    )
    assert "fault of reconcile" not in err
    assert time.monotonic() - begun < 25


@pytest.mark.parametrize("then", HOSTILE)
def test_389_behind_a_hostile_way(
    ds: ds389.Ds389, authority: Authority, ds_site: Any, then: str
) -> None:
    site, desired = ds_site
    for count in PLACES:
        with proxy(ds.port, after_bytes=count, then=HOSTILE[then]) as between:
            desired(
                between.url,
                tls={"mode": "starttls", "ca_file": str(authority.file)},
                timeout=HURRIED,
            )
            refused_behind(site, count)


@pytest.fixture(scope="module")
def ad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[samba.Samba]:
    """Ten persons; a certificate of its own making; simple binds over TLS alone, as Samba and Windows want it."""
    steps: list[list[Any]] = [["add", USERS, {"objectClass": "organizationalUnit"}]]
    for number in range(10):
        values = {
            "objectClass": "user",
            "sAMAccountName": f"p{number}",
            "userAccountControl": "544",
        }
        steps.append(["add", f"CN=p{number},{USERS}", values])
    for name in ("off", "over"):
        values = {"objectClass": "user", "sAMAccountName": name}
        steps += [["add", f"CN={name},{samba.SUFFIX}", values], ["password", name, samba.PASSWORD]]
    steps.append(["modify", f"CN=off,{samba.SUFFIX}", {"userAccountControl": ["514"]}])
    ended = {"userAccountControl": ["512"], "accountExpires": ["133444736000000000"]}
    steps.append(["modify", f"CN=over,{samba.SUFFIX}", ended])
    with samba.samba(tmp_path_factory.mktemp("ad"), steps, strong="yes") as running:
        yield running


@pytest.fixture
def ad_site(tmp_path: Path, ad: samba.Samba, quick: Execute) -> tuple[Site, Callable[..., None]]:
    """A platform filled once over StartTLS, and how to say what the source is."""
    site = Site(tmp_path, ad.password, quick)
    own = {
        "mode": "starttls",
        "ca_file": str(ad.folder / "private/tls/ca.pem"),
        "server_name": "dc1.example.test",
    }

    def desired(url: str = ad.url, **changes: Any) -> None:
        rules = {
            "type": "active_directory",
            "base_dn": samba.SUFFIX,
            "bind": bound(ad.admin),
            "tls": own,
        }
        users = {"create": "all", "base": "OU=People"}
        site.desired(url, **({"users": users} | rules | changes))

    desired()
    site.run("apply", "--yes")
    return site, desired


def test_ad_over_start_tls_with_its_own_certificate(ad_site: Any) -> None:
    site, desired = ad_site
    site.run("plan", "--check")
    desired(require_signing=True)
    site.run("plan", "--check")


def test_ad_over_ldaps_with_its_own_certificate(ad: samba.Samba, ad_site: Any) -> None:
    site, desired = ad_site
    own = {"ca_file": str(ad.folder / "private/tls/ca.pem"), "server_name": "dc1.example.test"}
    desired(ad.ldaps_url, tls={"mode": "ldaps"} | own, require_signing=True)
    site.run("plan", "--check")


def test_ad_on_the_other_port(ad: samba.Samba, ad_site: Any) -> None:
    site, desired = ad_site
    tls = {"ca_file": str(ad.folder / "private/tls/ca.pem"), "server_name": "dc1.example.test"}
    for mode in ("starttls", "none"):
        desired(f"{ad.url}:636", tls=tls | {"mode": mode})
        site.refuses("port 636 usually is for LDAPS: write ldaps://")
    desired(f"{ad.ldaps_url}:389", tls={"mode": "ldaps", "verify": "none"})
    site.refuses("port 389 usually is for StartTLS: write ldap://, with tls.mode: starttls")


def test_ad_refuses_a_simple_bind_in_clear_text(ad_site: Any) -> None:
    site, desired = ad_site
    desired(tls={"mode": "none"})
    site.refuses(
        "strongerAuthRequired", "The server requires TLS: set tls.mode to starttls or ldaps"
    )


def test_ad_with_a_certificate_that_is_not_trusted(ad_site: Any) -> None:
    site, desired = ad_site
    desired(tls={"mode": "starttls"})
    site.refuses("certificate is refused", "set tls.ca_file")


def test_ad_with_another_name_in_its_certificate(ad: samba.Samba, ad_site: Any) -> None:
    site, desired = ad_site
    desired(tls={"mode": "starttls", "ca_file": str(ad.folder / "private/tls/ca.pem")})
    site.refuses("certificate is refused", "set tls.server_name")


def test_ad_without_the_base(ad_site: Any) -> None:
    site, desired = ad_site
    desired(users={"create": "all", "base": "OU=Gone"})
    site.refuses(f"the base DN OU=Gone,{samba.SUFFIX} does not exist", "Correct the base")


def test_ad_of_another_domain_is_a_referral(ad_site: Any) -> None:
    site, desired = ad_site
    done = ber.result(code=10, referrals=["ldap://child.example.test/DC=child,DC=example,DC=test"])
    with stand_in([lambda number: ber.message(number, done)]) as url:
        desired(
            url,
            tls={"mode": "none"},
            base_dn="DC=child,DC=example,DC=test",
            users={"create": "all"},
        )
        site.refuses("result 10 (referral)", "ldap://child.example.test", "Make that one a source")


def test_ad_with_a_wrong_password(ad_site: Any) -> None:
    site, _ = ad_site
    site.refuses("invalidCredentials", "The DN or the password is wrong", password="wrong")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("off", "The account is disabled."),
        ("over", "The account has expired."),
        ("nobody", "The DN or"),
    ],
)
def test_ad_says_what_is_wrong_with_the_account_that_reads(
    ad_site: Any, name: str, why: str
) -> None:
    site, desired = ad_site
    desired(bind=bound(f"{name}@example.test"))
    site.refuses("invalidCredentials", why, "No other server is asked")


@pytest.fixture(scope="module")
def certified(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[samba.Samba]:
    """One person, clear text allowed, a certificate of yesterday."""
    expired = authority.issue("ad-yesterday", ["dc1.example.test"], [], days=-1)
    steps = [["add", USERS, {"objectClass": "organizationalUnit"}]]
    values = {"objectClass": "user", "sAMAccountName": "p0", "userAccountControl": "544"}
    steps += [
        ["add", f"CN=p{number},{USERS}", values | {"sAMAccountName": f"p{number}"}]
        for number in range(10)
    ]
    with samba.samba(tmp_path_factory.mktemp("certified"), steps, certificate=expired) as running:
        yield running


def test_ad_with_a_certificate_of_yesterday(
    certified: samba.Samba, authority: Authority, ad_site: Any
) -> None:
    site, desired = ad_site
    tls = {"mode": "starttls", "ca_file": str(authority.file), "server_name": "dc1.example.test"}
    desired(certified.url, tls=tls)
    site.refuses("certificate has expired", "it has to be renewed on the server")


def test_ad_cut_between_pages(certified: samba.Samba, ad_site: Any) -> None:
    site, desired = ad_site
    with proxy(certified.port, after_dones=2, host=certified.address) as through:
        desired(through.url, tls={"mode": "none"})
        site.refuses(
            "the connection broke", "after 3 entries", "after 3 attempts", "add another server"
        )


@pytest.mark.parametrize("then", HOSTILE)
def test_ad_behind_a_hostile_way(ad: samba.Samba, ad_site: Any, then: str) -> None:
    site, desired = ad_site
    for count in PLACES:
        with proxy(ad.port, after_bytes=count, then=HOSTILE[then], host=ad.address) as between:
            desired(between.url, timeout=HURRIED)
            refused_behind(site, count)


def test_ad_with_a_group_that_ends_half_way(ad_site: Any) -> None:
    site, desired = ad_site
    base, end = ber.entry(samba.SUFFIX, {}), ber.page_control(b"")
    members = [f"CN=p{number},{USERS}" for number in range(1500)]
    group = ber.entry(
        f"CN=all,{samba.SUFFIX}", {"cn": ["all"], "member": [], "member;range=0-1499": members}
    )
    answers = [success(base), success(controls=end), *[success(group, controls=end)] * 2, success()]
    with stand_in(answers) as url:
        desired(url, tls={"mode": "none"}, users={"create": "all"})
        site.add(groups=[{"source": "corp", "select": ["cn=all"]}])
        site.refuses(
            f"the attribute member of CN=all,{samba.SUFFIX}",
            "from 1500 on were not given",
            "MaxValRange",
        )
