"""What a hub runs on."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from federation.client import HttpPoster
from federation.curl import CurlPoster
from hub import bootstrap, serving


def test_the_whole_hub_runs_on_uvloop() -> None:
    seen: list[asyncio.AbstractEventLoop] = []

    async def work() -> None:
        seen.append(asyncio.get_running_loop())

    serving.run(work())
    assert isinstance(seen[0], uvloop.Loop)


def test_libcurl_delivers_where_it_is_installed_and_aiohttp_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert bootstrap.poster_class() is CurlPoster
    monkeypatch.setattr(bootstrap, "find_spec", lambda _: None)
    assert bootstrap.poster_class() is HttpPoster
