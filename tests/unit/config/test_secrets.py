"""Secrets are fetched late, never show, and do not stand in files open to everybody."""

import copy
import os
import pickle
import shlex
import sys
import traceback

import msgspec
import pytest

from reconcile.config.secrets import secret as envelopes
from reconcile.errors import ConfigError
from reconcile.model.text.digest import digest
from tests.unit.config.reading import HEAD, loaded, said

LDAP = (
    HEAD
    + """\
sources:
  - name: corp
    type: openldap
    servers: [ldap://h]
    base_dn: dc=x
    bind: {dn: cn=a, password: PASSWORD}
"""
)


def ldap(tmp_path, password, more="", mode=0o600):
    path = tmp_path / "a.yml"
    path.write_text(LDAP.replace("PASSWORD", password) + more)
    path.chmod(mode)
    return path


def secret(path, **more):
    return loaded(path, **more).desired.sources[0].bind.password


def platform(tmp_path, url, more="", mode=0o644):
    path = tmp_path / "a.yml"
    path.write_text(f"version: 1\nplatform:\n  type: sql\n  url: {url}\nsources: []\n{more}")
    path.chmod(mode)
    return path


def why(envelope):
    with pytest.raises(ConfigError) as caught:
        envelope.reveal()
    return str(caught.value)


def test_from_the_environment(tmp_path):
    path = ldap(tmp_path, "\"{{ env('P') }}\"", mode=0o644)
    assert secret(path, environ={"P": "hunter2"}).reveal() == "hunter2"
    assert secret(path, environ={"P": "  x  "}).reveal() == "  x  "
    start = f"{path}:8:32: sources[0].bind.password: the secret could not be read: "
    assert why(secret(path)) == start + "the environment variable P is not set"
    assert why(secret(path, environ={"P": ""})) == start + "it is empty"


def test_from_a_file_beside_the_declaring_one(tmp_path):
    path = ldap(tmp_path, "\"{{ file('pw') }}\"")
    for content, text in (
        (b"hunter2\n", "hunter2"),
        (b"a\nb\r\n", "a\nb"),
        (b"a\n\n", "a\n"),
        (b"caf\xc3\xa9", "café"),
    ):
        (tmp_path / "pw").write_bytes(content)
        assert secret(path).reveal() == text
    (tmp_path / "pw").write_bytes(b"\xff")
    assert why(secret(path)).endswith(f"{tmp_path}/pw is not UTF-8 text")
    (tmp_path / "pw").write_bytes(b"x" * (1024 * 1024 + 1))
    assert why(secret(path)).endswith(f"{tmp_path}/pw is larger than 1024 KiB")
    (tmp_path / "pw").unlink()
    assert why(secret(path)).endswith(f"cannot read {tmp_path}/pw: No such file or directory")
    os.mkfifo(tmp_path / "pw")
    assert why(secret(path)).endswith(f"cannot read {tmp_path}/pw: it is not a regular file")
    assert why(secret(ldap(tmp_path, '"{{ command(none) }}"'))).endswith(
        "the command line cannot be parsed"
    )
    assert why(
        secret(ldap(tmp_path, "\"{{ file('a' ~ zero) }}\"", 'vars: {zero: "\\0"}\n'))
    ).endswith(": no such file")


def test_from_a_command_without_a_shell(tmp_path):
    def ask(*words):
        line = shlex.join(words).replace("'", "''")
        return secret(ldap(tmp_path, "'{{ command(line) }}'", f"vars: {{line: '{line}'}}\n"))

    assert ask(sys.executable, "-c", "print('a; b $HOME')").reveal() == "a; b $HOME"
    assert why(
        ask(sys.executable, "-c", "import sys; print('secret'); sys.exit('secret')")
    ).endswith(f"the command {sys.executable} ended with exit code 1")
    assert why(ask("/nonexistent/x", "secret")).endswith(
        "the command /nonexistent/x cannot be run: No such file or directory"
    )
    assert why(ask('it is "not', "closed")).endswith("is not UTF-8 text") is False
    assert why(secret(ldap(tmp_path, '"{{ command(\'\\"\') }}"'))).endswith(
        "the command line cannot be parsed"
    )
    assert why(secret(ldap(tmp_path, "\"{{ command('') }}\""))).endswith(
        "the command line cannot be parsed"
    )
    assert why(secret(ldap(tmp_path, '"{{ command(line) }}"', 'vars: {line: "a\\0b"}\n'))).endswith(
        ": bad name"
    )


