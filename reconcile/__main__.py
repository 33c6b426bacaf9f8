"""`python -m reconcile` is the command."""

from reconcile.cli import main

main()
