"""Whatever a file holds, loading it ends soon, with the desired state or with a ConfigError."""

import copy
import random
from pathlib import Path

import pytest
import yaml

from reconcile.config.starter import starter
from reconcile.config.yaml import documents
from reconcile.errors import ConfigError
from tests.effort import size
from tests.unit.config.reading import EMPTY, HEAD, loaded, said

HERE = Path(__file__).parent
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@pytest.mark.parametrize("loader", [documents.LOADER, yaml.SafeLoader])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "{a: " * 5_000,
        "- " * 5_000,
        "? " * 20_000,
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
        "a: &a [x, x]\nb: &b [*a, *a]\n" * 3,
        "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10) if n else 'x'}]\n" for n in range(60)),
        "".join(f"- &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9) if n else '{x: 1}'}]}}\n" for n in range(60)),
        "!!python/object/apply:os.system ['touch /tmp/should-not-exist']",
        "a: !!python/name:os.system\nb: !!binary x\nc: !!map x\nd: !!str [a]\n",
        "a: " + "x" * (1 << 18),
        "a: '" + "x" * (1 << 20),
        "'" * 9999,
        "\t",
        "%FOO bar\n---\na: 1\n",
        "%YAML 9.9\n---\na: 1\n",
        "--- a\n--- b\n",
        "&a\n",
        "*a\n",
        "a: *\n",
        "<<: {version: 1}\n",
        "<<: 1\n",
        "{a, b: 1, ? c}\n",
        "a: |9\n b\n",
        "a: 9" + "9" * 10_000 + "\nb: 1e999999\nc: -.inf\nd: .nan\ne: 1e99\n",
        "\ufeff\ufeffa: 1\n",
        "a\u2028b: \x85 1\n",
        "a: \ud7ff\U0010ffff\n",
    ],
    ids=range(29),
)  # fmt: skip
def test_yaml(tmp_path, text, loader):
    problems = []
    document = documents.read(
        tmp_path / "a.yml", text.encode(), exposed=False, problems=problems, loader=loader
    )
    assert document is not None or problems
    assert not Path("/tmp/should-not-exist").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"\0",
        b"\xff\xfea\0",
        b"\x7fELF\1\2",
        bytes(range(256)) * 50,
        b"\x80" * 999,
        b"\r",
        b"\xef\xbb",
    ],
)
def test_no_text_at_all(tmp_path, content):
    (tmp_path / "a.yml").write_bytes(content)
    assert said(tmp_path / "a.yml")


def test_deep_data_from_a_template(tmp_path):
    path = tmp_path / "a.yml"
    chain = "".join(
        f"  {new}: '{{{{ [{old}] }}}}'\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
    )
    path.write_text(EMPTY + "vars:\n  a: " + "[" * 90 + "]" * 90 + "\n" + chain)
    assert said(path) == []
    path.write_text(
        EMPTY + "vars:\n  a: '{% set a = [1] %}" + "{% set a = [a] %}" * 450 + "{{ a }}'\n"
    )
    assert said(path) == ["a.yml:5:6: vars.a: the value is nested deeper than 100 levels"]
    path.write_text(EMPTY + "vars:\n  a: '{{ " + "[" * 90 + "1" + "]" * 90 + " }}'\n")
    assert said(path) == ["a.yml:5:6: vars.a: not a template: the template is too deeply nested"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__'] }}",
        "{{ vars.__class__ }}",
        "{{ vars.__init__.__globals__ }}",
        "{{ range.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ self }}",
        "{{ env.__globals__['os'].system('id') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ joiner('x') }}",
        "{{ ''|attr('__class__') }}",
        "{{ [].append }}",
        "{{ vars.update({'a': 1}) }}",
        "{{ vars.clear() }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{0.__class__}'.format_map({}) }}",
        "{{ ''['format'] }}",
        "{{ ''.encode('utf-16') }}",
        "{{ ''.maketrans({}) }}",
        "{{ ('x' * 9999) | map('center', 99999999) | list }}",
        "{{ 'x' | indent(99999999) }}",
        "{{ 1.5 | round(999999999, 'ceil') }}",
        "{{ [1] | batch(99999999, 'x') | list }}",
        "{{ {} | tojson(indent=99999999) }}",
        "{{ 'x' | pprint }}",
        "{{ 2 ** 99999999 }}",
        "{{ '%99999999d' % 1 }}",
        "{{ '%.99999999f' % 1 }}",
        "{{ '%(a)99999999s' % {'a': 1} }}",
        "{{ ['x' * 9999] * 9999 }}",
        "{{ ('x' * 9999).split('') }}",
        "{{ range(1, 10 ** 99) }}",
        "{{ range(-10 ** 9, 10 ** 9) | length }}",
        "{{ range('x') }}",
        "{{ ('x' * 9999) ~ ('x' * 9999) ~ ('x' * 9999) ~ ('x' * 9999) ~ ('x' * 9999) ~ ('x' * 9999) ~ ('x' * 9999) }}",
        "{% set a = 'x' * 9999 %}" + "{% set a = a + a %}" * 99 + "{{ a }}",
        "{% set a = [1] %}" + "{% set a = a + a %}" * 99 + "{{ a }}",
        "{% set a = 1 %}" + "{% set a = [a, a] %}" * 99 + "{{ a }}",
        "{% set a = 1 %}" + "{% set a = (a, a) %}" * 99 + "{{ a == a }}",
        "{% set a = 1 %}" + "{% set a = {'a': a, 'b': a} %}" * 99 + "{{ a | string }}",
        "{% for a in range(9999) recursive %}{{ loop(range(9999)) }}{% endfor %}",
        "{% for a in range(99) recursive %}{% if loop.depth < 9 %}{{ loop(range(99)) }}{% endif %}{% endfor %}",
        "{% set a = 1 %}{% set b = 1 %}"
        + "{% set a = [a, a] %}{% set b = [b, b] %}" * 50
        + "{{ a == b }}",
        "{{ 2 ** 99 ** 99 ** 99 }}",
        "{{ range(10 ** 99) | length }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in missing %}{% endfor %}",
        "{% for a in 5 %}{% endfor %}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{% extends 'x' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% call x() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{% set x | upper %}x{% endset %}",
        "{% autoescape true %}x{% endautoescape %}",
        "{{ loop }}",
        "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
        "{% for x in [1] %}{{ loop }}{% endfor %}",
        "{{ missing.x }}",
        "{{ none.x }}",
        "{{ [missing] }}",
        "{{ [missing] }}-",
        "{{ [1] | map(attribute='x') | list }}-",
        "{{ '%s' % ([1] | map(attribute='x') | list,) }}-",
        "{{ {'a': missing} }}",
        "{{ [missing] | join }}",
        "{{ missing | join }}",
        "{{ [1] | join(attribute='x') }}",
        "{{ 'abc'.replace() }}",
        "{{ 'abc'.join(1, 2, 3).nope }}",
        "{{ '\\ud800' }}",
        "{{ -(10 ** 1000) ** 9 }}",
        "{{ 1 // 0 }}",
        "{{",
        "{%",
        "{{ a b }}",
        "{% endif %}",
        "{{ '" + "x" * 9000 + "' }}",
    ],
)
def test_templates(tmp_path, text):
    path = tmp_path / "a.yml"
    path.write_text(EMPTY + yaml.safe_dump({"vars": {"a": text}}, width=99999))
    found = said(path)
    assert len(found) == 1
    assert len(found[0]) < 250
    assert found[0].startswith("a.yml:5:6: vars.a: ")
    ldif = "sources: [{name: a, type: ldif, files: [a], base_dn: dc=x, users: {fields: {email: %s}}}]\n"
    path.write_text(HEAD + ldif % yaml.safe_dump(text, width=99999).removesuffix("...\n"))
    assert all(len(line) < 300 for line in said(path))


