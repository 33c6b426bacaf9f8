"""A plan file is applied if it is the reviewed one, signed, and not applied before."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import reconcile
from reconcile.app import inputs
from reconcile.app import run as running
from reconcile.app.approval import ssh_keygen
from reconcile.errors import NotApproved, UsageError
from reconcile.ports import no_progress
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED, ldif

NAMESPACE = "plan@reconcile"
FREE = {"limits": {"users_lost": "none"}}


def keygen(folder: Path, *arguments: str, data: bytes = b"") -> bytes:
    done = subprocess.run(
        ["ssh-keygen", *arguments], cwd=folder, input=data, check=True, capture_output=True
    )
    return done.stdout


class Keys:
    """Private keys in a folder, and files that trust them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("alice", "bob", "mallory"):
            keygen(folder, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name)
        self.allow("allowed_signers", alice="", bob="")

    def public(self, name: str) -> str:
        text = (self.folder / f"{name}.pub").read_text(encoding="ascii")
        return " ".join(text.split()[:2])

    def fingerprint(self, name: str) -> str:
        return keygen(self.folder, "-l", "-f", f"{name}.pub").decode().split()[1]

    def allow(self, file: str, **options: str) -> str:
        lines = [
            f"{name}@example.com {options[name]} {self.public(name)}\n".replace("  ", " ")
            for name in options
        ]
        (self.folder / file).write_text("".join(lines), encoding="ascii")
        return str(self.folder / file)

    def sign(self, key: str, plan: Path, suffix: str = "", namespace: str = NAMESPACE) -> None:
        """As a person does it."""
        arguments = ("-Y", "sign", "-n", namespace, "-f", key)
        signature = keygen(self.folder, *arguments, data=plan.read_bytes())
        plan.with_name(f"{plan.name}{suffix}.sig").write_bytes(signature)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def company(shell: Shell) -> Shell:
    shell.company({"uid=ann": None, "uid=bob": None}, safety=FREE)
    return shell


def plan(company: Shell) -> tuple[Path, str]:
    """A plan file, and the digest that `plan --out` prints."""
    out, _ = company.run("plan", "--out", "the.plan")
    path = company.folder / "the.plan"
    title, digest = out.splitlines()[-2:]
    assert title == "The plan was written to the.plan:"
    return path, digest.strip()


def users(company: Shell) -> list[str]:
    if not (company.folder / "platform.db").exists():
        return []
    return [row[0] for row in company.sql("SELECT username FROM users ORDER BY username")]


# The digest


def test_the_digest_is_that_of_sha256sum_and_another_file_is_refused(company: Shell) -> None:
    path, digest = plan(company)
    summed = subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout
    assert digest == "sha256:" + summed.split()[0]
    assert f"plan file: {digest}" in company.run("show", "the.plan")[0]
    # The same plan, made again, is another file: its time differs.
    reviewed = path.read_bytes()
    path.write_bytes(reviewed.replace(b'"uid=ann', b'"uid=eve'))
    _, err = company.run("apply", "the.plan", "--yes", "--expect-digest", digest, code=2)
    assert digest in err
    assert users(company) == []
    path.write_bytes(reviewed)
    bare = digest.removeprefix("sha256:").upper()
    company.run("apply", "the.plan", "--yes", "--expect-digest", bare)
    assert users(company) == ["ann", "bob"]
    (row,) = company.sql("SELECT plan_file, signatures FROM history_runs")
    assert row == (digest.removeprefix("sha256:"), "[]")


@pytest.mark.parametrize(
    "arguments",
    [
        ("the.plan", "--expect-digest", "sha256:1234"),
        ("the.plan", "--expect-digest", "md5:" + "0" * 64),
        ("reconcile.yml", "--expect-digest", "0" * 64),
        ("the.plan", "--signers", "2"),
        ("the.plan", "--revoked-keys", "none"),
        ("reconcile.yml", "--require-signature", "allowed_signers"),
        ("the.plan", "--require-signature", "missing"),
    ],
)
def test_a_proof_that_proves_nothing_is_refused(company: Shell, arguments: tuple[str, ...]) -> None:
    plan(company)
    company.run("apply", *arguments, "--yes", code=2)
    assert users(company) == []


