"""The id of a run: every line of the log that belongs together has the same."""

import uuid


class _Now:
    """The run of this process; not one of a context, for the thread that renews a lock logs too."""

    run = ""


def begin() -> str:
    """Begins a run and gives its id, a random UUID. A command is one run; a service begins one each time it is due."""
    _Now.run = str(uuid.uuid4())
    return _Now.run


def current() -> str:
    """The id of the run that takes place, begun here if none was."""
    return _Now.run or begin()
