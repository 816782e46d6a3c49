"""P13: searching a hundred thousand entries, the commonest word ÷ the rarest."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import accumulate

import httpx2

from hub.bootstrap import Hub
from tests.benchmarks.hubs import a_hub
from tests.benchmarks.pages import browser, cost_of, fill_calendar
from tests.benchmarks.rig import Ratio

ENTRIES, FEW = 100_000, 1_000
WORDS = 60  # of a text
VOCABULARY = [
    f"{first}{second}{third}"
    for first in ("ba", "ge", "li", "mo", "su", "ta", "ve", "zo")
    for second in ("ra", "ne", "ki", "lo", "du", "sta", "phe", "tro")
    for third in ("n", "l", "der", "ting", "mus", "x", "gart")
]
RARE = "quokka"  # of one entry
ASKED = 60  # times each
PAGES = 40


def measure() -> list[Ratio]:
    """The ratio of the slow ends (p95), and what the page costs among few and among many."""
    slow, many = asyncio.run(_among_many())
    few = asyncio.run(_among_few())
    rarest, commonest = slow[RARE], max(slow.values())
    return [
        Ratio(
            "P13",
            f"search over {ENTRIES:,} entries, p95: the slowest word ÷ the rarest",
            rarest,
            commonest,
            commonest / rarest,
            "≤",
            8,
            "ms of CPU",
        ),
        Ratio(
            "P13",
            f"page of a common word among {ENTRIES:,} entries ÷ {FEW:,}",
            few,
            many,
            many / few,
            "≤",
            2,
            "ms of CPU",
        ),
    ]


async def _among_many() -> tuple[dict[str, float], float]:
    """The p95 of each question in milliseconds, and the CPU time of a page."""
    common, half = VOCABULARY[0], VOCABULARY[40]
    questions = (RARE, VOCABULARY[-1], half, common, common[:3], f"{common} {half}", f'"{common}"')
    async with _filled(ENTRIES) as (hub, web):
        slow = {question: await _p95(web, question) for question in questions}
        return slow, await cost_of(hub, f"/search?q={common}", PAGES) * 1000


async def _among_few() -> float:
    async with _filled(FEW) as (hub, _):
        return await cost_of(hub, f"/search?q={VOCABULARY[0]}", PAGES) * 1000


async def _p95(web: httpx2.AsyncClient, question: str) -> float:
    """What one in twenty searches costs at least, in milliseconds of CPU."""
    spent = []
    for _ in range(ASKED):
        before = time.process_time()
        answer = await web.get("/api/v1/search", params={"q": question})
        spent.append(time.process_time() - before)
        assert answer.json()["items"], question
    return statistics.quantiles(spent, n=20)[-1] * 1000


@asynccontextmanager
async def _filled(entries: int) -> AsyncIterator[tuple[Hub, httpx2.AsyncClient]]:
    """A hub whose texts use words as languages do: the n-th a n-th part as often as the first."""
    chance = random.Random(entries)
    weights = list(accumulate(1 / (rank + 1) for rank in range(len(VOCABULARY))))

    def text_of(number: int) -> str:
        words = chance.choices(VOCABULARY, cum_weights=weights, k=WORDS)
        return " ".join([*words, RARE] if number == entries // 2 else words)

    async with a_hub() as hub, browser(hub) as web:
        await fill_calendar(hub, entries, text_of)
        yield hub, web
