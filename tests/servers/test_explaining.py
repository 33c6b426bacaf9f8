"""`reconcile explain` where a directory server answers: OpenLDAP, and Active Directory's ways into a group."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.servers.samba import PASSWORD as SAMBA_PASSWORD
from tests.servers.samba import SUFFIX as DOMAIN
from tests.servers.samba import samba
from tests.servers.site import Site
from tests.servers.slapd import SUFFIX, Slapd

pytestmark = pytest.mark.server


def test_who_is_found_and_who_is_not(tmp_path: Path, server: Slapd) -> None:
    site = Site(tmp_path)
    site.desired(
        server.url, users={"create": "all", "filter": "(&(objectClass=inetOrgPerson)(!(uid=p3)))"}
    )
    out, err = site.run("explain", "P2@example.com", "-v")
    assert out.startswith("p2: the next apply creates the user\n")
    assert err.count("ldapsearch -x") == 2
    assert "(mail=P2@example.com)" not in err, "who is found is not looked for again"
    for name in ("p3", "p3@example.com", f"uid=p3,ou=people,{SUFFIX}"):
        out, err = site.run("explain", name, "-v")
        assert f"corp: uid=p3,ou=people,{SUFFIX} is there" in out
        assert (
            "but users.filter: (&(objectClass=inetOrgPerson)(!(uid=p3))) does not match it" in out
        )
        assert "(&(objectClass=*)(|(uid=" in err
    site.desired(server.url, users={"create": "all", "base": "ou=people", "filter": "(uid=p1)"})
    assert site.run("explain", "people", code=1)[0].startswith("people was not found")
    out, _ = site.run("explain", "*)(uid=*", code=1)
    assert out.startswith("*)(uid=* was not found")


def test_a_user_whose_entry_the_rules_no_longer_find(tmp_path: Path, server: Slapd) -> None:
    site = Site(tmp_path)
    site.desired(server.url)
    site.run("apply", "--yes")
    site.desired(
        server.url, users={"create": "all", "filter": "(&(objectClass=inetOrgPerson)(!(uid=p4)))"}
    )
    (found,) = json.loads(site.run("explain", "p4", "--format", "json")[0])["people"]
    assert (found["in_directory"], found["dn"]) == (False, f"uid=p4,ou=people,{SUFFIX}")
    assert found["matched"] == ["username on the platform", "login"]
    (standing,) = found["workspaces"]
    assert (standing["code"], standing["user"]["status"]) == ("out_of_scope", "active")
    assert [change["action"] for change in standing["changes"]] == ["deactivate"]


def account(login: str, **more: str) -> list[Any]:
    values = {
        "objectClass": "user",
        "sAMAccountName": login,
        "userAccountControl": "544",
        "sn": login,
    }
    return ["add", f"CN={login},CN=Users,{DOMAIN}", values | more]


def group(name: str, above: str, *members: str) -> list[list[Any]]:
    dn = f"CN={name},{above}"
    made = [["add", dn, {"objectClass": "group", "sAMAccountName": name}]]
    return [*made, ["modify", dn, {"member": list(members)}]] if members else made


def test_the_ways_into_groups_of_active_directory(tmp_path: Path) -> None:
    teams, hidden = f"OU=Teams,{DOMAIN}", f"OU=Hidden,{DOMAIN}"
    steps = [["add", dn, {"objectClass": "organizationalUnit"}] for dn in (teams, hidden)]
    steps += [
        account("ann", userPrincipalName="ann@login.test"),
        account("bob", userAccountControl="546"),
    ]
    steps += group("deep", hidden, f"CN=ann,CN=Users,{DOMAIN}")
    steps += group("inner", teams, f"CN=ann,CN=Users,{DOMAIN}")
    steps += group("outer", teams, f"CN=inner,{teams}")
    steps += group("chain", teams, f"CN=deep,{hidden}")
    steps += group("everybody", teams, f"CN=Domain Users,CN=Users,{DOMAIN}")
    site = Site(tmp_path, SAMBA_PASSWORD)
    with samba(tmp_path, steps) as server:
        source = {
            "name": "ad",
            "type": "active_directory",
            "servers": [server.url],
            "tls": {"mode": "none"},
            "bind": {"dn": server.admin, "password": "{{ env('CORP_PASSWORD') }}"},
            "base_dn": DOMAIN,
            "users": {"create": "all"},
        }
        mirrored = [{"source": "ad", "select": ["outer", "chain", "everybody", "Domain Users"]}]
        site.write(source, groups=mirrored)
        (ann,) = json.loads(site.run("explain", "ANN@login.test", "--format", "json")[0])["people"]
        assert ann["matched"] == ["userPrincipalName"]
        found = {
            one["dn"].partition(",")[0]: (one["why"], len(one["path"]))
            for one in ann["groups"]
            if one["selected"]
        }
        assert found == {
            "CN=Domain Users": ("it is the primary group", 1),
            "CN=everybody": ("it is the primary group", 2),
            "CN=outer": ("listed as a member", 2),
            "CN=chain": ("listed as a member", 2),
        }
        out, _ = site.run("explain", "bob")
        assert "no   directory" in out
        assert "userAccountControl 546 has the flag ACCOUNTDISABLE" in out
        # What the rules on groups leave out is asked of the server.
        site.write(source | {"groups": {"base": "OU=Teams"}}, groups=mirrored)
        (ann,) = json.loads(site.run("explain", "ann", "--format", "json")[0])["people"]
        (chain,) = [one for one in ann["groups"] if one["dn"].startswith("CN=chain")]
        assert (chain["member"], chain["why"]) == (
            True,
            "through groups that the group rules do not find",
        )