def test_json_and_markdown_stay_what_they_are(company: Shell) -> None:
    out, err = company.run("plan", "--out", "the.plan", "--format", "json")
    assert json.loads(out)["format"] == 1
    assert "  sha256:" in err


# Applied before


def test_a_plan_file_is_applied_once(company: Shell) -> None:
    plan(company)
    company.run("apply", "the.plan", "--yes")
    (run,) = company.sql("SELECT run FROM history_runs")[0]
    out, _ = company.run("apply", "the.plan")  # nothing is asked
    assert out.splitlines() == [
        f"This plan file was already applied by run {run}. Nothing was done.",
        "  `reconcile plan` shows what has changed since.",
    ]
    out, _ = company.run("apply", "the.plan", "--yes", "--format", "json")
    report = json.loads(out)
    assert (report["already_applied"], report["outcomes"]) == (run, [])
    assert len(company.sql("SELECT run FROM history_runs")) == 1
    result = reconcile.apply(plan_file="the.plan")
    assert (result.already_applied, result.run, result.changed) == (run, "", False)
    assert result.exit_code == 0


def test_later_runs_are_named_and_change_nothing(company: Shell) -> None:
    """Whatever has changed since: the drift check is another command."""
    plan(company)
    company.run("apply", "the.plan", "--yes")
    people = ldif({"uid=ann": {}, "uid=bob": {}, "uid=cem": {}})
    (company.folder / "corp.ldif").write_text(people, encoding="utf-8")
    company.run("apply", "--yes")
    company.sql("UPDATE users SET email = 'x@example.com' WHERE username = 'ann'")
    (later,) = company.sql("SELECT run FROM history_runs ORDER BY id DESC")[0]
    out, _ = company.run("apply", "the.plan", "--yes")
    assert f"  Later runs: {later}" in out.splitlines()
    assert users(company) == ["ann", "bob", "cem"]


