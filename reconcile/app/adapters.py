"""Adapters of directories and platforms, found by entry point."""

import importlib.metadata
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from reconcile.model import desired
from reconcile.platforms.managed import managed
from reconcile.ports import Directory, Fault, ManagedPlatform, Progress

DIRECTORIES: Final = "reconcile.directories"
PLATFORMS: Final = "reconcile.platforms"


def directory(source: desired.Source, progress: Progress) -> Directory:
    """The adapter of a source, not yet connected."""
    adapter: Directory = _adapter(DIRECTORIES, source.type)(source, progress)
    return adapter


def platform(settings: desired.Platform, progress: Progress) -> ManagedPlatform:
    """The platform with its ledger, not yet connected."""
    adapter = _adapter(PLATFORMS, settings.type)(settings, progress)
    return managed(adapter, settings, progress)


def checkers(group: str) -> dict[str, Callable[[Any], Iterable[Fault]]]:
    """Type → the check of its settings. Only those that are called import their adapter."""
    return {point.name: _checker(point) for point in _points(group)}


def _checker(point: importlib.metadata.EntryPoint) -> Callable[[Any], Iterable[Fault]]:
    def check(settings: object) -> Iterable[Fault]:
        faults: Iterable[Fault] = point.load().problems(settings)
        return faults

    return check


def version(group: str, name: str) -> str:
    """The version of the package that an adapter is from, with the name of its class."""
    (point, *_) = (point for point in _points(group) if point.name == name)
    return f"{point.value} {point.dist.version if point.dist is not None else ''}"


def _points(group: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(_all_points().select(group=group))


@cache  # looking through all installed packages takes longer than reading a small directory
def _all_points() -> Any:  # its type is another one since Python 3.12
    return importlib.metadata.entry_points()


def _adapter(group: str, name: str) -> type:
    (point, *_) = (point for point in _points(group) if point.name == name)
    adapter: type = point.load()
    return adapter
