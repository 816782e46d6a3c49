"""The plan of the house holds: imports, sizes, and nothing of this or that machine in the files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("federation/", "hub/", "migrations/", "requirements/")
SOFT, HARD = 400, 600
TESTS_HARD = 900  # a file of tests is a list: it is searched, not read from end to end
# Longer than is good, each for a reason. What is not here stays under the soft limit.
LONG = {
    "hub/commands.py": "what each command does, in the order of --help",
    "hub/entries/schemas.py": "what all kinds have in common, as it is taken and as it is said",
    "hub/cli.py": "every command with its options, one after the other",
    "federation/verification.py": "who said it, step by step; cut up, the proof is lost",
    "migrations/versions/0001_first_tables.py": "every table once; nobody edits it again",
}

# Put together here, so that this file does not name them itself.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
    )
]
PLACES = re.compile(
    r"(?<![\w.\-/}])/(?:" + "|".join(("wor" + "k", "roo" + "t", "hom" + "e")) + r")/\w"
)


def _tracked() -> Iterator[Path]:
    """Every file that belongs to the repository, also those that are not committed yet."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is not a clone: there is no list of its files")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield path


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def test_the_import_contracts_are_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    kept = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert kept.returncode == 0, kept.stdout


def _lengths(*folders: str) -> dict[str, int]:
    names = {str(path.relative_to(ROOT)): path for path in _tracked() if path.suffix == ".py"}
    return {
        name: (_text(path) or "").count("\n")
        for name, path in names.items()
        if name.startswith(folders)
    }


def test_no_file_is_long_without_a_reason() -> None:
    lengths = _lengths(*SOURCES)
    assert {name: lines for name, lines in lengths.items() if lines > HARD} == {}
    assert {n: lines for n, lines in lengths.items() if lines > SOFT and n not in LONG} == {}
    assert [n for n in LONG if lengths.get(n, 0) <= SOFT] == [], "they need no reason any more"


def test_no_file_of_tests_is_endless() -> None:
    assert {n: lines for n, lines in _lengths("tests/").items() if lines > TESTS_HARD} == {}


def test_no_file_names_a_registry_or_a_folder_of_somebodys_machine() -> None:
    found = []
    for path in _tracked():
        for number, line in enumerate((_text(path) or "").splitlines(), start=1):
            if any(host in line for host in HOSTS) or PLACES.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_packages_hold_a_docstring_and_nothing_else() -> None:
    for path in _tracked():
        if path.name != "__init__.py" or path.parent == ROOT / "hub":
            continue
        text = path.read_text(encoding="utf-8").strip()
        assert text.startswith('"""'), path
        assert text.endswith('"""'), path
        assert text.count('"""') == 2, path


def test_nothing_is_imported_inside_functions() -> None:
    inside = re.compile(r"^\s+(?:import \w|from \w[\w.]* import )")
    for path in _tracked():
        if path.suffix != ".py" or path.parts[len(ROOT.parts)] not in {"federation", "hub"}:
            continue
        typing_only = False
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith((" ", "#", ")")):
                typing_only = line.startswith("if TYPE_CHECKING")
            assert typing_only or not inside.match(line), (
                f"{path.relative_to(ROOT)}: {line.strip()}"
            )


def test_no_page_keeps_from_the_hub_where_its_forms_were_sent() -> None:
    """Without a referrer browsers send `Origin: null`, and the hub takes the form for another's."""
    pages = (ROOT / "hub").glob("*/templates/**/*.html")
    hiding = [page.name for page in pages if 'name="referrer"' in page.read_text("utf-8")]
    assert hiding == []
