"""The Python API: `reconcile.plan`, `reconcile.apply` and `reconcile.authenticate`.

Nothing is printed, no signal is taken over, and only `env()` in the desired state reads the
environment. What is logged goes to the logger `reconcile`, which is silent until the application
gives it, or the root logger, a handler.
"""

import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from reconcile.app import inputs, inspection, plan_files, run, run_log
from reconcile.app.approval import saved_plan
from reconcile.app.inspection import Inventory
from reconcile.app.login.attempt import prepare as prepare_login
from reconcile.app.results import EXIT_NOT_CLEAN, ApplyResult, PlanResult
from reconcile.errors import UsageError
from reconcile.model.change import Scope
from reconcile.model.desired import RequiredSignatures
from reconcile.model.login import Login
from reconcile.ports import no_progress

FilePath: TypeAlias = str | os.PathLike[str]
Configuration: TypeAlias = Mapping[str, Any] | str

logging.getLogger("reconcile").addHandler(logging.NullHandler())  # or Python would print warnings

_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def plan(  # noqa: PLR0913 - each is an option of the command
    *paths: FilePath,
    configuration: Configuration | None = None,
    variables: Mapping[str, str] | None = None,
    workspaces: Iterable[str] = (),
    sources: Iterable[str] = (),
    targets: Iterable[str] = (),
    accept: Iterable[str] = (),
    undo: str = "",
    strict: bool = False,
    plan_file: FilePath | None = None,
    sign: FilePath | None = None,
    captures: Iterable[FilePath] = (),
    user: str = "",
    full: bool = False,
) -> PlanResult:
    """Makes a plan, as `reconcile plan` does. Writes nothing but `plan_file`.

    `paths` are desired-state files or folders, by default `reconcile.yml`; `configuration` is the
    desired state itself instead, as a mapping or as YAML text. `variables` are those of --var,
    `targets` texts such as `user:jdoe`, `accept` codes of violations that `user` accepts. `undo` is
    the id of a run to take back. `strict` counts in the result's `exit_code` alone. `sign` is an
    SSH key that signs `plan_file`, into `PLAN.sig`. `captures` are files of `reconcile capture`,
    which are read instead of the directories. `full` decides everything anew, though nothing has
    changed since the last run.

    Violations are in the result; they raise nothing here. Raises UsageError and ConfigError for
    what the caller has to correct, SourceUnreadable if a source cannot be read, PlatformUnreadable
    if no workspace can be read, PlanFileError and ReconcileError if the plan file cannot be
    written.
    """
    run_log.begin()
    if sign is not None and plan_file is None:
        raise UsageError("sign needs a plan_file: only that can be signed")
    files, contents = _desired_state(paths, configuration)
    loaded = inputs.configuration(files, variables or {}, contents)
    scope = Scope(_names(workspaces), _names(sources), _names(targets))
    made = run.make_plan(
        loaded,
        scope,
        variables or {},
        no_progress,
        undo=undo,
        accept=_names(accept),
        user=user,
        capture_files=tuple(map(Path, captures)),
        full=full,
    )
    if plan_file is not None:
        saved_plan.save(Path(plan_file), made.plan, None if sign is None else Path(sign))
    return PlanResult(made.plan, made.troubles, strict, made.last_full)


def apply(  # noqa: PLR0913 - each is an option of the command
    *paths: FilePath,
    configuration: Configuration | None = None,
    variables: Mapping[str, str] | None = None,
    workspaces: Iterable[str] = (),
    sources: Iterable[str] = (),
    targets: Iterable[str] = (),
    accept: Iterable[str] = (),
    plan_file: FilePath | None = None,
    expect_digest: str = "",
    allowed_signers: FilePath | None = None,
    signers: int = 1,
    revoked_keys: FilePath | None = None,
    strict: bool = False,
    force: bool = False,
    user: str = "",
    full: bool = False,
) -> ApplyResult:
    """Applies a plan file exactly, or plans and applies, as `reconcile apply --yes` does.

    The parameters are those of `plan`. With `plan_file` the desired state has to be the one it was
    made from, and what narrows or accepts belongs to `plan`. `force` takes over the lock of a
    dead run. `user` is recorded in the history, by default the account of the process. `full` is
    that of `plan`.

    `expect_digest` is the digest of the plan file, as in `sha256:…`. `allowed_signers` is a file
    of the people of whom `signers` have to sign it, in addition to what the desired state demands.
    A plan file that a run has applied already is not applied again; `already_applied` of the result
    is the id of that run.

    Raises NotApproved for a plan file that is not the expected one or not signed, GuardRefused for
    violations that are not accepted, StalePlan if what the plan was made from has changed, Locked
    if another run is active, and what `plan` raises: nothing was written then.
    Whatever goes wrong later is in the result's `outcomes` and `troubles`.
    """
    run_log.begin()
    files, contents = _desired_state(paths, configuration)
    task = run.Task(
        files=files,
        variables=variables or {},
        plan_file=None if plan_file is None else Path(plan_file),
        scope=Scope(_names(workspaces), _names(sources), _names(targets)),
        accept=_names(accept),
        force=force,
        strict=strict,
        user=user,
        contents=contents,
        expect_digest=expect_digest,
        signatures=_required(allowed_signers, signers, revoked_keys),
        full=full,
    )
    return _applied(task)