def test_a_command_is_not_waited_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(envelopes, "COMMAND_SECONDS", 0.05)
    path = ldap(tmp_path, "\"{{ command('sleep 5') }}\"")
    assert why(secret(path)).endswith("the command sleep took longer than 0.05 seconds")


def test_fetched_once(tmp_path):
    envelope = secret(ldap(tmp_path, "\"{{ file('pw') }}\""))
    (tmp_path / "pw").write_text("one")
    assert envelope.reveal() == "one"
    (tmp_path / "pw").write_text("two")
    assert envelope.reveal() == "one"


def test_composed_with_variables(tmp_path):
    path = platform(
        tmp_path,
        "\"postgresql://u:{{ env('P') }}@{{ host }}/{{ vars.db }}\"",
        "vars: {host: h, db: d}\n",
    )
    assert loaded(path, environ={"P": "p"}).desired.platform.url.reveal() == "postgresql://u:p@h/d"


def test_variables_do_not_hide_the_functions(tmp_path):
    path = ldap(tmp_path, "\"{{ env('P') }}-{{ vars.env }}\"", "vars: {env: prod}\n")
    assert secret(path, environ={"P": "p"}).reveal() == "p-prod"


@pytest.mark.parametrize(
    "fail",
    ["{{ env('P').nope }}", "{{ env('P') + 1 }}", "{{ env('P') | int / 0 }}", "{{ env(1)[9] }}"],
)
def test_never_shown(tmp_path, fail):
    state = loaded(ldap(tmp_path, "\"{{ env('P') }}\""), environ={"P": "hunter2"}).desired
    envelope = state.sources[0].bind.password
    failing = secret(ldap(tmp_path, f'"{fail}"'), environ={"P": "hunter2"})
    for _ in range(2):
        for text in (
            repr(envelope),
            str(envelope),
            f"{envelope}",
            f"{envelope!r:>5}",
            repr(state),
            str(state),
        ):
            assert "hunter2" not in text
        for spoil in (
            pickle.dumps,
            copy.copy,
            copy.deepcopy,
            msgspec.json.encode,
            msgspec.to_builtins,
            digest,
        ):
            with pytest.raises((TypeError, NotImplementedError)) as caught:
                spoil(envelope)
            assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(ConfigError) as failed:
            failing.reveal()
        error = failed.value
        assert "hunter2" not in "".join(traceback.format_exception(error))
        assert error.__context__ is None
        envelope.reveal()


def test_functions_are_for_secrets_only(tmp_path):
    path = platform(
        tmp_path, "sqlite:///a.db", 'vars: {a: "{{ env(\'X\') }}", b: "{{ 1 if false else 2 }}"}\n'
    )
    (line,) = said(path)
    assert line == (
        "a.yml:6:11: vars.a: env(), file() and command() give secrets and are allowed only where one belongs: "
        "bind.password, platform.url and state"
    )


def test_literal_passwords(tmp_path):
    message = "sources[0].bind.password: a secret in a file that everyone can read: chmod 600 a.yml, or take it from env('…')"
    assert said(ldap(tmp_path, "hunter2", mode=0o644)) == [f"a.yml:8:32: {message}"]
    assert said(ldap(tmp_path, "\"{{ 'hunter2' }}\"", mode=0o604)) == [f"a.yml:8:32: {message}"]
    assert said(ldap(tmp_path, "hunter2", mode=0o640)) == []
    assert secret(ldap(tmp_path, "hunter2")).reveal() == "hunter2"


