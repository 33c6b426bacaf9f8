"""The user's files as values, with every default. None is the default of the source's type.

Everything here is plain data, except for two protocols that `reconcile.config` implements: a
`Template` renders text from one directory entry, and a `Secret` reveals its text only on demand.
"""

from reconcile.model.desired.assertions import (
    AssertedKind,
    Assertion,
    Check,
    Record,
    Records,
)
from reconcile.model.desired.notify import Notify, NotifyEvent, Receiver
from reconcile.model.desired.promises import (
    Secret,
    Template,
    TemplateEntry,
)
from reconcile.model.desired.rules import (
    Departing,
    DepartmentRule,
    Departure,
    GroupRule,
    Lifecycle,
    Link,
    RoleMapping,
    Roles,
)
from reconcile.model.desired.safety import (
    GroupSafety,
    Limit,
    LossLimits,
    Protect,
    RequiredSignatures,
    Safety,
)
from reconcile.model.desired.source import (
    Absent,
    Attribute,
    Bind,
    Create,
    Expected,
    Fact,
    Groups,
    ReadLimits,
    Source,
    Timeout,
    Tls,
    Units,
    Users,
)
from reconcile.model.desired.state import (
    DesiredState,
    Platform,
    QuietRuns,
    Schedule,
)

__all__ = [
    "Absent",
    "AssertedKind",
    "Assertion",
    "Attribute",
    "Bind",
    "Check",
    "Create",
    "Departing",
    "DepartmentRule",
    "Departure",
    "DesiredState",
    "Expected",
    "Fact",
    "GroupRule",
    "GroupSafety",
    "Groups",
    "Lifecycle",
    "Limit",
    "Link",
    "LossLimits",
    "Notify",
    "NotifyEvent",
    "Platform",
    "Protect",
    "QuietRuns",
    "ReadLimits",
    "Receiver",
    "Record",
    "Records",
    "RequiredSignatures",
    "RoleMapping",
    "Roles",
    "Safety",
    "Schedule",
    "Secret",
    "Source",
    "Template",
    "TemplateEntry",
    "Timeout",
    "Tls",
    "Units",
    "Users",
]
