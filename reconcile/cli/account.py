"""The account that runs a command, for locks and the history."""

import getpass
import os


def account() -> str:
    """As the environment names it (LOGNAME, USER), else the account of the process; else its number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"