def test_literal_passwords_in_variables(tmp_path):
    open_file = tmp_path / "b.yml"
    open_file.write_text("vars:\n  inner: hunter2\n  pw: '{{ inner }}'\n  lists: [1]\n")
    open_file.chmod(0o644)
    for text in ('"{{ pw }}"', '"{{ vars.pw }}"', "\"{{ vars['pw'] ~ lists }}\""):
        path = ldap(tmp_path, text)
        (line,) = said(path, open_file)
        assert line.endswith(
            "a secret in a file that everyone can read: chmod 600 b.yml, or take it from env('…')"
        )
    assert said(ldap(tmp_path, '"{{ pw }}"', mode=0o644), open_file, variables={"pw": "x"}) == []
    assert said(ldap(tmp_path, '"a{{ pw }}"', mode=0o644), open_file, variables={"pw": "x"}) != []


@pytest.mark.parametrize(
    ("url", "literal"),
    [
        ("sqlite:///a.db", False),
        ("postgresql://u@h/db", False),
        ("postgresql://u:p@h/db", True),
        ("postgresql://u:p%40@h/db", True),
        ("postgresql://h/db?user=u&password=p", True),
        ("postgresql://h/db?user=u&password={{ env('P') }}", False),
        ("postgresql://u:{{ env('P') }}@h/db", False),
        ("postgresql://u:p@h/{{ env('P') }}", True),
        ("postgresql://h:5432/db", False),
        ("postgresql://u:{{ 'p' }}@h/db", True),
        ("postgresql://{{ vars.h }}/db", False),
    ],
)
def test_literal_passwords_in_urls(tmp_path, url, literal):
    found = said(platform(tmp_path, f'"{url}"', "vars: {h: h}\n"))
    assert found == (
        [
            "a.yml:4:8: platform.url: a secret in a file that everyone can read: chmod 600 a.yml, or take it from env('…')"
        ]
        if literal
        else []
    )


def test_only_where_modes_mean_something(tmp_path, monkeypatch):
    monkeypatch.setattr("reconcile.files.os.name", "nt", raising=False)
    path = ldap(tmp_path, "hunter2", mode=0o644)
    monkeypatch.undo()
    assert os.name == "posix"
    assert said(path) != []


def fingerprint(path, **more):
    return loaded(path, **more).digest


def test_the_digest_holds_no_secret(tmp_path):
    first = fingerprint(ldap(tmp_path, "hunter2"))
    assert fingerprint(ldap(tmp_path, "hunter3")) == first
    assert fingerprint(ldap(tmp_path, "\"{{ env('P') }}\"")) != first
    one = fingerprint(
        ldap(tmp_path, '"{{ pw }}"', "vars: {in: a, pw: '{{ vars.in }}', other: 1}\n")
    )
    two = fingerprint(
        ldap(tmp_path, '"{{ pw }}"', "vars: {in: b, pw: '{{ vars.in }}', other: 1}\n")
    )
    three = fingerprint(
        ldap(tmp_path, '"{{ pw }}"', "vars: {in: b, pw: '{{ vars.in }}', other: 2}\n")
    )
    assert one == two != three


def test_the_digest_of_urls(tmp_path):
    def url(text, host="h"):
        return fingerprint(
            platform(tmp_path, f'"{text}"', f"vars: {{host: {host}, pw: x}}\n", mode=0o600)
        )

    assert (
        url("postgresql://u:a@h/db") == url("postgresql://u:b@h/db") != url("postgresql://u:a@i/db")
    )
    assert url("postgresql://{{ host }}/db") != url("postgresql://{{ host }}/db", "i")
    assert url("postgresql://u:{{ env('P') }}@{{ host }}/db") != url(
        "postgresql://u:{{ env('P') }}@{{ host }}/db", "i"
    )
    assert envelopes.masked("x://u:a@h/{{ env('P') }}") == "x://u:***@h/{{ env('P') }}"
    assert envelopes.masked("x://u:{{ env('P') }}@h") == "x://u:{{ env('P') }}@h"
