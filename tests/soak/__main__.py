"""`make soak`: the fault rigs at full length, their figures written to docs/reliability.md.

`SHARE=0.1` runs a tenth of it. Both databases are tried at the same time, two rigs of each. The
table is written only when every rig passed; which machine it was, when, and how much was run stands
above it.
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
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Run what was asked for, all rigs by default; the exit code is that of the tests."""
    share = os.environ.get("SHARE", "1")
    rigs = sys.argv[1:] or ["tests/integration/faults", "tests/integration/test_fuzz.py"]
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures"
        figures.touch()
        running = [_tried(database, rigs, share, figures) for database in DATABASES]
        codes = [each.wait() for each in running]
        if any(codes):
            return max(codes)
        lines = [json.loads(line) for line in figures.read_text().splitlines()]
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + written(lines, share) + rest.partition(END)[2])
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


def written(lines: list[dict[str, Any]], share: str) -> str:
    """The part of the page that a run writes."""
    moment = datetime.now(UTC)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    python = f"Python {platform.python_version()}"
    how = f"On {moment:%Y-%m-%d}, {machine}, {python}; share of the full length: {share}."
    rows = sorted(_row(line) for line in lines)
    head = ["| rig | what | database | figures |", "|---|---|---|---|"]
    return "\n".join([BEGIN, "", how, "", *head, *rows, "", END])


def _row(line: dict[str, Any]) -> str:
    told = ", ".join(f"{name} {value:,}" for name, value in line["figures"].items())
    return f"| {line['rig']} | {line['what']} | {line['database']} | {told} |"


if __name__ == "__main__":
    sys.exit(main())
