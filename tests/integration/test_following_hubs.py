"""Following whole hubs: by address or by a list, what of them, and how far they are read."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from hub import commands
from hub.core.errors import CommandFailed, Invalid, NotFound
from hub.fediverse import follows
from tests.conftest import MakeHub, Running, settle
from tests.integration.test_two_hubs import OFFER, Hubs, _post
from tests.visitor import visiting

ALL = {f"{name}@north.example" for name in ("events", "offers", "wants", "news", "places")}


async def _followed(hub: Running) -> dict[str, str]:
    async with hub.services.db.read() as session:
        return {row.followee.handle: row.state for row in await follows.ours(session)}


async def _hear(hub: Running, told: list[dict[str, Any]], command: str, **given: Any) -> None:
    async for line in commands.COMMANDS[command](hub.services, **given):
        told += [line]


async def _lines(hub: Running, command: str, **given: Any) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    await _hear(hub, told, command, **given)
    return told


async def test_a_hub_is_followed_by_its_address_and_said_to_be_read(hubs: Hubs) -> None:
    north, south = hubs
    await _post(north, "offers", OFFER)
    await settle(north)
    lines = await _lines(south, "follow", names="https://north.example/")
    assert {line["row"]["asked"] for line in lines} == ALL
    await settle(north, south)
    assert set((await _followed(south)).values()) == {"accepted"}
    (line,) = await _lines(south, "peers")
    assert line["row"]["reading"]["open"] == 0
    assert line["row"]["reading"]["taken"] == 1
    assert "1 of earlier posts taken" in line["text"]
    assert len(await _lines(south, "unfollow", handle="north.example")) == len(ALL)
    assert await _followed(south) == {}
    with pytest.raises(NotFound):
        await _lines(south, "unfollow", handle="north.example")


async def test_a_list_is_followed_and_what_is_wrong_in_it_is_told(make_hub: MakeHub) -> None:
    hubs = [await make_hub(f"{name}.example") for name in ("north", "west", "south")]
    text = "name,hub\nNorth,north.example\nWest,https://west.example\ngone.example\n"
    listed = base64.b64encode(text.encode()).decode()
    told: list[dict[str, Any]] = []
    with pytest.raises(CommandFailed, match="1"):
        await _hear(hubs[2], told, "follow", names=listed, listed=True, only="events, news")
    lines = [line["text"] for line in told]
    assert any(line.startswith("gone.example: ") for line in lines)
    await settle(*hubs)
    assert set(await _followed(hubs[2])) == {
        f"{name}@{host}.example" for name in ("events", "news") for host in ("north", "west")
    }
    with pytest.raises(Invalid, match="cakes"):
        await _lines(hubs[2], "follow", names="north.example", only="cakes")


async def test_stewards_tick_what_they_take_of_a_hub(hubs: Hubs) -> None:
    north, south = hubs
    await _post(north, "offers", OFFER)
    await settle(north)
    async with visiting(south) as moderator:
        await moderator.sign_in("moderator")
        page = await moderator.get("/admin/hubs")
        found = await moderator.send(
            page, "/admin/hubs/find", hubs="north.example\nnowhere.example"
        )
        assert found.status_code == 200
        assert "nowhere.example" in found.text
        offered = re.findall(r'name="shown" value="([^"]+)"', found.text)
        assert len(offered) == 5
        assert found.text.count(" checked") == 5  # nothing was followed: all is proposed
        wanted = [uri for uri in offered if uri.endswith(("events", "offers"))]
        done = await moderator.send(found, "/admin/hubs", shown=offered, follow=wanted)
        assert done.status_code == 303
        await settle(north, south)
        assert set(await _followed(south)) == {"events@north.example", "offers@north.example"}
        page = await moderator.get("/admin/hubs")
        assert "What they published before is here" in page.text
        found = await moderator.send(page, "/admin/hubs/find", hubs="north.example")
        assert found.text.count(" checked") == 2
        fewer = [uri for uri in offered if uri.endswith(("events", "news"))]
        await moderator.send(found, "/admin/hubs", shown=offered, follow=fewer)
        await settle(north, south)
        assert set(await _followed(south)) == {"events@north.example", "news@north.example"}
        bad = await moderator.send(page, "/admin/hubs/find", hubs="   ")
        assert bad.status_code == 422
        down = await moderator.send(page, "/admin/hubs", follow="https://nobody.example/actors/x")
        assert down.status_code == 502
        assert "nobody.example" in down.text


async def test_a_hub_does_not_follow_itself_nor_whom_it_blocks(hubs: Hubs) -> None:
    south = hubs[1]
    await _lines(south, "block", host="north.example")
    for name in ("north.example", "south.example"):
        with pytest.raises(CommandFailed):
            await _lines(south, "follow", names=name)
    assert await _followed(south) == {}
