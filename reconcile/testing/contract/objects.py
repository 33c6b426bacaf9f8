"""One suite over every adapter of the ManagedPlatform port: import all of it from here."""

from reconcile.testing.contract.endings import *  # noqa: F403 - a part of the suite
from reconcile.testing.contract.fields import *  # noqa: F403 - a part of the suite
from reconcile.testing.contract.runs import *  # noqa: F403 - a part of the suite
from reconcile.testing.contract.sources import *  # noqa: F403 - a part of the suite
