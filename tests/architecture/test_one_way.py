"""What is dangerous is done in one place: asking other servers, and saying whose word counts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Whoever can open a connection by itself goes round the guard (SECURITY B3).
DIALLERS = {
    "aiohttp": {"federation/client.py", "federation/pinning.py"},
    "httpx": set(),
    "httpx2": {"federation/client.py", "federation/pinning.py"},
    "httpcore2": {"federation/client.py", "federation/pinning.py"},
    "pycurl": {"federation/curl.py"},
    "requests": set(),
    "urllib.request": set(),
    "urllib3": set(),
    "http.client": set(),
    "ftplib": set(),
}
# Origins are compared by the rules of authority; besides by those who ask whether something was
# addressed to us.
SAME_ORIGIN = {
    "federation/authority.py",
    "hub/entries/gathering.py",
    "hub/fediverse/authentic.py",
}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _importers(name: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for book in ("federation", "hub")
        for path in (ROOT / book).rglob("*.py")
        if any(found == name or found.startswith(f"{name}.") for found in _imports(path))
    }


@pytest.mark.parametrize("name", DIALLERS)
def test_b3_nothing_but_the_two_clients_dials(name: str) -> None:
    assert _importers(name) == DIALLERS[name]


def test_a2_origins_are_compared_in_one_module() -> None:
    assert _importers("federation.origins.same_origin") == SAME_ORIGIN
