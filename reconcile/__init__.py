"""Keep an application platform's accounts equal to what its directories say.

The package's own names are few: the command line is `reconcile.cli`, the layers below it are drawn in
docs/architecture.md. Nothing is imported here, so that `reconcile --help` starts at once.
"""

__version__ = "0.1.0"
