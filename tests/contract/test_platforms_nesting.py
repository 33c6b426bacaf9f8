"""The contract of platforms over every adapter: groups within groups."""

from reconcile.testing.contract.nesting import *
