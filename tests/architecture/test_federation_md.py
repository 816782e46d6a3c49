"""FEDERATION.md tells other servers' developers exactly what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from hub.actors.channels import CHANNELS
from hub.bootstrap import handlers

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "FEDERATION.md").read_text(encoding="utf-8")
# Rows of the table under "What we act upon": | `Create` | `Event` | …
ROW = re.compile(r"^\| `(\w+)` \| (?:`(\w+)`|anything) \|", re.MULTILINE)


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


def test_every_actor_is_named() -> None:
    section = _section("Actors")
    for channel in CHANNELS:
        assert re.search(rf"\| `@{channel.name}` \| {channel.kind} \|", section), channel.name


def test_it_has_the_parts_that_fep_67ff_asks_for() -> None:
    titles = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert titles[:2] == ["Supported federation protocols and standards", "Supported FEPs"]
