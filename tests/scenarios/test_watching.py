"""What others learn of a run: the metrics file, notifications, `reconcile status`, and the units for systemd."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from reconcile.app.watching import http, prometheus
from reconcile.app.watching.metrics import LAST_SUCCESS, Ended, metrics
from tests.scenarios.shell import Shell

DOCS = Path(__file__).parents[2] / "docs" / "watching.md"
PEOPLE: dict[str, Any] = {"uid=ann": None, "uid=bob": None}
FALSE = {"name": "never", "for": "state", "assert": "false"}


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


class Receiver:
    """An HTTP server that keeps what it gets, and answers with a status."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.got.append((self.path, body))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/s3cret-token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def paths(self) -> list[str]:
        return [path.partition("?")[0].removeprefix("/s3cret-token") for path, _ in self.got]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    started = Receiver()
    monkeypatch.setenv("HOOK", started.url)
    yield started
    started.server.shutdown()
    started.server.server_close()


def samples(file: Path) -> dict[str, float]:
    lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_metrics_say_what_a_run_did_and_keep_the_last_success(shell: Shell) -> None:
    shell.company(PEOPLE)
    file = shell.folder / "r.prom"
    shell.run("plan", "--check", "--metrics", "r.prom", code=3)
    assert samples(file)['reconcile_pending_changes{workspace="main"}'] == 3
    shell.run("apply", "--yes", "--metrics", "r.prom")
    assert file.stat().st_mode & 0o777 == 0o644
    after = samples(file)
    assert after["reconcile_last_exit_code"] == 0
    assert after['reconcile_pending_changes{workspace="main"}'] == 0
    created = 'workspace="main",source="corp",kind="user",action="create"'
    assert after[f"reconcile_last_changes{{{created}}}"] == 2
    assert after['reconcile_source_persons{source="corp"}'] == 2
    assert "ann" not in file.read_text("utf-8").lower()

    (shell.folder / "corp.ldif").unlink()
    shell.run("plan", "--metrics", "r.prom", code=7)
    failed = samples(file)
    assert failed["reconcile_last_exit_code"] == 7
    assert failed[LAST_SUCCESS] == after[LAST_SUCCESS]
    assert [each.name for each in shell.folder.iterdir() if each.name.endswith(".tmp")] == []


def test_a_refusal_is_counted_by_guard(shell: Shell) -> None:
    shell.company(PEOPLE, assertions=[FALSE])
    shell.run("plan", "--metrics", "r.prom", code=4)
    found = samples(shell.folder / "r.prom")
    assert found['reconcile_violations{workspace="main",guard="assertion"}'] == 1
    assert LAST_SUCCESS not in found


def test_a_metrics_file_that_cannot_be_written(shell: Shell) -> None:
    shell.company(PEOPLE)
    _, err = shell.run("apply", "--yes", "--metrics", "none/r.prom", code=2)
    assert "--metrics: there is no folder none" in err
    (shell.folder / "r.prom").write_bytes(b"\xff\nreconcile_last_success_timestamp_seconds x\n")
    shell.run("plan", "--metrics", "r.prom")
    assert prometheus.earlier(shell.folder / "none.prom", LAST_SUCCESS) is None


def test_labels_are_escaped_and_no_timestamp_is_written() -> None:
    sample = prometheus.Sample(1, {"source": 'a"b\\c\nd\ud800'})
    text = prometheus.text([prometheus.Metric("m", "Help.", (sample,))])
    assert text == '# HELP m Help.\n# TYPE m gauge\nm{source="a\\"b\\\\c\\nd?"} 1\n'
    ended = Ended("plan", "run", 7, 10.0, 12.5)
    lines = prometheus.text(metrics(ended, 5.0)).splitlines()
    assert f"{LAST_SUCCESS} 5.0" in lines
    assert "reconcile_last_duration_seconds 2.5" in lines


def hooks(**more: Any) -> dict[str, Any]:
    url = "{{ env('HOOK') }}"
    return {"notify": {"ping_url": url, "webhooks": [{"to": url, **more}]}}


def test_a_run_pings_and_a_refused_one_is_told(shell: Shell, receiver: Receiver) -> None:
    shell.company(PEOPLE, **hooks())
    shell.run("plan")
    shell.run("plan", "--check", code=3)
    assert receiver.got == []  # a plan that is only looked at tells no one
    shell.run("plan", "--drift", code=3)
    assert receiver.paths == ["/start", "/3", ""]
    assert json.loads(receiver.got[-1][1])["event"] == "drift"
    rids = {path.partition("rid=")[2] for path, _ in receiver.got[:2]}
    assert len(rids) == 1
    receiver.got.clear()
    shell.run("apply", "--yes")
    assert receiver.paths == ["/start", "/0"]
    receiver.got.clear()
    shell.company(PEOPLE, assertions=[FALSE], **hooks())
    shell.run("apply", "--yes", code=4)
    assert receiver.paths == ["/start", "/4", ""]
    message = json.loads(receiver.got[-1][1])
    assert (message["event"], message["violations"]) == ("refused", {"assertion": 1})
    assert not {"corp", "uid", "bob"} & set(re.findall(r"\w+", receiver.got[-1][1].decode()))


