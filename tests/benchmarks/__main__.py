"""`make bench`: every ratio, yardstick and hub side by side in one run.

python -m tests.benchmarks            all of them, and the table of docs/performance.md anew
python -m tests.benchmarks P1 P9      these; their rows of the table anew
"""

from __future__ import annotations

import platform
import sqlite3
import sys
from datetime import date
from pathlib import Path

from tests.benchmarks import (
    matching,
    p1_inbox,
    p2_inbox_fedify,
    p3_fanout,
    p4_fanout_fedify,
    p6_publish,
    p7_black_holes,
    p8_kill,
    p9_memory,
    p10_tls_memory,
    p11_reading,
    p12_map,
    p13_search,
    p14_ingest,
    p15_processes,
    p16_sync,
    p17_crowds,
)
from tests.benchmarks.rig import PAIRS, ROOT

BENCHMARKS = {
    "P1": p1_inbox.measure,
    "P2": p2_inbox_fedify.measure,
    "P3": p3_fanout.measure,
    "P4": p4_fanout_fedify.measure,
    "P5": p4_fanout_fedify.measure_tls,
    "P6": p6_publish.measure,
    "P7": p7_black_holes.measure,
    "P8": p8_kill.measure,
    "P9": p9_memory.measure,
    "P10": p10_tls_memory.measure,
    "P11": p11_reading.measure,
    "P12": p12_map.measure,
    "P13": p13_search.measure,
    "P14": p14_ingest.measure,
    "P15": p15_processes.measure,
    "P16": p16_sync.measure,
    "P17": p17_crowds.measure,
    "M": matching.measure,
}
HEAD = """| # | what | yardstick | hub | ratio | target | unit | met |
|---|---|--:|--:|--:|--:|---|---|"""
REPORT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"


def main() -> None:
    """Run the ones that were asked for, or all, and keep their rows."""
    print(HEAD, flush=True)
    for number in sys.argv[1:] or BENCHMARKS:
        rows = [ratio.line() for ratio in BENCHMARKS[number]()]
        print(*rows, sep="\n", flush=True)
        write(REPORT, number, rows)


def write(report: Path, number: str, rows: list[str]) -> None:
    """Put a benchmark's rows between the two marks of the report, in place of its old ones."""
    before, _, rest = report.read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    table = {name: [line for line in old.splitlines() if _is_of(line, name)] for name in BENCHMARKS}
    table[number] = rows
    kept = [line for lines in table.values() for line in lines]
    report.write_text("\n".join([f"{before}{BEGIN}", _machine(), "", HEAD, *kept, f"{END}{after}"]))


def _is_of(line: str, number: str) -> bool:
    """Whether a row is this benchmark's: those of P4 may have a word behind it, M's a number."""
    first = line.removeprefix("| ").split(" ")[0]
    return first == number or (number == "M" and first[:1] == "M" and first[1:].isdigit())


def _machine() -> str:
    """When and on what it was measured."""
    flags = Path("/proc/cpuinfo").read_text()
    cores = flags.count("processor\t")
    wide = ", AVX-512 IFMA" if "avx512ifma" in flags else ""
    today = date.today()  # noqa: DTZ011 - the calendar on the wall
    return (
        f"Last measured on {today:%d %B %Y}, {PAIRS} pairs in turn for each row: "
        f"{cores} cores{wide}, CPython {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version} with `synchronous=FULL`, everything on loopback."
    )


if __name__ == "__main__":
    main()
