"""What the core needs from a directory, a platform and a ledger.

Adapters are found by entry point.

A directory adapter is a class of the group `reconcile.directories`, named after the source type; a
platform adapter one of `reconcile.platforms`, named after the platform type. Both are made with
their settings and a `Progress`, and have a static `problems(settings)` that checks the settings
without any I/O; its paths start at the source or the platform, as in `("users", "filter")`.
Connections are opened only when something is read.
"""

from reconcile.ports.application import Platform, Rejected, Unclear
from reconcile.ports.common import Check, Fault, Progress, no_progress
from reconcile.ports.directory import Directory, Outlined, outlined_to_nobody
from reconcile.ports.joint import IN_PLATFORM, Joint, JointLedger
from reconcile.ports.ledger import Ledger
from reconcile.ports.managed import ManagedPlatform, Transactional, Writer
from reconcile.ports.quiet import Remembering, Traced
from reconcile.ports.records import Attempts, History, Holder

__all__ = [
    "IN_PLATFORM",
    "Attempts",
    "Check",
    "Directory",
    "Fault",
    "History",
    "Holder",
    "Joint",
    "JointLedger",
    "Ledger",
    "ManagedPlatform",
    "Outlined",
    "Platform",
    "Progress",
    "Rejected",
    "Remembering",
    "Traced",
    "Transactional",
    "Unclear",
    "Writer",
    "no_progress",
    "outlined_to_nobody",
]
