"""`make soak`: the fault rigs at full length, their figures written to docs/reliability.md.

`SHARE=0.1` runs a tenth of it. Both databases are tried at the same time, two rigs of each. Each
rig's line says when it was run and how much of it; a run of some rigs leaves the lines of the
others, and one in which a rig failed changes nothing.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- written by make soak -->", "<!-- end -->"
HEAD = ["| rig | what | database | figures | run |", "|---|---|---|---|---|"]
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Run what was asked for, all rigs by default; the exit code is that of the tests."""
    share = os.environ.get("SHARE", "1")
    rigs = sys.argv[1:] or [
        "tests/integration/faults",
        "tests/integration/test_fuzz.py",
        "tests/integration/test_invented_hosts.py",
        "tests/integration/test_region.py",
    ]
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures"
        figures.touch()
        running = [_tried(database, rigs, share, figures) for database in DATABASES]
        codes = [each.wait() for each in running]
        if any(codes):
            return max(codes)
        lines = [json.loads(line) for line in figures.read_text().splitlines()]
    PAGE.write_text(with_figures(PAGE.read_text(), lines, share))
    return 0


def _tried(
    database: str, rigs: Sequence[str], share: str, figures: Path
) -> subprocess.Popen[bytes]:
    """The rigs at one database, as a process that says at its end how they went."""
    env = {
        **os.environ,
        "HUB_SOAK": share,
        "HUB_SOAK_FIGURES": str(figures),
        "HUB_TEST_DATABASE": database,
    }
    words = [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "worksteal", *rigs]
    return subprocess.Popen(words, cwd=ROOT, env=env)


def with_figures(page: str, lines: list[dict[str, Any]], share: str) -> str:
    """The page with these figures in the places of older ones of the same rigs."""
    before, _, rest = page.partition(BEGIN)
    kept, _, after = rest.partition(END)
    old = [row for row in kept.splitlines() if row.startswith("| ") and row != HEAD[0]]
    rows = {_what(row): row for row in old}
    when = f"{datetime.now(UTC):%Y-%m-%d}" + ("" if share == "1" else f", {share} of it")
    rows.update({_what(row): row for row in (_row(line, when) for line in lines)})
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    how = f"{machine}, Python {platform.python_version()}."
    table = [how, "", *HEAD, *sorted(rows.values())]
    return before + "\n".join([BEGIN, "", *table, "", END]) + after


def _what(row: str) -> str:
    """Which rig, fault and database a row is about."""
    return "|".join(row.split("|")[1:4])


def _row(line: dict[str, Any], when: str) -> str:
    told = ", ".join(f"{name} {value:,}" for name, value in line["figures"].items())
    return f"| {line['rig']} | {line['what']} | {line['database']} | {told} | {when} |"


if __name__ == "__main__":
    sys.exit(main())
