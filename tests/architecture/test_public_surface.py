"""What people hold on to is written down as it is: commands, make targets, settings."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hub.cli import app
from hub.core.example import example
from hub.core.settings import Settings

ROOT = Path(__file__).parents[2]
TARGETS = {
    "run", "test", "lint", "check", "bench", "simulate", "interop", "e2e", "soak", "help", "words",
    "fix", "migrate", "assets", "golden", "requirements", "screenshots",
}  # fmt: skip
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "deploy" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def _commands(command_or_group: Any, prefix: str = "hub") -> Iterator[str]:
    inside = getattr(command_or_group, "commands", None)
    if inside is None:
        yield prefix
        return
    for name, command in inside.items():
        yield from _commands(command, f"{prefix} {name}")


COMMANDS = set(_commands(typer.main.get_command(app)))


def test_the_readme_lists_every_command_and_no_other() -> None:
    table = re.findall(r"^\| `(hub [a-z -]+?)(?: (?:[A-Z\[-].*?))?` \|", _readme(), re.MULTILINE)
    assert set(table) == COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_guides_name_only_commands_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for line in re.findall(
        r"(?:^|`|\$ |/)hub ((?:[a-z]+(?:-[a-z]+)*)(?: [a-z]+)?)", text, re.MULTILINE
    ):
        words = line.split()
        known = {f"hub {' '.join(words[:count])}" for count in (1, 2)}
        assert known & COMMANDS, f"{page.name}: hub {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_guides_name_only_make_targets_that_exist(page: Path) -> None:
    named = re.findall(
        r"(?:^|`|\$ )(?:[A-Z]+=\S+ )*make ([a-z0-9]+)\b",
        page.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert set(named) <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_guides_name_only_settings_that_exist(page: Path) -> None:
    known = {f"HUB_{name.upper()}" for name in Settings.model_fields}
    known |= {"HUB_DOMAIN", "HUB_UPSTREAM"}  # Caddy's, in deploy/Caddyfile
    known |= {"HUB_TEST_DATABASE", "HUB_TEST_DATABASE_URL", "HUB_TEST_COMPLETE"}
    assert set(re.findall(r"\bHUB_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_guides_link_to_files_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_makefile_has_the_promised_targets_and_its_help_lists_them() -> None:
    make = shutil.which("make")
    assert make is not None
    shown = subprocess.run([make, "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([a-z0-9]+) ", shown.stdout, re.MULTILINE)) == TARGETS
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS


@pytest.mark.parametrize("form", [["PORT=9001", "run"], ["run"]])
def test_the_port_is_given_to_make_in_either_way(form: list[str]) -> None:
    make = shutil.which("make")
    assert make is not None
    # A recipe of our own that shows what the hub would get.
    script = "include Makefile\nshow:\n\t@echo port=$$HUB_PORT name=$$HUB_NAME\n"
    arguments = [argument for argument in form if "=" in argument]
    given = {} if arguments else {"PORT": "9001"}
    shown = subprocess.run(
        [make, "-s", "-f", "-", *arguments, "HUB_NAME=Oak", "show"],
        cwd=ROOT,
        input=script,
        env={"PATH": "/usr/bin:/bin", **given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "port=9001 name=Oak"


def test_the_example_of_settings_is_what_the_settings_say() -> None:
    written = (ROOT / "deploy" / "hub.env.example").read_text(encoding="utf-8")
    assert written == example(), (
        "write it again: python -m hub.core.example > deploy/hub.env.example"
    )


def test_every_decision_is_numbered_and_has_its_parts() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in records] == [f"{n:04d}" for n in range(1, len(records) + 1)]
    for path in records:
        titles = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert titles == [
            "Context",
            "Decision",
            "Consequences",
            "Alternatives",
            "What enforces it",
        ], path.name


def _readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")
