"""`make simulate`: the figures into docs/scale.md, the pictures into docs/pictures/."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from tests.benchmarks.simulation.drawing import Axis, Points, chart
from tests.benchmarks.simulation.scenes import (
    BUCKET,
    BURST,
    OUTAGE,
    WARM_UP,
    WEEK,
    bursts,
    week,
)
from tests.benchmarks.simulation.simulator import Figures
from tests.benchmarks.simulation.world import DAY, HOUR, MINUTE

DOCS = Path(__file__).parents[3] / "docs"
BEGIN, END = "<!-- simulation: begin -->", "<!-- simulation: end -->"
BURST_NAMES = {
    "alone": "the living alone",
    "share": "with the silent among them",
    "breaker": "the same without a share of their own",
    "none": "the same without that and without a breaker",
}


def main() -> None:
    """Simulate, draw, write."""
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--servers", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    simulation = week(given.servers, seed=given.seed)
    seen = simulation.run(WEEK)
    print(f"six days: {sum(seen.attempts.values()):,} attempts", file=sys.stderr)
    # A tenth, and few places: before all 25,000 one core is the limit, not the places.
    burst = bursts(given.servers // 10, seed=given.seed)
    pictures = DOCS / "pictures"
    (pictures / "delivery-age.svg").write_text(_ages(seen), encoding="utf-8")
    (pictures / "goodput.svg").write_text(_goodput(seen), encoding="utf-8")
    (pictures / "breaker.svg").write_text(_breaker(burst), encoding="utf-8")
    table = _table(given.servers, seen, simulation.waiting(), burst)
    page = DOCS / "scale.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{after}", encoding="utf-8")


def at(share: float, values: Sequence[float]) -> float:
    """The value that this share of them stays under; 0 of none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _span(seconds: float) -> str:
    """In the unit that reads best."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} s"


def _table(servers: int, seen: Figures, waiting: int, burst: dict[str, Figures]) -> str:
    living, cut = seen.ages["living"], seen.ages["cut off"]
    attempts, wasted = sum(seen.attempts.values()), sum(seen.wasted.values())
    arrived = sum(seen.arrived.values())
    silent = sum(count for kind, count in seen.attempts.items() if kind in ("dead", "hole"))
    long = [wait for away, wait in seen.found if away >= DAY]
    short = [wait for away, wait in seen.found if away < DAY]
    rows = [
        ("deliveries asked for", f"{seen.said:,}"),
        (
            "arrived, waiting, made way for a newer state, given up",
            f"{arrived:,}, {waiting:,}, {seen.collapsed:,}, {seen.given_up:,}",
        ),
        ("lost", f"{seen.said - arrived - waiting - seen.collapsed - seen.given_up:,}"),
        ("sent twice, after a worker was killed", f"{seen.twice:,}"),
        ("attempts, of them in vain", f"{attempts:,}, {wasted / attempts:.0%}"),
        ("attempts on servers that never answer", f"{silent / attempts:.1%}"),
        ("most requests at once to one server", f"{seen.most_at_once}"),
        ("age at arrival, servers that live: median, p99, longest", _three(living)),
        ("the same, said while our line was down", _three(cut)),
        (
            "our line is back: first mail at a server that lives: median, p99, longest",
            _three(seen.line_back),
        ),
        (
            f"a server is back after more than a day ({len(long):,} times): its first mail",
            _three(long),
        ),
        (f"after less than a day ({len(short):,} times)", _three(short)),
        *((f"burst, a small machine: {BURST_NAMES[key]}", _three(burst[key].ages["living"]))
          for key in BURST_NAMES),
    ]  # fmt: skip
    head = f"| {servers:,} servers, six days | |\n|---|--:|\n"
    return head + "".join(f"| {what} | {figure} |\n" for what, figure in rows)


def _three(values: Sequence[float]) -> str:
    return ", ".join(_span(at(share, values)) for share in (0.5, 0.99, 1.0))


def _days() -> Axis:
    return Axis("days", 0, 6, [(day, str(day)) for day in range(7)])


def _bands() -> list[tuple[float, float, str]]:
    cut = (OUTAGE[0] / DAY, OUTAGE[1] / DAY, "our line is down")
    return [cut, (BURST / DAY, (BURST + HOUR) / DAY, "burst")]


def _ages(seen: Figures) -> str:
    def line(share: float) -> Points:
        return [
            ((bucket + 0.5) * BUCKET / DAY, at(share, ages))
            for bucket, ages in sorted(seen.ages_at.items())
        ]

    ticks = [(1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (HOUR, "1 h"), (DAY, "1 d")]
    return chart(
        "How old a post is when it arrives at a server that lives",
        _days(),
        Axis("age, logarithmic", 1, 3 * DAY, ticks, logarithmic=True),
        [("half of them", line(0.5)), ("99 of 100", line(0.99)), ("the last", line(1.0))],
        _bands(),
        gap=6 * HOUR / DAY,
    )


def _goodput(seen: Figures) -> str:
    def line(counts: Counter[int]) -> Points:
        return [
            ((bucket + 0.5) * BUCKET / DAY, counts[bucket] / BUCKET)
            for bucket in range(int(WEEK / BUCKET))
        ]

    series = [("arrived", line(seen.arrived)), ("tried in vain", line(seen.wasted))]
    return chart(
        "Deliveries in a second, mean of half an hour",
        _days(),
        _up("deliveries per second", max(rate for _, points in series for _, rate in points)),
        series,
        _bands(),
    )


def _up(label: str, most: float) -> Axis:
    step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 200) if most / each <= 8)
    top = step * (int(most / step) + 1)
    return Axis(label, 0, top, [(value, str(value)) for value in range(0, top + 1, step)])


def _breaker(burst: dict[str, Figures]) -> str:
    def line(figures: Figures) -> Points:
        counts, width = figures.arrived_living(), figures.bucket_s
        buckets = range(int(WARM_UP / width), int((WARM_UP + 2 * HOUR) / width))
        sums = list(accumulate(counts[bucket] for bucket in buckets))
        return [((step + 1) * width / MINUTE, 100 * s / sums[-1]) for step, s in enumerate(sums)]

    lines = [(name, line(burst[key])) for key, name in BURST_NAMES.items()]
    end = 10 * (int(max(next(x for x, y in points if y > 99.9) for _, points in lines) / 10) + 1)
    return chart(
        "Ten posts within a minute, a small machine with 16 places",
        Axis("minutes since the first post", 0, end, _every(end)),
        Axis("arrived at servers that live, %", 0, 100, [(n, str(n)) for n in range(0, 101, 20)]),
        [(name, [point for point in points if point[0] <= end]) for name, points in lines],
    )


def _every(end: int) -> list[tuple[float, str]]:
    step = 5 if end <= 60 else 10
    return [(value, str(value)) for value in range(0, end + 1, step)]


if __name__ == "__main__":
    main()
