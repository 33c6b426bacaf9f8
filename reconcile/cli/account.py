"""The account that runs a command, for locks and the history."""

import getpass
import os


def account() -> str:
    """The account that the environment names (LOGNAME, USER) or the process has, or its number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"
