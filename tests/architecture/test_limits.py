"""The published limits are those that the code obeys: each row names its constant."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import federation
import hub.fediverse
import hub.web
from hub.core.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<value>[^|]+) \| `(?P<name>[\w.]+)` \|$", re.MULTILINE)
# A constant of such a name bounds something, and strangers may want to know.
BOUNDS = re.compile(r"(^|_)(MAX|MIN|MOST|LEAST|LIMIT|LONGEST|LARGEST|LIFE)(_|$)|_(SECONDS|BYTES)$")
# Everything in here is in reach of strangers.
IN_REACH: tuple[ModuleType, ...] = (federation, hub.fediverse, hub.web)
# What bounds nothing that anybody outside could meet, or is no bound at all.
OTHER = {
    "federation.client.DEADLINE_MARGIN_SECONDS",
    "federation.signatures.proofs._SIGNATURE_BYTES",
    "federation.testing._REPLY_LIMIT_BYTES",
    "federation.pinning.MAX_TLS_SESSIONS",
    "hub.fediverse.inbox.MOST_TOLD",
}
UNITS = (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


def shown(name: str, value: Any) -> str:
    """A value as the page writes it, with the unit that the constant's name implies."""
    if isinstance(value, timedelta):
        return _time(value.total_seconds())
    if isinstance(value, frozenset):
        return ", ".join(map(str, sorted(value)))
    if re.search(r"(_SECONDS|_S)$", name):
        return _time(value)
    if "BYTES" in name:
        return _bytes(value)
    if abs(2**53 - value) <= 1:
        return "2⁵³" if value == 2**53 else "2⁵³ − 1"
    return f"{value:,}".replace(",", " ") if value >= 10_000 else f"{value:g}"


def _time(seconds: float) -> str:
    unit, size = next(each for each in UNITS if seconds >= each[1] and seconds % each[1] == 0)
    count = seconds / size
    return f"{count:g} {unit if count != 1 else unit[:-1]}"


def _bytes(value: int) -> str:
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10), ("MB", 1_000_000), ("kB", 1000)):
        if value >= size and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value} bytes"


def value_of(name: str) -> Any:
    """What a row names: a constant of a module, or the default of a setting."""
    module, _, constant = name.rpartition(".")
    if module == "settings":
        return Settings.model_fields[constant].default
    return getattr(importlib.import_module(module), constant)


def rows() -> dict[str, str]:
    found = {row["name"]: row["value"].strip() for row in ROW.finditer(PAGE.read_text("utf-8"))}
    assert len(found) > 80
    return found


@pytest.mark.parametrize("name", rows())
def test_c7_the_published_limit_is_the_one_that_is_obeyed(name: str) -> None:
    assert rows()[name] == shown(name, value_of(name))


def _modules() -> Iterator[ModuleType]:
    for package in IN_REACH:
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def test_c7_every_limit_in_reach_of_strangers_is_published() -> None:
    bounds = {
        f"{module.__name__}.{name}"
        for module in _modules()
        for name, value in vars(module).items()
        if name.isupper()
        and BOUNDS.search(name)
        and isinstance(value, (int, float, timedelta, frozenset))
        and re.search(rf"^{name}\b", Path(str(module.__file__)).read_text("utf-8"), re.MULTILINE)
    }
    assert bounds >= OTHER, "the list of exceptions has something that is no more"
    assert sorted(bounds - OTHER - set(rows())) == []