def test_drift_is_a_check_that_notifies(shell: Shell, receiver: Receiver) -> None:
    shell.company(PEOPLE, **hooks())
    plain, _ = shell.run("plan", "--check", code=3)
    out, _ = shell.run("plan", "--drift", "--metrics", "drift.prom", code=3)
    assert out == plain
    assert "reconcile_last_exit_code 3" in (shell.folder / "drift.prom").read_text().splitlines()
    assert receiver.paths == ["/start", "/3", ""]
    shell.run("apply", "--yes")
    receiver.got.clear()
    shell.run("plan", "--drift")
    assert receiver.paths == ["/start", "/0"]  # nothing has drifted: no message
    _, err = shell.run("plan", "--drift", "--undo", "x", code=2)
    assert "--drift compares with the files: it cannot be combined with --undo" in err


def test_an_apply_that_asks_does_not_notify(shell: Shell, receiver: Receiver) -> None:
    shell.company(PEOPLE, **hooks())
    shell.run("apply", code=2)  # there is no terminal to ask on
    assert receiver.got == []


def test_only_the_chosen_events_are_sent(shell: Shell, receiver: Receiver) -> None:
    shell.company(PEOPLE, **hooks(on=["failed"]))
    shell.run("plan", "--drift", code=3)
    assert receiver.paths == ["/start", "/3"]


@pytest.mark.parametrize("status", [500, 302])
def test_a_notification_that_fails_changes_no_run_and_shows_no_url(
    shell: Shell, receiver: Receiver, status: int
) -> None:
    receiver.status = status
    shell.company(PEOPLE, **hooks())
    _, err = shell.run("plan", "--drift", "-vv", code=3)
    assert f"notify.webhooks: not sent: the server returned status {status}" in err
    assert "s3cret" not in err
    assert "/elsewhere" not in receiver.paths


def test_urls_are_masked_everywhere(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "http://127.0.0.1:1/s3cret")
    shell.company(PEOPLE, **hooks())
    out, _ = shell.run("validate", "--effective")
    assert "env('HOOK')" in out
    _, err = shell.run("apply", "--yes", "-vv")
    assert "not sent: Connection refused" in err
    assert "s3cret" not in err
    monkeypatch.delenv("HOOK")
    _, err = shell.run("plan", "--drift")
    assert "notify.ping_url: not sent" in err
    monkeypatch.setenv("HOOK", "ftp://x/s3cret")
    _, err = shell.run("plan", "--drift")
    assert "not sent: it is not an http:// or https:// URL" in err
    assert "s3cret" not in err


def test_a_url_in_a_file_that_everyone_can_read_is_refused(shell: Shell) -> None:
    shell.company(PEOPLE, notify={"ping_url": "https://hc.example.com/s3cret"})
    (shell.folder / "reconcile.yml").chmod(0o644)
    out, _ = shell.run("validate", code=2)
    assert "notify.ping_url: a secret in a file that everyone can read" in out


def test_the_receivers_are_no_part_of_a_plan(shell: Shell) -> None:
    shell.company(PEOPLE)
    shell.run("plan", "--out", "the.plan")
    shell.company(PEOPLE, notify={"webhooks": []})
    out, _ = shell.run("apply", "the.plan", "--yes")
    assert "0 failed, 0 skipped." in out


def test_a_receiver_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE", 0.05)
    waiting = threading.Event()
    with pytest.raises(http.NotSent, match="it took longer than"):
        http.within_deadline(lambda: waiting.wait(5) and None)
    waiting.set()


def test_apprise_that_is_missing_is_said(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv("HOOK", "mailto://s3cret@example.com")
    shell.company(PEOPLE, notify={"apprise": [{"to": "{{ env('HOOK') }}"}]})
    _, err = shell.run("plan", "--drift", code=3)
    assert "pip install 'reconcile-identity[notify]'" in err
    assert "s3cret" not in err


def test_status(shell: Shell) -> None:
    shell.company(PEOPLE, schedule={"cron": "30 1 * * *", "timezone": "UTC"})
    out, _ = shell.run("status")
    assert "last run      none" in out
    assert "drift         3 changes" in out
    assert re.search(r"next run      2\d{3}-\d\d-\d\dT01:30\+00:00", out)
    shell.run("apply", "--yes", "--metrics", "r.prom")
    shell.company(PEOPLE, assertions=[FALSE])
    out, _ = shell.run("status", "--metrics", "r.prom")
    assert "applied: 3 applied (run " in out
    assert "drift         none" in out
    assert "refused       assertion:main/never:1: the assertion does not hold" in out
    assert "exit code 0" in out
    found = json.loads(shell.run("status", "--no-plan", "--format", "json")[0])
    assert found["workspaces"][0]["last_success"]["applied"] == 3
    assert found["workspaces"][0]["drift"] is None
    (shell.folder / "corp.ldif").write_text("nonsense", "utf-8")
    out, _ = shell.run("status", code=7)
    assert "drift         not known" in out
    assert "no plan       corp.ldif" in out


def units() -> dict[str, str]:
    """The units in docs/watching.md, by the file name in the first line of each block."""
    blocks = re.findall(r"```ini\n# (\S+)\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    return dict(blocks)


def test_the_units_of_the_docs_are_valid(tmp_path: Path) -> None:
    found = units()
    assert {"reconcile.service", "reconcile.timer"} <= found.keys()
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    for name, text in found.items():
        program = re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", text, flags=re.MULTILINE)
        (tmp_path / name).write_text(program, "utf-8")
    paths = [str(tmp_path / name) for name in found]
    done = subprocess.run(
        [analyze, "verify", "--man=no", *paths], capture_output=True, text=True, check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"}, timeout=60,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "reconcile" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
