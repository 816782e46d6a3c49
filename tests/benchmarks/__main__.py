"""`make bench`: every ratio, yardstick and hub side by side in one run."""

from __future__ import annotations

import sys

from tests.benchmarks import p1_inbox, p3_fanout, p6_publish, p9_memory

BENCHMARKS = {
    "P1": p1_inbox.measure,
    "P3": p3_fanout.measure,
    "P6": p6_publish.measure,
    "P9": p9_memory.measure,
}
HEAD = """| # | what | yardstick | hub | ratio | target | unit | met |
|---|---|--:|--:|--:|--:|---|---|"""


def main() -> None:
    """Run the ones that were asked for, or all."""
    print(HEAD, flush=True)
    for number in sys.argv[1:] or BENCHMARKS:
        for ratio in BENCHMARKS[number]():
            print(ratio.line(), flush=True)


if __name__ == "__main__":
    main()
