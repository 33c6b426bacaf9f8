"""The contract of platforms over every adapter: what a run leaves behind."""

from reconcile.testing.contract.history import *
