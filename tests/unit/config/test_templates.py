"""Templates over directory entries: what they read, what they give, and that both ways of rendering agree."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconcile.config.templates.config_templates import Refused
from reconcile.config.templates.entry_templates import Surroundings, compiled
from reconcile.errors import TemplateFailed
from reconcile.model.directory import Person

AROUND = Surroundings(
    "corp", "example.com", {"suffix": "x", "items": "i", "n": 1, "empty": "", "deep": {"a": "b"}}
)
ANN = {
    "mail": ("ann@example.com", "a@example.com"),
    "givenname": ("  Ann ",),
    "sn": ("Lee",),
    "x-y": ("odd",),
    "blank": ("",),
    "spaces": ("  ",),
    "memberof": ("cn=a", "", "cn=b"),
    "source": ("shadowed",),
    "number": ("12",),
    "big": ("x" * 70_000,),
    "padded": ("x" + " " * 70_000,),
}


def render(
    text, attributes=ANN, identifier="ann", dn="uid=ann,ou=People,dc=example,dc=com", *, short=True
):
    person = Person(dn, "", identifier, attributes)
    return compiled(text, AROUND, short=short).render(person, identifier)


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("constant", "constant"),
        ("  ", None),
        ("{{ '' }}", None),
        ("{{ mail }}", "ann@example.com"),
        ("{{ MAIL }}", "ann@example.com"),
        ("{{ givenName }}", "Ann"),
        ("{{ givenName }} {{ sn }}", "Ann  Lee"),
        ("{{ absent }}", None),
        ("{{ blank }}", None),
        ("{{ spaces }}", None),
        ("a {{ absent }} b", None),
        ("{{ absent | default(mail) }}", "ann@example.com"),
        ("{{ blank | default('none') }}", "none"),
        ("{{ absent | default(blank) | default(sn) }}", "Lee"),
        ("{{ absent | default(blank) }}", None),
        ("{{ absent | default('') }}", None),
        ("{{ absent | d(identifier) }}", "ann"),
        ("{{ absent | lower | default('x') }}", None),
        ("{{ absent | default(missing | lower) }}", None),
        ("{{ sn | lower }}", "lee"),
        ("{{ 'a/b@c:d %' | urlencode }}", "a%2Fb%40c%3Ad%20%25"),
        ("{{ absent | urlencode }}", None),
        ("{{ sn | upper ~ '-' ~ identifier }}", "LEE-ann"),
        ("{{ givenName | trim ~ absent }}", None),
        ("{{ absent ~ 'x' }}", None),
        ("{{ identifier }}@{{ domain }}", "ann@example.com"),
        ("{{ source }}/{{ attr['source'] }}", "corp/shadowed"),
        ("{{ dn }}", "uid=ann,ou=People,dc=example,dc=com"),
        ("{{ rdn }}", "uid=ann"),
        ("{{ attr['X-Y'] }}", "odd"),
        ("{{ attr['z-z'] | default('y') }}", "y"),
        ("{{ vars.suffix }}{{ vars.n }}{{ vars['items'] }}{{ vars.deep.a }}", "x1ib"),
        ("{{ vars.empty }}-", "-"),
        ("{{ values('memberOf') | join(';') }}", "cn=a;cn=b"),
        ("{{ values('none') | join(';') }}", None),
        ("{{ values('memberOf') | length }}", "2"),
        ("{% for v in values('memberOf') %}{{ v }}{{ loop.index }}{% endfor %}", "cn=a1cn=b2"),
        ("{% if absent is defined %}a{% else %}b{% endif %}", "b"),
        ("{% if mail is defined %}a{% endif %}", "a"),
        ("{% if absent %}a{% else %}b{% endif %}", None),
        ("{% if not absent %}a{% endif %}", None),
        ("{{ absent == 'x' }}", None),
        ("{{ absent.x }}", None),
        ("{{ absent | length }}", None),
        ("{{ mail if absent is defined }}", None),
        ("{{ none }}", None),
        ("{{ mail.split('@')[0] }}", "ann"),
        ("{{ mail.split('@') | last | replace('.com', '') }}", "example"),
        ("{{ 'aaa'.replace('a', 'b', 1) ~ ('aaa' | replace('a', 'b', 2)) }}", "baabba"),
        ("{{ '-'.join(['a', sn]) }}", "a-Lee"),
        ("{{ mail[:3] }}", "ann"),
        ("{% set first = sn[0] %}{{ first | lower }}{{ identifier }}", "lann"),
        ("{{ number | int + 1 }}", "13"),
        ("{{ '%05d' % (number | int) }}", "00012"),
        ("{{ '%s' | format(sn) }}", "Lee"),
        ("{{ mail == 'x' }}", "False"),
        ("{{ sn in ['Lee'] }}", "True"),
        ("{# comment #}", None),
        ("{{ range(3) | list }}", "[0, 1, 2]"),
        ("{{ {'a': sn}[absent | default('a')] }}", "Lee"),
        ("{% for a, b in {'x': 1}.items() %}{{ a }}{{ b }}{% endfor %}", "x1"),
    ],
)
def test_rendering(text, expected, short):
    assert render(text, short=short) == expected


@pytest.mark.parametrize("short", [True, False])
def test_what_is_not_there_supplies_nothing(short):
    assert render("{{ identifier }}@x", identifier="", short=short) is None
    assert render("{{ identifier | default('y') }}@x", identifier="", short=short) == "y@x"
    assert render("{{ dn }}{{ rdn }}", dn="", short=short) is None
    around = Surroundings("corp", "", {})
    assert compiled("{{ domain }}", around, short=short).render(Person("", "", "", {})) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ vars.nope }}", "'dict object' has no attribute 'nope'"),
        ("{{ sn + 1 }}", 'can only concatenate str (not "int") to str'),
        ("{{ sn | int(base=99) | float / 0 }}", "float division by zero"),
        ("{{ (sn | list)[99] }}", "list object has no element 99"),
        ("{{ sn.nope }}", "'str object' has no attribute 'nope'"),
        ("{{ sn.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ sn.format(1) }}", "access to attribute 'format' of 'str' object is unsafe."),
        ("{{ sn() }}", "'str' object is not callable"),
        ("{{ big }}", "the text is longer than 65536 characters"),
        ("{{ big ~ sn }}", "the text is longer than 65536 characters"),
        ("{{ big | lower }}", "the text is longer than 65536 characters"),
        ("{{ padded | trim }}", "the text is longer than 65536 characters"),
        ("{{ big[:2] }}", "the text is longer than 65536 characters"),
        ("{{ values('big') | length }}", "the text is longer than 65536 characters"),
        (
            "{% for i in range(999) %}{{ ' ' * 999 }}{% endfor %}",
            "the text is longer than 65536 characters",
        ),
        (
            "{% for i in range(999) %}{% for j in range(999) %}{% endfor %}{% endfor %}",
            "loops of more than 10000 rounds",
        ),
        ("{{ sn.index('" + "z" * 200 + "') }}", "substring not found"),
        ("{{ (sn ~ 'z' * 300).nope }}", "'str object' has no attribute 'nope'"),
        ("{{ vars['" + "z" * 200 + "'] }}", "'dict object' has no attribute '" + "z" * 88 + "…"),
        ("{{ '%c' % 55296 }}", "a lone surrogate is not a character"),
    ],
)
def test_any_other_failure_is_one(text, message):
    with pytest.raises(TemplateFailed) as caught:
        render(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("constant", ""),
        (
            "{{ identifier }}@{{ domain }} {{ source }} {{ dn }} {{ rdn }} {{ vars.x }} {{ range(2) }}",
            "",
        ),
        ("{{ givenName | default(SN | lower) }}", "givenname sn"),
        ("{{ values('memberOf') | map('upper') | join }}", "memberof"),
        ("{{ attr['X-Y'] }}", "x-y"),
        ("{% if a is defined and b == 'x' %}{{ c }}{% else %}{{ d[0] }}{% endif %}", "a b c d"),
        ("{% for x in values('y') %}{{ x ~ z }}{% endfor %}", "y z"),
        ("{% set q = mail %}{{ q }}{{ r }}", "mail r"),
        ("{{ {'k': one}[two] }}{{ three.upper() }}", "one two three"),
        ("{{ names | select('equalto', other) | list }}", "names other"),
        ("{# {{ comment }} #}{% raw %}{{ raw }}{% endraw %}", ""),
        ("{{ true }}{{ none }}{{ 'text' }}", ""),
        ("{% set mail = mail | default('x') %}{{ mail }}", "mail"),
    ],
)
def test_attributes_are_derived(text, attributes):
    assert compiled(text, AROUND).attributes == frozenset(attributes.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{{ values(x) }}",
            "values takes the name of one attribute, in quotes: values('memberOf')",
        ),
        ("{{ values }}", "values takes the name of one attribute, in quotes: values('memberOf')"),
        (
            "{{ values('a', *b) }}",
            "values takes the name of one attribute, in quotes: values('memberOf')",
        ),
        (
            "{{ suffix }}",
            (
                "`suffix` would be a directory attribute here: "
                "write vars.suffix for the variable, or attr['suffix'] for the attribute"
            ),
        ),
        ("{{ 'x' | attr('y') }}", "not a template: No filter named 'attr'."),
        ("{% for dn in values('a') %}{% endfor %}", "`dn` cannot be redefined"),
        (
            "{% set ns = namespace() %}{% set ns.x = 1 %}",
            "not a template: namespaces cannot be used in a value",
        ),
        (
            "{{ a" + " ~ a" * 5000 + " }}",
            "not a template: a template may have 8192 characters, this one has 20007",
        ),
        (
            "{{ " + "(" * 2000 + "a" + ")" * 2000 + " }}",
            "not a template: the template is too deeply nested",
        ),
        ("{{ a" + ".b" * 2000 + " }}", "not a template: the template is too deeply nested"),
        ("{{ " + "not " * 2000 + "a }}", "not a template: the template is too deeply nested"),
        (
            "{% if a %}" * 200 + "{% endif %}" * 200,
            "not a template: the template is too deeply nested",
        ),
        ("{{ " + "9" * 5000 + " }}", None),
    ],
)
def test_refused_when_compiled(text, message):
    with pytest.raises(Refused) as caught:
        compiled(text, AROUND)
    if message is not None:
        assert str(caught.value) == message


def test_a_constant_may_be_longer_than_a_template():
    assert render("x" * 9000, short=False) == "x" * 9000


def test_shown_by_its_text():
    assert repr(compiled("{{ sn }}", AROUND)) == "EntryTemplate('{{ sn }}')"


PLAIN = [
    "mail",
    "SN",
    "absent",
    "identifier",
    "dn",
    "rdn",
    "domain",
    "source",
    "attr['x-y']",
    "vars.suffix",
    "vars.empty",
]
NAMES = st.sampled_from([*PLAIN, "'text'", "''", "' x '", "vars.n", "vars.nope", "1"])
FILTERS = st.sampled_from(
    [
        " | lower",
        " | upper",
        " | trim",
        " | default({})",
        " | d({})",
        " ~ {}",
        " | default({} | lower)",
    ]
)


@st.composite
def expressions(draw):
    text = draw(NAMES)
    for _ in range(draw(st.integers(0, 3))):
        text = f"({text})" + draw(FILTERS).format(draw(NAMES))
    return text


@st.composite
def templates(draw):
    wrapped = expressions().map("{{{{ {} }}}}".format)
    return "".join(
        draw(st.lists(st.one_of(wrapped, st.sampled_from(["@", " ", "ß", "\n"])), max_size=4))
    )


VALUES = st.lists(st.sampled_from(["", " ", "Ann", "ÄÖ ß", "x" * 40_000]), max_size=2).map(tuple)
ENTRIES = st.dictionaries(st.sampled_from(["mail", "sn", "x-y", "source"]), VALUES)


@given(
    templates(), ENTRIES, st.sampled_from(["", "ann"]), st.sampled_from(["", "uid=a+cn=b, dc=x"])
)
@example("{{ mail | default(SN) }}", {"mail": ("",), "sn": ("x",)}, "", "")
@example("{{ mail }}{{ SN }}{{ absent }}", {"mail": ("x" * 40_000,), "sn": ("x" * 40_000,)}, "", "")
def test_closures_and_jinja2_agree(text, attributes, identifier, dn):
    outcomes = []
    for short in (True, False):
        try:
            outcomes.append(render(text, attributes, identifier, dn, short=short))
        except TemplateFailed as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "text",
    ["{{ sn }}", "{{ mail | default(upn) }}", "{{ identifier }}@{{ domain }}", "{{ a | lower }}"],
)
def test_common_shapes_do_without_jinja2(text, monkeypatch):
    monkeypatch.setattr("reconcile.config.templates.entry_templates._jinja", None)
    compiled(text, AROUND)
