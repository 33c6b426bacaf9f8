"""What the tests of this folder share: a file from text, and what loading it says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconcile.config import Loaded, load
from reconcile.errors import ConfigError

HEAD = "version: 1\nplatform: {type: sql, url: sqlite:///acme.db}\n"
EMPTY = HEAD + "sources: []\n"
CORP = (
    HEAD
    + "sources:\n  - name: corp\n    type: ldif\n    files: [a.ldif]\n    base_dn: dc=example,dc=com\n"
)


def loaded(*paths: Path, environ: Mapping[str, str] | None = None, **more: Any) -> Loaded:
    return load(paths, **{"environ": environ or {}, "sources": {}, "platforms": {}, **more})


def said(*paths: Path, **more: Any) -> list[str]:
    """The problems, without the folder they are in."""
    try:
        loaded(*paths, **more)
    except ConfigError as error:
        folders = {str(path if path.is_dir() else path.parent) for path in paths}
        lines = [str(problem) for problem in error.problems]
        for folder in folders:
            lines = [line.replace(f"{folder}/", "") for line in lines]
        return lines
    return []