@pytest.mark.parametrize(
    "text",
    [
        "{{ 2 ** 10 }}",
        "{{ 2 ** -1 }}",
        "{{ 2.5 ** 2 }}",
        "{{ 'ab' * 3 }}",
        "{{ 3 * 'a' }}",
        "{{ 1.5 * 2 }}",
        "{{ [1] + [2] }}",
        "{{ (1, 2) * 2 }}",
        "{{ 7 % 4 }}",
        "{{ 'a' + 'b' }}",
        "{{ 1 + 2 }}",
        "{{ 'a,b'.split(',') }}",
        "{{ 'a'.replace('a', 'b', 1) }}",
        "{{ 'x'.join(['a', 1]) }}",
        "{% for x in [1, 2] %}{{ loop.index }}{{ x }}{% endfor %}",
        "{{ x is defined }}",
        "{{ {'a': 1}.items() | list }}",
        "{{ {'a': [1, 'é']} }}-",
        "{{ 'a%sb' % 1 }}",
        "{{ '%s' % ([1],) }}",
        "{{ none }}-",
    ],
)
def test_harmless(tmp_path, text):
    path = tmp_path / "a.yml"
    path.write_text(EMPTY + yaml.safe_dump({"vars": {"a": text}}))
    assert said(path) == []


def test_mutations_of_valid_files(tmp_path):
    chance = random.Random(20240229)
    valid = [
        starter().encode(),
        *(path.read_bytes() for path in sorted((HERE / "valid").glob("*.yml"))),
    ]
    words = (
        "\n ;  ;- ;: ;{;};[;];';\";&a ;*a;!!;{{ ; }};null;<<;|;#;1e9;\t;true;%;,;---\n;dc=;\\;\0;é"
    )
    tokens = [b"\xff", *(word.encode() for word in words.split(";"))]
    path = tmp_path / "a.yml"
    outcomes = {True: 0, False: 0}
    problems = []
    for _ in range(400):
        content = bytearray(chance.choice(valid))
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(content))
            stop = start + chance.choice((0, 0, 1, 1, 3, 20))
            content[start:stop] = chance.choice((*tokens, b"", bytes([chance.randrange(256)])))
        path.write_bytes(bytes(content))
        path.chmod(0o600)
        try:
            loaded(path)
        except ConfigError as error:
            outcomes[False] += 1
            problems += error.problems
        else:
            outcomes[True] += 1
    assert min(outcomes.values()) > 30
    assert all(problem.message and problem.file == str(path) for problem in problems)


def test_shuffled_structures(tmp_path):
    """Every value of a valid file once as something of another type; in `make test` every third one."""
    whole = yaml.safe_load((HERE / "valid" / "everything.yml").read_text())
    path = tmp_path / "a.yml"

    def places(value, where=()):
        yield where
        if isinstance(value, dict | list):
            for key in list(value) if isinstance(value, dict) else range(len(value)):
                yield from places(value[key], (*where, key))

    others = (
        None,
        5,
        True,
        "text",
        "",
        [],
        ["x"],
        [None],
        [[]],
        {},
        {"a": 1},
        [{}],
        {"action": []},
    )
    chance = random.Random(20240229)
    for where in list(places(whole))[1 :: size(3, 1)]:
        for other in chance.sample(others, 1):
            changed = copy.deepcopy(whole)
            at = changed
            for key in where[:-1]:
                at = at[key]
            at[where[-1]] = other
            path.write_text(yaml.dump(changed, Dumper=DUMPER))
            path.chmod(0o600)
            assert len(said(path)) < 40
