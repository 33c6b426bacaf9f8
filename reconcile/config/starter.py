"""The commented starter file that `reconcile init` writes."""

from pathlib import Path


def starter() -> str:
    """The text of a desired-state file in which every key is explained; valid as it is."""
    return Path(__file__).with_name("starter.yml").read_text(encoding="utf-8")
