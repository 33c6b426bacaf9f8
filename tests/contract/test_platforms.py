"""The contract of platforms over every adapter: users, groups, departments, links: written and read back."""

from reconcile.testing.contract.objects import *
from reconcile.testing.contract.quiet import *