def _applied(task: run.Task) -> ApplyResult:
    """Does the task. Raises UsageError for what does not go with a plan file, or without one."""
    if task.plan_file is not None and (task.scope != Scope() or task.accept):
        raise UsageError(
            "a plan file is applied as it is: workspaces, sources, targets, accept belong to plan"
        )
    if task.plan_file is not None and task.full:
        raise UsageError("a plan file is applied as it is: full belongs to plan")
    if task.plan_file is None and (task.expect_digest or task.signatures is not None):
        raise UsageError("expect_digest and allowed_signers need a plan_file")
    saved, loaded = run.begin(task)
    prepared = run.prepare(task, saved, loaded, no_progress)
    name = run_log.new_id() if prepared.plan.changes else ""
    report = run.carry_out(prepared, no_progress, name)
    code = run.exit_code(report)
    if not code and task.strict and prepared.plan.not_clean:
        code = EXIT_NOT_CLEAN
    planned = PlanResult(prepared.shown, prepared.troubles, task.strict, prepared.last_full)
    return ApplyResult(planned, report, "" if report.already_applied else name, code)


def secret_variables(
    *paths: FilePath,
    configuration: Configuration | None = None,
    variables: Mapping[str, str] | None = None,
) -> frozenset[str]:
    """The names of the variables that secrets of the desired state are made from: not to be shown.

    Raises UsageError and ConfigError.
    """
    files, contents = _desired_state(paths, configuration)
    return inputs.configuration(files, variables or {}, contents).effective.secret_variables


def load_plan(plan_file: FilePath) -> PlanResult:
    """What a plan file holds. Needs neither the desired state nor any connection.

    Raises PlanFileError for a file that is damaged, of another version or no plan file.
    """
    return PlanResult(plan_files.read(Path(plan_file)))


def inventory(
    *paths: FilePath,
    configuration: Configuration | None = None,
    variables: Mapping[str, str] | None = None,
    workspaces: Iterable[str] = (),
    sources: Iterable[str] = (),
) -> Inventory:
    """What the platform holds now: users, groups, departments and roles. Changes nothing.

    The parameters are those of `plan`. Raises UsageError and ConfigError for what the caller has to
    correct, PlatformUnreadable if a workspace cannot be read.
    """
    files, contents = _desired_state(paths, configuration)
    loaded = inputs.configuration(files, variables or {}, contents)
    return inspection.inventory(loaded, _names(workspaces), _names(sources), no_progress)


def authenticate(
    name: str,
    password: str,
    *paths: FilePath,
    configuration: Configuration | None = None,
    source: str = "",
    workspace: str = "",
    variables: Mapping[str, str] | None = None,
    origin: str = "",
) -> Login:
    """Lets a directory check a person's password, and brings the person's user up to date.

    `name` is the username on the platform or the identifier in the directory, with or without
    `@domain`; `paths` are the desired-state files, by default `reconcile.yml`. `source` and
    `workspace` have to be named if there are several and the name does not decide. `variables` are
    those of `--var`. `origin` says where the attempt comes from, as the caller itself has seen it,
    such as an IP address: failures then count for each origin.

    Raises LoginRefused, whose `reason` says why; UsageError and ConfigError for what the caller has
    to correct; Unreadable if the directory or the platform cannot be asked; Locked if a first login
    has to wait for a run.
    """
    files, contents = _desired_state(paths, configuration)
    attempt = prepare_login(
        name,
        files,
        source=source,
        workspace=workspace,
        variables=variables or {},
        origin=origin,
        contents=contents,
    )
    return attempt.attempt(password)


def _required(
    allowed_signers: FilePath | None, signers: int, revoked_keys: FilePath | None
) -> RequiredSignatures | None:
    """The signatures that a caller demands. Raises UsageError."""
    if not 1 <= signers <= 100:
        raise UsageError(f"signers is a number from 1 to 100, not {signers}")
    if allowed_signers is None:
        if signers != 1 or revoked_keys is not None:
            raise UsageError("signers and revoked_keys need allowed_signers")
        return None
    revoked = os.fspath(revoked_keys) if revoked_keys is not None else ""
    return RequiredSignatures(os.fspath(allowed_signers), signers, revoked)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """In order. Raises UsageError for a single text, which would be read as a list of letters."""
    if isinstance(names, str):
        raise UsageError(f"expected a list of texts, not the text {names!r}")
    return tuple(sorted(names))


def _desired_state(
    paths: tuple[FilePath, ...], configuration: Configuration | None
) -> tuple[tuple[Path, ...], dict[Path, bytes]]:
    """The files to read, and the content of those that do not come from disk. Raises UsageError."""
    if configuration is None:
        return tuple(Path(path) for path in paths), {}
    if paths:
        raise UsageError("give paths or a configuration, not both")
    text = configuration if isinstance(configuration, str) else _yaml(configuration)
    try:
        return (inputs.INLINE,), {inputs.INLINE: text.encode()}
    except UnicodeEncodeError as error:
        raise UsageError("the configuration is not UTF-8 text") from error


def _yaml(configuration: Mapping[str, Any]) -> str:
    """The mapping as JSON, which is YAML. Raises UsageError for values that YAML does not have."""
    try:
        text = json.dumps(dict(configuration), indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the configuration is not plain data: {error}") from error
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
