"""Distinguished names: one spelling for all spellings, and nothing else is a DN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model import dn

SAME = [
    ("UID=Jdoe, OU=People,dc=Example,dc=COM", "uid=jdoe,ou=people,dc=example,dc=com"),
    ("uid=John  Doe ,  ou=x", "uid=john doe,ou=x"),
    ("cn=Doe\\, John,ou=x", "cn=doe\\2c john,ou=x"),
    ('cn="Doe, John" ,ou=x', "cn=doe\\2c john,ou=x"),
    ("cn=Doe\\2C John+sn=A,ou=x", "cn=doe\\2c john+sn=a,ou=x"),
    ("sn=A + cn=Doe\\2c John,ou=x", "cn=doe\\2c john+sn=a,ou=x"),
    ("cn=J\\c3\\bcrgen", "cn=jürgen"),
    ("CN=JÜRGEN", "cn=jürgen"),
    ("cn=Ju\u0308rgen", "cn=jürgen"),
    ("cn=Straße", "cn=strasse"),
    ("cn=a = b,ou=c", "cn=a \\3d b,ou=c"),
    ("2.5.4.3=x,OID.2.5.4.11=y", "cn=x,ou=y"),
    ("cn=\\#x", "cn=\\23x"),
    ("cn=#04024869", "cn=\\2304024869"),
    ("cn=x\\ ,ou=y", "cn=x,ou=y"),
    ("cn=a;ou=b", "cn=a,ou=b"),
    ("cn=a\tb", "cn=a b"),
    ("", ""),
    ("   ", ""),
]


@pytest.mark.parametrize(("written", "normal"), SAME)
def test_spellings_become_one(written: str, normal: str) -> None:
    assert dn.normalize(written) == normal
    assert dn.normalize(normal) == normal


@pytest.mark.parametrize(
    "text",
    [
        "foo",
        "cn=a,,b=c",
        "cn=a,",
        "=x",
        "cn",
        'cn="a',
        'cn=a"b',
        "cn=a\\",
        "cn=\\ff\\fe",
        "cn=a\\zz",
        'cn="a"b',
        "1x=a",
        ",",
    ],
)
def test_what_is_no_dn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a distinguished name"):
        dn.normalize(text)
    assert dn.key(text) == ""


@given(
    st.lists(st.tuples(st.sampled_from(["cn", "OU", "dc"]), st.text(min_size=1, max_size=8)), min_size=1, max_size=4)
)
def test_escaping_any_value_gives_its_name(pairs: list[tuple[str, str]]) -> None:
    pairs = [(name, value.encode("utf-8", "replace").decode()) for name, value in pairs]
    escaped = ["".join("\\" + format(byte, "02x") for byte in value.encode()) for _, value in pairs]
    every_byte = ",".join(f"{name}={text}" for (name, _), text in zip(pairs, escaped, strict=True))
    assert dn.parse(every_byte) == [[pair] for pair in pairs]
    normal = dn.normalize(every_byte)
    assert dn.normalize(normal) == normal
    assert normal.count(",") == len(pairs) - 1


@given(st.text(alphabet='aB1 -.@,=\\+"#;<>é\t', max_size=20))
def test_any_text_is_a_dn_or_refused(text: str) -> None:
    try:
        normal = dn.normalize(text)
    except ValueError:
        return
    assert dn.normalize(normal) == normal


def test_places_in_the_tree() -> None:
    name = dn.normalize("cn=Doe\\, John,ou=Sales,dc=example,dc=com")
    assert dn.parent(name) == "ou=sales,dc=example,dc=com"
    assert dn.parent("dc=com") == ""
    assert dn.is_below(name, "dc=example,dc=com")
    assert dn.is_below(name, name)
    assert dn.is_below(name, "")
    assert not dn.is_below("ou=resales,dc=com", "ou=sales,dc=com")


@pytest.mark.parametrize(
    ("name", "rdn"),
    [
        ("cn=Doe\\, John,ou=x", "cn=Doe\\, John"),
        ('cn="a,b",ou=x', 'cn="a,b"'),
        ("cn=x\\ ,ou=y", "cn=x\\ "),
        (" cn=a , b=c", "cn=a"),
    ],
)
def test_the_first_rdn_as_it_is_written(name: str, rdn: str) -> None:
    assert dn.rdn(name) == rdn


def test_joining_below_a_base() -> None:
    base = "dc=example,dc=com"
    assert dn.join("ou=people", base) == "ou=people,dc=example,dc=com"
    assert dn.join("OU=People, DC=Example,dc=com", base) == "OU=People, DC=Example,dc=com"
    assert dn.join("", base) == base
    assert dn.join("ou=x", "") == "ou=x"


def test_the_domain_of_a_base() -> None:
    assert dn.domain("ou=x,DC=Example,dc=com") == "Example.com"
    assert dn.domain("o=acme") == ""


def test_another_notation_of_the_same_name_is_no_change() -> None:
    assert dn.respelt("cn=a\\, b,ou=x", "cn=a\\2C b, ou=x") == "cn=a\\, b,ou=x"
    assert dn.respelt("cn=a,ou=x", "cn=A,ou=x") == "cn=A,ou=x", "case is a change"
    assert dn.respelt("not a dn", "cn=a") == "cn=a"
    assert dn.respelt("", "cn=a") == "cn=a"
