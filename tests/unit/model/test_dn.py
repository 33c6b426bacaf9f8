"""Distinguished names: one spelling for all spellings, and nothing else is a DN."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model.text import dn

SAME = [
    ("UID=Jdoe, OU=People,dc=Example,dc=COM", "uid=jdoe,ou=people,dc=example,dc=com"),
    ("uid=John  Doe ,  ou=x", "uid=john doe,ou=x"),
    ("cn=Doe\\, John,ou=x", "cn=doe\\2c john,ou=x"),
    ('cn="Doe, John" ,ou=x', "cn=doe\\2c john,ou=x"),
    ("cn=Doe\\2C John+sn=A,ou=x", "cn=doe\\2c john+sn=a,ou=x"),
    ("sn=A + cn=Doe\\2c John,ou=x", "cn=doe\\2c john+sn=a,ou=x"),
    ("cn=J\\c3\\bcrgen", "cn=jürgen"),
    ("CN=JÜRGEN", "cn=jÜrgen"),
    ("cn=Ju\u0308rgen", "cn=ju\u0308rgen"),
    ("cn=Straße", "cn=straße"),
    ("userid=A,organizationalUnitName=B,domainComponent=C", "uid=a,ou=b,dc=c"),
    ("0.9.2342.19200300.100.1.3=A,2.5.4.4=B,SurName=C", "mail=a,sn=b,sn=c"),
    ("commonName=b+CN=a", "cn=a+cn=b"),
    ("hr_number=18,OU=People", "hr_number=18,ou=people"),
    ("cn=a = b,ou=c", "cn=a \\3d b,ou=c"),
    ("2.5.4.3=x,OID.2.5.4.11=y", "cn=x,ou=y"),
    ("cn=\\#x", "cn=\\23x"),
    ("cn=#04024869", "cn=\\2304024869"),
    ("cn=x\\ ,ou=y", "cn=x\\20,ou=y"),
    ('cn=" x"', "cn=\\20x"),
    ("cn=a;ou=b", "cn=a,ou=b"),
    ("cn=a\tb", "cn=a\tb"),
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
    assert dn.key(text) == text, "it names an entry to the letter"


def test_what_is_no_dn_is_known_by_its_first_rdn_to_the_letter() -> None:
    key = dn.key('Odd"One,OU=People, DC=Example')
    assert key == 'Odd"One,ou=people,dc=example'
    assert dn.is_below(key, dn.key("ou=people,dc=example"))
    assert dn.key('odd"One,ou=people,dc=example') != key
    assert dn.wide(key, "compatibility") == key


@given(st.text(alphabet='aA =,+\\"x;é', max_size=12), st.text(alphabet='aA =,+\\"x;é', max_size=12))
def test_a_text_that_is_no_dn_never_names_the_entry_of_one_that_is(one: str, other: str) -> None:
    with suppress(ValueError):
        normal = dn.normalize(one)
        try:
            dn.normalize(other)
        except ValueError:
            assert dn.key(other) != normal


CASE = [
    ("CN=ÄRZTE", "cn=ärzte"),
    ("cn=Ωμεγα", "cn=ωμεγα"),
    ("cn=ИВАН", "cn=иван"),
    ("cn=ＡＢ", "cn=ａｂ"),
    ("cn=x\\ ", "cn=x"),
]
COMPATIBLE = [
    ("cn=ＡＢ", "cn=ab"),
    ("cn=m²", "cn=m2"),
    ("cn=Rene\u0301", "cn=René"),
    ("cn=ﬁsch", "cn=fisch"),
    ("cn=\u212aa", "cn=ka"),
]
DIFFERENT = [
    ("cn=Groß", "cn=Gross"),
    ("cn=Νίκος", "cn=Νίκοσ"),
    ("cn=İpek", "cn=i\u0307pek"),
    ("cn=ısi", "cn=isi"),
    ("cn=é", "cn=e"),
]


@pytest.mark.parametrize(("one", "other"), CASE + COMPATIBLE + DIFFERENT)
def test_what_only_some_servers_fold_is_no_matter_of_the_key(one: str, other: str) -> None:
    one, other = dn.normalize(one), dn.normalize(other)
    assert one != other
    assert (dn.wide(one, "case") == dn.wide(other, "case")) is ((one, other) in _keys(CASE))
    compatible = dn.wide(one, "compatibility") == dn.wide(other, "compatibility")
    assert compatible is ((one, other) in _keys(CASE + COMPATIBLE))


def _keys(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(dn.normalize(one), dn.normalize(other)) for one, other in pairs]


@given(st.text(max_size=12))
def test_a_wide_name_is_a_name_and_its_own_wide_name(value: str) -> None:
    normal = dn.normalize(
        "cn=" + "".join(f"\\{byte:02x}" for byte in value.encode("utf-8", "replace")) + ",ou=X"
    )
    for folding in ("case", "compatibility"):
        wide = dn.wide(normal, folding)
        assert wide.endswith(",ou=x")
        assert dn.parse(wide)
        assert wide.count(",") == 1


@pytest.mark.parametrize(
    "text",
    [" " * 200_000 + "x", "cn=" + "a " * 100_000, "cn=" + " " * 200_000 + "x", '"' * 200_000],
)
def test_a_hostile_name_takes_no_longer_than_its_length(text: str) -> None:
    started = time.process_time()
    dn.wide(dn.key(text), "compatibility")
    dn.rdn(text)
    assert time.process_time() - started < 2


@given(
    st.lists(
        st.tuples(st.sampled_from(["cn", "OU", "dc"]), st.text(min_size=1, max_size=8)),
        min_size=1,
        max_size=4,
    )
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
    assert dn.join("ou=x,o=ÄRZTE", "o=A\u0308rzte") == "ou=x,o=ÄRZTE"
    assert dn.join("ou=x", "") == "ou=x"


def test_the_domain_of_a_base() -> None:
    assert dn.domain("ou=x,DC=Example,dc=com") == "Example.com"
    assert dn.domain("o=acme") == ""


def test_another_notation_of_the_same_name_is_no_change() -> None:
    assert dn.respelt("cn=a\\, b,ou=x", "cn=a\\2C b, ou=x") == "cn=a\\, b,ou=x"
    assert dn.respelt("cn=a,ou=x", "cn=A,ou=x") == "cn=A,ou=x", "case is a change"
    assert dn.respelt("not a dn", "cn=a") == "cn=a"
    assert dn.respelt("", "cn=a") == "cn=a"
