"""The pinned packages: hashed, few, young enough, and each with its reason."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
MOST_AT_RUNTIME = 90
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+?)(?: ;[^\\]*)? \\$", re.MULTILINE)

# Below these, a hole is known (SECURITY §7).
FLOORS = {
    "starlette": (1, 3, 1),
    "python-multipart": (0, 0, 30),
    "icalendar": (7, 1, 3),
    "pillow": (12, 3, 0),
    "h11": (0, 16),
    "idna": (3, 7),
    "orjson": (3, 9, 15),
    "uvicorn": (0, 11, 7),
    "jinja2": (3, 1, 6),
    "cryptography": (50,),
}


def _pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("post")[0]))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_h3_every_line_is_a_pin_with_hashes_and_no_address(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        assert PIN.match(block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_a_package_has_one_version_in_all_files() -> None:
    widest = _pins("test")
    for file in FILES:
        for name, version in _pins(file.stem).items():
            assert widest.get(name, version) == version, f"{file.name}: {name}"


def test_h3_there_are_few_packages_at_runtime() -> None:
    assert len(_pins("runtime")) <= MOST_AT_RUNTIME


def test_h3_no_package_is_older_than_its_last_known_hole() -> None:
    pins = _pins("runtime")
    for name, floor in FLOORS.items():
        assert _number(pins[name]) >= floor, f"{name} {pins[name]}"


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    reasons = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["postgres"], *extras["fast"]]
    for line in wanted:
        name = re.split(r"[\[<>=; ]", line)[0]
        assert f"| `{name}` |" in reasons, f"no reason is given for {name}"
