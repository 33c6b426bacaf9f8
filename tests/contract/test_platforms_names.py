"""The contract of platforms over every adapter: names that are swapped, handed on, taken."""

from reconcile.testing.contract.names import *
