"""FEDERATION.md tells other servers' developers exactly what the code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from federation.vocab import activities
from hub.actors.channels import CHANNELS
from hub.bootstrap import handlers

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "FEDERATION.md").read_text(encoding="utf-8")
# Rows of the table under "What we act upon": | `Create` | `Event` | …
ROW = re.compile(r"^\| `(\w+)` \| (?:`(\w+)`|anything) \|", re.MULTILINE)
# Made only to stand inside the answer to it.
ECHOED = {"Join"}


def _section(title: str) -> str:
    return TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_handler_is_named_and_nothing_else() -> None:
    registered = {
        (
            each.activity_type.__name__,
            "" if each.object_type is object else each.object_type.__name__,
        )
        for each in handlers().handlers
    }
    named = set(ROW.findall(_section("What we act upon")))
    assert named == registered


def test_no_row_stands_twice() -> None:
    acted_upon = ROW.findall(_section("What we act upon"))
    assert len(acted_upon) == len(set(acted_upon))
    for title in ("Supported FEPs", "Actors", "What we send"):
        rows = re.findall(r"^\| .+$", _section(title), re.MULTILINE)
        assert len(rows) == len(set(rows)), title
    feps = re.findall(r"\[(FEP-\w{4})\]", _section("Supported FEPs"))
    assert len(feps) == len(set(feps))


def test_every_type_that_we_send_is_named_and_nothing_else() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", _section("What we send"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"\w+", row)}
    made = {name for path in sorted((ROOT / "hub").rglob("*.py")) for name in _made_in(path)}
    assert named == made - ECHOED


def _made_in(path: Path) -> Iterator[str]:
    """The types of activities that a module makes: calls them, or chooses them from a table."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == activities.__name__:
            names |= {one.asname or one.name: one.name for one in node.names}
    for node in ast.walk(tree):
        called = [node.func] if isinstance(node, ast.Call) else []
        chosen = node.values if isinstance(node, ast.Dict) else []
        for each in (*called, *chosen):
            made = names.get(each.id) if isinstance(each, ast.Name) else None
            if made is not None and issubclass(getattr(activities, made), activities.Activity):
                yield made


def test_every_actor_is_named() -> None:
    section = _section("Actors")
    for channel in CHANNELS:
        assert re.search(rf"\| `@{channel.name}` \| {channel.kind} \|", section), channel.name


def test_it_has_the_parts_that_fep_67ff_asks_for() -> None:
    titles = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert titles[:2] == ["Supported federation protocols and standards", "Supported FEPs"]
