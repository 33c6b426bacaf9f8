"""The text format of Prometheus, and the file that node_exporter's textfile collector reads."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from reconcile import files
from reconcile.errors import UsageError

MODE: Final = 0o644
"""The collector runs as another account."""
_MOST: Final = 4 * 1024 * 1024
_SAMPLE: Final = re.compile(r"(\w+) ([0-9.eE+-]{1,40})")


class Sample(NamedTuple):
    """One value of a metric."""

    value: float
    labels: Mapping[str, str] = {}


class Metric(NamedTuple):
    """A gauge with its samples."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def text(metrics: Iterable[Metric]) -> str:
    """The metrics as Prometheus reads them; one without samples is left out."""
    return "".join(f"{line}\n" for metric in metrics for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    if not metric.samples:
        return
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} gauge"
    for sample in metric.samples:
        pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
        labels = f"{{{pairs}}}" if pairs else ""
        yield f"{metric.name}{labels} {sample.value!r}"


def _escaped(value: str) -> str:
    """The value of a label. What is no UTF-8 becomes a question mark."""
    sound = value.encode("utf-8", "replace").decode("utf-8")
    return sound.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def check(path: Path) -> None:
    """Raises UsageError if a metrics file cannot be written there, before anything is done."""
    if not path.parent.is_dir():
        raise UsageError(f"--metrics: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise UsageError(f"--metrics: {path} is not a regular file")


def earlier(path: Path, name: str) -> float | None:
    """The value of a metric without labels in an earlier file; None if it has none."""
    with suppress(OSError, ValueError):
        content = files.read(path, _MOST).data.decode("utf-8", "replace")
        for line in content.splitlines():
            match = _SAMPLE.fullmatch(line)
            if match and match[1] == name:
                return float(match[2])
    return None


def write(path: Path, content: str) -> None:
    """Writes the file whole or not at all. Raises OSError."""
    # The collector reads *.prom, so a file that is being written has another ending.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode())
            file.flush()
            os.fchmod(file.fileno(), MODE)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