def test_a_plan_file_that_was_undone_is_stale_and_one_that_was_redone_is_not(
    company: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.run("apply", "--yes")
    people = ldif({"uid=ann": {"mail": "other@example.com"}, "uid=bob": {}})
    (company.folder / "corp.ldif").write_text(people, encoding="utf-8")
    plan(company)
    company.run("apply", "the.plan", "--yes")

    def last() -> str:
        return str(company.sql("SELECT run FROM history_runs ORDER BY id DESC")[0][0])

    def undo_last() -> str:
        company.run("plan", "--undo", last(), "--out", "undo.plan")
        out, _ = company.run("apply", "undo.plan", "--yes")
        assert "Done: 1 applied" in out
        return last()

    undoing = undo_last()
    _, err = company.run("apply", "the.plan", "--yes", code=5)
    assert f"run {undoing} has undone it" in err
    undo_last()
    out, _ = company.run("apply", "the.plan", "--yes")
    assert "already applied" in out
    undo_last()
    # The same inputs give the same changes, but this is another file, and approved by itself.
    monkeypatch.setattr(inputs, "now", lambda: "2099-01-01T00:00:00Z")
    company.run("plan", "--out", "again.plan")
    out, _ = company.run("apply", "again.plan", "--yes")
    assert "Done: 1 applied" in out


def test_a_plan_file_that_was_applied_in_part_is_stale(company: Shell) -> None:
    company.run("apply", "--yes")
    people = ldif({name: {} for name in ("uid=ann", "uid=bob", "uid=cem", "uid=dan")})
    (company.folder / "corp.ldif").write_text(people, encoding="utf-8")
    plan(company)
    company.sql(
        "CREATE TRIGGER no_dan BEFORE INSERT ON users WHEN NEW.username = 'dan'"
        " BEGIN SELECT raise(ABORT, 'no dan'); END"
    )
    company.run("apply", "the.plan", "--yes", code=6)
    (run,) = company.sql("SELECT run FROM history_runs ORDER BY id DESC")[0]
    company.sql("DROP TRIGGER no_dan")
    _, err = company.run("apply", "the.plan", "--yes", code=5)
    assert f"run {run} applied 1 of 2 changes of this plan file" in err
    assert users(company) == ["ann", "bob", "cem"]


def test_a_plan_file_of_which_nothing_was_applied_may_be_tried_again(company: Shell) -> None:
    company.run("apply", "--yes")
    people = ldif({"uid=ann": {}, "uid=bob": {}, "uid=dan": {}})
    (company.folder / "corp.ldif").write_text(people, encoding="utf-8")
    plan(company)
    company.sql(
        "CREATE TRIGGER no_dan BEFORE INSERT ON users WHEN NEW.username = 'dan'"
        " BEGIN SELECT raise(ABORT, 'no dan'); END"
    )
    company.run("apply", "the.plan", "--yes", code=6)
    company.sql("DROP TRIGGER no_dan")
    out, _ = company.run("apply", "the.plan", "--yes")
    assert "Done: 1 applied" in out


def test_two_runs_at_once_apply_a_plan_file_once(company: Shell) -> None:
    """The second one has looked at the history before the first one wrote it."""
    plan(company)
    task = running.Task(plan_file=Path("the.plan"))
    saved, loaded = running.begin(task)
    late = running.prepare(task, saved, loaded, no_progress)
    first = reconcile.apply(plan_file="the.plan")
    report = running.carry_out(late, no_progress)
    assert (report.already_applied, running.exit_code(report)) == (first.run, 0)


# Signatures


def test_signed_by_the_pipeline_and_by_a_person(company: Shell, keys: Keys) -> None:
    out, _ = company.run("plan", "--out", "the.plan", "--sign", str(keys.folder / "alice"))
    assert "The plan was written to the.plan, its signature to the.plan.sig:" in out
    path = company.folder / "the.plan"
    trusted = ("--require-signature", str(keys.folder / "allowed_signers"), "--signers", "2")
    _, err = company.run("apply", "the.plan", "--yes", *trusted, code=2)
    assert "has to be signed by 2 people" in err
    assert f"the.plan.sig: by alice@example.com ({keys.fingerprint('alice')})" in err
    keys.sign("alice", path, ".again")  # the same person twice is one
    company.run("apply", "the.plan", "--yes", *trusted, code=2)
    assert users(company) == []
    keys.sign("bob", path, ".bob")
    out, _ = company.run("apply", "the.plan", "--yes", *trusted)
    signed = f"signed by alice@example.com ({keys.fingerprint('alice')})"
    assert f"  {signed}" in out.splitlines()
    (run,) = json.loads(company.run("history", "--format", "json")[0])
    assert run["signatures"] == [
        {"principal": f"{name}@example.com", "fingerprint": keys.fingerprint(name)}
        for name in ("alice", "bob")
    ]
    assert signed in company.run("history", run["run"])[0]
    company.run("history", "--verify")
    company.sql("UPDATE history_runs SET signatures = replace(signatures, 'bob', 'eve')")
    company.run("history", "--verify", code=1)


def refused(company: Shell, allowed: str, *more: str) -> str:
    _, err = company.run(
        "apply", "the.plan", "--yes", "--require-signature", allowed, *more, code=2
    )
    assert users(company) == []
    return err


Case = Callable[[Keys, Path], tuple[str, ...]]


def changed(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    path.write_bytes(path.read_bytes().replace(b'"tool":"', b'"tool":"0'))
    data = path.read_bytes()
    body, last = data[: data.rindex(b"\n", 0, -1) + 1], data[data.rindex(b"\n", 0, -1) + 1 :]
    footer = json.loads(last) | {"sha256": hashlib.sha256(body).hexdigest()}
    path.write_bytes(body + json.dumps(footer, separators=(",", ":")).encode() + b"\n")
    return (keys.allow("a", alice=""), "not a signature of this file")


def other_namespace(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path, namespace="git")
    return (keys.allow("a", alice=""), "made for another namespace than plan@reconcile")


def unknown(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("mallory", path)
    return (keys.allow("a", alice=""), f"the key {keys.fingerprint('mallory')} is not in")


def expired(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    return (keys.allow("a", alice='valid-before="20200101"'), "has expired")


def not_yet_valid(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    return (keys.allow("a", alice='valid-after="20990101"'), "is not valid yet")


def not_for_plans(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    return (keys.allow("a", alice='namespaces="git"'), "does not permit the key")


def revoked(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    allowed = keys.allow("a", alice="")
    return (allowed, "is revoked by", "--revoked-keys", str(keys.folder / "alice.pub"))


def revoked_by_krl(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    keygen(keys.folder, "-k", "-q", "-f", "krl", "alice.pub")
    return (keys.allow("a", alice=""), "is revoked by", "--revoked-keys", str(keys.folder / "krl"))


def revocation_missing(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    return (keys.allow("a", alice=""), "revoked keys cannot be read", "--revoked-keys", "missing")


def not_signed(keys: Keys, _path: Path) -> tuple[str, ...]:
    return (keys.allow("a", alice=""), "there is no signature beside it")


def garbage(keys: Keys, path: Path) -> tuple[str, ...]:
    path.with_name("the.plan.sig").write_bytes(b"\0\x1b[2Jgarbage\n")
    return (keys.allow("a", alice=""), "not an SSH signature")


def huge(keys: Keys, path: Path) -> tuple[str, ...]:
    path.with_name("the.plan.sig").write_bytes(b" " * (1024 * 1024 + 1))
    return (keys.allow("a", alice=""), "cannot be larger than")


def nobody_allowed(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    return (keys.allow("a"), "is not in")


def writable_by_all(keys: Keys, path: Path) -> tuple[str, ...]:
    keys.sign("alice", path)
    allowed = keys.allow("open", alice="")
    Path(allowed).chmod(0o666)
    return (allowed, "everyone may change it")


@pytest.mark.parametrize(
    "case",
    [
        changed,
        other_namespace,
        unknown,
        expired,
        pytest.param(not_yet_valid, marks=pytest.mark.full),
        pytest.param(not_for_plans, marks=pytest.mark.full),
        revoked,
        revoked_by_krl,
        pytest.param(revocation_missing, marks=pytest.mark.full),
        not_signed,
        garbage,
        pytest.param(huge, marks=pytest.mark.full),
        pytest.param(nobody_allowed, marks=pytest.mark.full),
        writable_by_all,
    ],
    ids=lambda case: str(case.__name__),
)
def test_a_signature_that_does_not_count(company: Shell, keys: Keys, case: Case) -> None:
    path, _ = plan(company)
    allowed, why, *more = case(keys, path)
    err = refused(company, allowed, *more)
    assert why in err
    assert "\x1b" not in err


def test_a_wrong_signature_beside_enough_good_ones_does_no_harm(company: Shell, keys: Keys) -> None:
    path, _ = plan(company)
    keys.sign("mallory", path)
    keys.sign("alice", path, ".alice")
    os.mkfifo(path.with_name("the.plan.fifo.sig"))
    allowed = str(keys.folder / "allowed_signers")
    out, _ = company.run("apply", "the.plan", "--yes", "--require-signature", allowed)
    assert "signed by alice@example.com" in out
    assert "mallory" not in out


def test_a_key_with_two_names_is_one_person_and_a_name_with_two_keys_too(
    company: Shell, keys: Keys
) -> None:
    path, _ = plan(company)
    keys.sign("alice", path)
    names = keys.folder / "names"
    alice, bob = keys.public("alice"), keys.public("bob")
    names.write_text(f"a@example.com,b@example.com {alice}\nc@example.com {alice}\n")
    assert "is signed by 1" in refused(company, str(names), "--signers", "2")
    keys.sign("bob", path, ".bob")
    names.write_text(f"a@example.com {alice}\na@example.com {bob}\n")
    assert "is signed by 1" in refused(company, str(names), "--signers", "2")


def test_the_bytes_that_were_verified_are_applied(
    company: Shell, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes the file while it is verified changes nothing of what is applied."""
    path, _ = plan(company)
    keys.sign("alice", path)
    verify = ssh_keygen.call

    def call(action: str, *arguments: str, data: bytes, seconds: float = 60) -> ssh_keygen.Answer:
        path.write_bytes(b"something else")
        return verify(action, *arguments, data=data, seconds=seconds)

    monkeypatch.setattr(ssh_keygen, "call", call)
    allowed = str(keys.folder / "allowed_signers")
    company.run("apply", "the.plan", "--yes", "--require-signature", allowed)
    assert users(company) == ["ann", "bob"]


def test_the_desired_state_demands_signatures(company: Shell, keys: Keys) -> None:
    """A pipeline cannot leave them out: not by an option, not by applying without a plan file."""
    shutil.copy(keys.folder / "allowed_signers", company.folder / "who")
    signatures = {"allowed_signers": "who", "signers": 1}
    company.desired(safety=FREE | {"require_signatures": signatures})
    path, _ = plan(company)
    for arguments in (("the.plan",), (), ("reconcile.yml",)):
        company.run("apply", *arguments, "--yes", code=2)
    assert users(company) == []
    with pytest.raises(NotApproved, match="signed by 1 person"):
        reconcile.apply(plan_file="the.plan")
    with pytest.raises(NotApproved, match="only a plan file can be signed"):
        reconcile.apply()
    keys.sign("alice", path)
    # What the command line demands comes on top.
    strict = ("--require-signature", keys.allow("only_bob", bob=""))
    company.run("apply", "the.plan", "--yes", *strict, code=2)
    out, _ = company.run("apply", "the.plan", "--yes")
    assert "signed by alice@example.com" in out
    renamed = [DESIRED["sources"][0] | {"name": "corp2"}]
    company.desired(safety=FREE | {"require_signatures": signatures}, sources=renamed)
    _, err = company.run("rename-source", "corp", "corp2", "--yes", code=2)
    assert "only a plan file can be signed" in err


def test_a_schedule_and_required_signatures_contradict_each_other(company: Shell) -> None:
    safety = {"require_signatures": {"allowed_signers": "who"}}
    company.desired(safety=safety, schedule="daily at 01:30")
    out, _ = company.run("validate", code=2)
    assert "safety.require_signatures: a scheduled run applies a plan that nobody has signed" in out


def test_relative_paths_start_at_the_folder_of_their_file(company: Shell, keys: Keys) -> None:
    conf = company.folder / "conf"
    conf.mkdir()
    shutil.copy(keys.folder / "allowed_signers", conf / "who")
    (conf / "safety.yml").write_text(
        "version: 1\nsafety: {require_signatures: {allowed_signers: who}}\n", encoding="utf-8"
    )
    company.desired()
    company.run("plan", "reconcile.yml", "conf", "--out", "the.plan")
    keys.sign("alice", company.folder / "the.plan")
    config = ("--config", "reconcile.yml", "--config", "conf")
    out, _ = company.run("apply", "the.plan", "--yes", *config)
    assert "signed by alice@example.com" in out
    out, _ = company.run("validate", "reconcile.yml", "conf", "--effective")
    assert "conf/who" in out


def test_a_key_that_cannot_sign_writes_nothing(company: Shell, keys: Keys) -> None:
    locked = keys.folder / "locked"
    locked.write_text("no key\n")
    locked.chmod(0o600)
    for key in (str(locked), "missing"):
        company.run("plan", "--out", "the.plan", "--sign", key, code=2)
        assert not list(company.folder.glob("the.plan*"))
    company.run("plan", "--sign", str(keys.folder / "alice"), code=2)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (None, "which is not installed here"),
        ("#!/bin/sh\necho 'unknown option -- Y' >&2; exit 1\n", "the one here says"),
        (
            "#!/bin/sh\necho 'Unsupported operation for -Y: \"find-principals\"' >&2; exit 255\n",
            "the one here says",
        ),
    ],
)
def test_a_missing_or_old_ssh_keygen_is_said(
    company: Shell,
    keys: Keys,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str | None,
    why: str,
) -> None:
    path, _ = plan(company)
    keys.sign("alice", path)
    folder = tmp_path / "bin"
    folder.mkdir()
    if script is not None:
        (folder / "ssh-keygen").write_text(script)
        (folder / "ssh-keygen").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    err = refused(company, str(keys.folder / "allowed_signers"))
    assert "OpenSSH 8.9 or newer" in err
    assert why in err


def test_a_refresh_would_replace_what_was_approved(company: Shell, keys: Keys) -> None:
    _, digest = plan(company)
    company.run("apply", "the.plan", "--refresh", "--expect-digest", digest, code=2)
    shutil.copy(keys.folder / "allowed_signers", company.folder / "who")
    company.desired(safety={"require_signatures": {"allowed_signers": "who"}})
    with pytest.raises(UsageError, match="leave out --refresh"):
        running.begin(running.Task(plan_file=Path("the.plan"), refresh=True))


def test_a_certificate_of_a_trusted_authority_signs(company: Shell, keys: Keys) -> None:
    path, _ = plan(company)
    keygen(keys.folder, "-q", "-t", "ed25519", "-N", "", "-f", "ca")
    certificate = ("-q", "-s", "ca", "-I", "x", "-n", "carol@example.com", "bob.pub")
    keygen(keys.folder, *certificate)
    allowed = keys.folder / "by_authority"
    allowed.write_text(f"*@example.com cert-authority {keys.public('ca')}\n", encoding="ascii")
    keys.sign("bob-cert.pub", path)
    out, _ = company.run("apply", "the.plan", "--yes", "--require-signature", str(allowed))
    assert "signed by carol@example.com" in out


def test_the_markdown_report_names_who_signed(company: Shell, keys: Keys) -> None:
    path, _ = plan(company)
    keys.sign("alice", path)
    markdown = ("--require-signature", keys.allow("a", alice=""), "--format", "markdown")
    assert "- signed by alice" in company.run("apply", "the.plan", "--yes", *markdown)[0]
    assert "already applied by run" in company.run("apply", "the.plan", "--yes", *markdown)[0]


def test_a_history_from_before_signatures_still_verifies(company: Shell) -> None:
    company.run("apply", "--yes")
    before = json.loads(company.run("history", "--format", "json")[0])
    for column in ("plan_file", "signatures"):
        company.sql(f"ALTER TABLE history_runs DROP COLUMN {column}")
    company.sql("DROP TABLE quiet_memos")
    company.sql("DROP TABLE history_packs")
    company.sql("UPDATE reconcile_revision SET version_num = '0004'")
    company.run("history", "--verify")
    assert json.loads(company.run("history", "--format", "json")[0]) == before
    people = ldif({"uid=ann": {}, "uid=bob": {}, "uid=cem": {}})
    (company.folder / "corp.ldif").write_text(people, encoding="utf-8")
    plan(company)
    company.run("apply", "the.plan", "--yes")
    company.run("history", "--verify")
    digests = company.sql("SELECT plan_file, signatures FROM history_runs ORDER BY id")
    assert digests[0] == ("", "[]")
    assert len(digests[1][0]) == 64
