"""P11: a stored document ÷ bare bytes; a page of thirty entries ÷ rendering it alone."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import jinja2
import orjson
import uvloop

from hub import memory
from tests.benchmarks.hubs import a_hub
from tests.benchmarks.pages import browser, cost_of, fill_calendar, post_events
from tests.benchmarks.posting import server
from tests.benchmarks.rig import Ratio, ask, cpu_s, own_cpu_s, pairs, process

READS = 6000
WARM = 500
PAGES = 200
ENTRIES = 30
AS2 = "application/activity+json"


def measure() -> list[Ratio]:
    """Both ratios; the document is an event, as every peer reads it."""
    folder, path = asyncio.run(_prepared())
    bare, hub = pairs(
        partial(_documents, "bytes", folder, path), partial(_documents, "hub", folder, path)
    )
    template, page = pairs(lambda: uvloop.run(_template_alone()), lambda: uvloop.run(_whole_page()))
    return [
        _ratio("stored document ÷ bare bytes", bare, hub, "requests per CPU second"),
        _ratio(f"page of {ENTRIES} entries ÷ its template", template, page, "pages per CPU second"),
    ]


def _ratio(what: str, yardstick: float, hub: float, unit: str) -> Ratio:
    return Ratio("P11", what, yardstick, hub, hub / yardstick, "≥", 0.5, unit)


async def _prepared() -> tuple[Path, str]:
    """A hub's folder with one event and a copy of its document, and the event's path."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    async with a_hub(data_dir=folder) as hub:
        path = (await post_events(hub, 1))[0]
        async with browser(hub) as web:
            document = await web.get(path, headers={"Accept": AS2})
        assert document.status_code == 200
        (folder / "document").write_bytes(document.content)
    return folder, path


def _documents(which: str, folder: Path, path: str) -> float:
    with (
        server(which, folder=folder) as running,
        process("-m", "tests.benchmarks.reading") as reader,
    ):
        task = {"port": running.port, "path": path, "accept": AS2}
        ask(reader, orjson.dumps({**task, "count": WARM}).decode())
        before = cpu_s(running.pid)
        told = ask(reader, orjson.dumps({**task, "count": READS}).decode())
        used = cpu_s(running.pid) - before
    assert told["bytes"] > READS * 1000  # whole documents
    return READS / used


async def _whole_page() -> float:
    async with a_hub() as hub:
        await fill_calendar(hub, ENTRIES)
        return 1 / await cost_of(hub, "/events", PAGES)


async def _template_alone() -> float:
    """The page's own template with the page's own context, again and again."""
    seen: list[tuple[jinja2.Template, tuple[Any, ...]]] = []
    render = jinja2.Template.render

    def remembered(template: jinja2.Template, *given: Any, **named: Any) -> str:
        seen.append((template, given))
        return render(template, *given, **named)

    async with a_hub() as hub, browser(hub) as web:
        await fill_calendar(hub, ENTRIES)
        with mock.patch.object(jinja2.Template, "render", remembered):
            assert (await web.get("/events")).text.count("Event ") >= ENTRIES
        template, given = seen[-1]
        memory.settle()
        for _ in range(5):
            template.render(*given)
        before = own_cpu_s()
        for _ in range(PAGES):
            template.render(*given)
        return PAGES / (own_cpu_s() - before)
