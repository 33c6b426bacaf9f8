# Copyright: (c) 2026, The reconcile authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules share: the package, its errors as failures, and secrets that stay secret."""

from __future__ import annotations

import contextlib
import io
import os
import traceback

from ansible.module_utils.basic import missing_required_lib

try:
    import reconcile
    from reconcile import errors
    from reconcile.app.api import secret_variables
    from reconcile.config import clear_texts

    IMPORT_ERROR = None
except ImportError:
    reconcile = errors = secret_variables = clear_texts = None
    IMPORT_ERROR = traceback.format_exc()

VERSION = "0.1.0"
"""Of the collection; the package must have the same."""

DESIRED_STATE = {
    "path": {"type": "path"},
    "config": {"type": "dict"},
    "variables": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "workspaces": {"type": "list", "elements": "str", "default": []},
    "sources": {"type": "list", "elements": "str", "default": []},
}
"""The options that name a desired state."""


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


def take_secrets(module):
    """Sets the variables of `secrets`; masks all secrets that the options hold in clear text."""
    os.environ.update({name: str(value) for name, value in module.params["secrets"].items()})
    config, variables = module.params["config"] or {}, module.params["variables"]
    module.no_log_values.update(clear_texts(config, variables))
    module.no_log_values.update(text_of(variables[name]) for name in _secret_variables(module))


def _secret_variables(module):
    """The names of the variables that secrets are made from; all where the files do not say."""
    given = module.params["variables"]
    paths, options = desired_state(module)
    try:
        used = secret_variables(
            *paths, configuration=options["configuration"], variables=options["variables"]
        )
    except errors.ReconcileError:
        return given.keys()
    return given.keys() & used


def desired_state(module):
    """The arguments by which every function of the package takes a desired state."""
    params = module.params
    paths = [params["path"]] if params["path"] else []
    options = {
        "configuration": params["config"],
        "variables": {name: text_of(value) for name, value in params["variables"].items()},
        "workspaces": params["workspaces"],
        "sources": params["sources"],
    }
    return paths, options


def text_of(value):
    """A value as YAML writes it: true and false are not those of Python."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextlib.contextmanager
def failing(module):
    """Fails with the message, the exit code of the command and the data of an error of the package.

    A module prints JSON alone, so what libraries print is swallowed.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    except errors.ReconcileError as error:
        failure = {"msg": str(error), "exit_code": error.exit_code, "changed": False}
        if isinstance(error, errors.StalePlan):
            failure["moved"] = list(error.moved)
        if isinstance(error, errors.GuardRefused):
            failure["violations"] = [
                {"code": code, "detail": detail, "acceptable": acceptable, "accepted": False}
                for code, detail, acceptable in error.violations
            ]
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
    else:
        return
    module.fail_json(**failure)
