# Copyright: (c) 2026, The reconcile authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules share: the package, its errors as failures, and secrets that stay secret."""

from __future__ import annotations

import contextlib
import io
import json
import os
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    import reconcile
    from reconcile import errors, interrupts
    from reconcile.app.api import secret_variables
    from reconcile.config import clear_texts

    IMPORT_ERROR = None
except ImportError:
    reconcile = errors = interrupts = secret_variables = clear_texts = None
    IMPORT_ERROR = traceback.format_exc()

VERSION = "0.1.0"
"""Of the collection; the package must have the same."""

VIOLATIONS_SHOWN = 20
"""How many violations a message lists; the result has all."""

DESIRED_STATE = {
    "path": {"type": "path"},
    "config": {"type": "dict"},
    "variables": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "workspaces": {"type": "list", "elements": "str", "default": []},
    "sources": {"type": "list", "elements": "str", "default": []},
}
"""The options that name a desired state."""


class IdentityModule(AnsibleModule):
    """A module whose `config` is shown nowhere.

    Ansible shows the options of a module from verbosity 3 on, and in the log of the system. Where
    the configuration or another option is wrong, nobody knows which of its texts are secrets.
    """

    def __init__(self, **settings):
        super().__init__(no_log=True, **settings)  # in the log of the system

    def exit_json(self, **result):
        """Ends the module with a result."""
        self._hide_configuration()
        super().exit_json(**result)

    def fail_json(self, msg, **result):
        """Ends the module with a failure."""
        self._hide_configuration()
        super().fail_json(msg, **result)

    def _hide_configuration(self):
        if self.params.get("config") is not None:
            self.params["config"] = "not shown, for it may have secrets"


def require_library(module):
    """Fails where the package is missing, or of another version than the collection."""
    if IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("reconcile-identity"), exception=IMPORT_ERROR)
    if reconcile.__version__ != VERSION:
        module.fail_json(
            msg=f"The collection reconcile.identity {VERSION} found the package "
            f"reconcile-identity {reconcile.__version__}. Install the same version of both; an old "
            "copy of the collection in a collections path goes before the one in the package.",
            collection_version=VERSION,
            package_version=reconcile.__version__,
        )


def settle(module):
    """What every module does first: checks the package and the options, and takes the secrets.

    Returns the arguments by which every function of the package takes a desired state.
    """
    require_library(module)
    paths, options = desired_state(module.params)
    with failing(module):
        check_options(module.params)
        if "secrets" in module.params:
            take_secrets(module, paths, options)
    return paths, options


def check_options(params):
    """Raises UsageError for values that Ansible lets pass and that nothing can be done with."""
    for name in ("path", "plan_file"):
        if params.get(name) == "":
            raise errors.UsageError("%s is empty: name a file, or leave the option out" % name)
    for name in ("max_changes", "lock_timeout"):
        if params.get(name, 0) < 0:
            raise errors.UsageError("%s is %d: it must not be negative" % (name, params[name]))
    for option in ("secrets", "variables"):
        for name, value in params.get(option, {}).items():
            _check_text(option, name, value)


def _check_text(option, name, value):
    """Raises UsageError for a name or a value that no variable can have. Never shows the value."""
    if not name or set(name) & {"=", "\0"}:
        raise errors.UsageError("%s: %r cannot be the name of a variable" % (option, name))
    if not isinstance(value, (str, int, float)):
        kind = "null" if value is None else "a %s" % type(value).__name__
        raise errors.UsageError("%s.%s is %s: it must be a text or a number" % (option, name, kind))
    if "\0" in text_of(value):
        raise errors.UsageError("%s.%s contains a null character" % (option, name))


def take_secrets(module, paths, options):
    """Sets the variables of `secrets`; masks all secrets that the options hold in clear text."""
    secrets = module.params["secrets"]
    os.environ.update({name: text_of(value) for name, value in secrets.items()})
    configuration, variables = options["configuration"] or {}, options["variables"]
    module.no_log_values.update(text_of(value) for value in secrets.values())
    module.no_log_values.update(clear_texts(configuration, variables))
    module.no_log_values.update(variables[name] for name in _secret_variables(paths, options))
    module.no_log_values.discard("")


def _secret_variables(paths, options):
    """The names of the variables that secrets are made from.

    Where the files do not say, all with more than three characters: to mask shorter texts
    everywhere would spoil the message about what is wrong with the files.
    """
    variables = options["variables"]
    try:
        used = secret_variables(*paths, configuration=options["configuration"], variables=variables)
    except errors.ReconcileError:
        return {name for name, value in variables.items() if len(value) > 3}
    return variables.keys() & used


def desired_state(params):
    """The paths and the options that name a desired state."""
    variables = params.get("variables", {})
    options = {
        "configuration": params.get("config"),
        "variables": {name: text_of(value) for name, value in variables.items()},
        "workspaces": params.get("workspaces"),
        "sources": params.get("sources"),
    }
    return ([params["path"]] if params.get("path") else []), options


def text_of(value):
    """A value as YAML writes it: true and false are not those of Python."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextlib.contextmanager
def failing(module):
    """Fails with the message, the exit code of the command and the data of an error.

    A module prints JSON alone, so what libraries print is swallowed. A signal breaks the work off
    and leaves no lock behind.
    """
    failure = None
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with interrupts.listening() as restored:
            try:
                with restored():
                    yield
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - or a secret is shown
                failure = _failure(error)
    if failure:
        module.fail_json(**failure)


def _failure(error):
    """The arguments of `fail_json`."""
    if interrupts.broke_off():  # also where a library has made another error of it
        msg = "Interrupted. What was applied before stays applied, and no lock is left; run again."
        return {"msg": msg, "exit_code": interrupts.exit_code(), "changed": False}
    if not isinstance(error, errors.ReconcileError):
        return {
            "msg": "Unexpected error: %s: %s" % (type(error).__name__, error),
            "exception": traceback.format_exc(),
            "exit_code": 1,
            "changed": False,
        }
    failure = {"msg": str(error), "exit_code": error.exit_code, "changed": False}
    if isinstance(error, errors.Locked):
        failure["msg"] = failure["msg"].replace("with --force", "with force: true")
    if isinstance(error, errors.StalePlan):
        failure["moved"] = list(error.moved)
    if isinstance(error, errors.GuardRefused):
        failure["violations"] = [
            {"code": code, "detail": detail, "acceptable": acceptable, "accepted": False}
            for code, detail, acceptable in error.violations
        ]
        failure["msg"] = refusal(failure["violations"]) or failure["msg"]
    if isinstance(error, errors.ConfigError):
        failure["problems"] = [
            {
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "path": problem.path,
                "message": problem.message,
            }
            for problem in error.problems
        ]
    return failure


def refusal(violations):
    """The message of a plan that the safety rules refuse, with the way out; "" for none."""
    refused = [violation for violation in violations if not violation["accepted"]]
    if not refused:
        return ""
    shown = ["%(code)s: %(detail)s" % violation for violation in refused[:VIOLATIONS_SHOWN]]
    if len(refused) > VIOLATIONS_SHOWN:
        shown.append("%d more are in violations" % (len(refused) - VIOLATIONS_SHOWN))
    message = "Refused by the safety rules, nothing was applied: " + "; ".join(shown) + "."
    if len(refused) > VIOLATIONS_SHOWN or not all(v["acceptable"] for v in refused):
        return message
    codes = [v["code"] for v in violations if v["accepted"]] + [v["code"] for v in refused]
    return message + " If this is intended, set accept: " + json.dumps(codes, ensure_ascii=False)
