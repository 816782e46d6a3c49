"""What stewards, moderators and commands did is written down, and cannot be changed unseen (G7)."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from hub import control
from hub.admin import acts
from hub.audit import log
from hub.audit.models import Act
from hub.core.errors import NotFound
from hub.directory.models import Claim
from hub.fediverse import relocating
from hub.fediverse.models import Fact
from hub.people import service
from tests import neighbours
from tests.conftest import Running
from tests.towns import Town, signed_in


async def _command(hub: Running, command: str, /, **given: Any) -> list[dict[str, Any]]:
    return [line async for line in control.run(hub.services, command, given)]


async def _acts(hub: Running) -> list[tuple[str, str, str]]:
    """The way, the deed and what it was about, the oldest first."""
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(Act).order_by(Act.id))
        return [(row.way, row.deed, row.about) for row in rows]


async def _broken(hub: Running) -> int | None:
    async with hub.services.db.read() as session:
        return await log.broken_at(session)


async def test_each_act_is_written_down_by_whichever_door_it_comes(town: Town) -> None:
    hub = town.hub
    ida = await neighbours.person(hub, "Ida", "member")
    before = len(await _acts(hub))
    api = "/api/v1/blocks"
    await hub.web.post(api, json={"host": "bad.example"}, headers=hub.steward)
    await hub.web.delete(f"{api}/bad.example", headers=hub.steward)
    await asyncio.create_task(_command(hub, "block", host="bad.example", silence=True))
    await asyncio.create_task(_command(hub, "federation", mode="open"))
    await asyncio.create_task(_command(hub, "token create", name="calendar", role="editor"))
    async with signed_in(hub) as (web, csrf):
        people = f"/admin/people/{ida.id}"
        await web.post(f"{people}/role", data={"csrf": csrf, "role": "editor"})
        await web.post(f"{people}/disable", data={"csrf": csrf})
        await web.post(f"{people}/enable", data={"csrf": csrf})
        await web.post("/admin/people/links", data={"csrf": csrf, "role": "member"})
        await web.post("/admin/moderation/rules", data={"csrf": csrf, "rules": "Be kind."})
        await web.post(f"/admin/entries/{town.event_id}/hide", data={"csrf": csrf})
        await web.post(f"/admin/entries/{town.event_id}/show", data={"csrf": csrf})
        await web.post("/admin/look", data={"csrf": csrf, "preset": "150"})
        follow = {"csrf": csrf, "handle": town.site.uri("ada")}
        await web.post("/admin/servers/follow", data=follow)
        await web.post("/admin/servers/unfollow", data=follow)
    seen = (await _acts(hub))[before:]
    token = seen[4][2]
    one = str(ida.id)
    link = ("page", "link", "")
    assert [each for each in seen if each[1] != "link"] == [
        ("api", "server", "bad.example"),
        ("api", "server", "bad.example"),
        ("command", "server", "bad.example"),
        ("command", "mode", "open"),
        ("command", "token", token),
        ("page", "role", one),
        ("page", "shut out", one),
        ("page", "let in", one),
        ("page", "rules", ""),
        ("page", "entry hidden", str(town.event_id)),
        ("page", "entry shown", str(town.event_id)),
        ("page", "look", ""),
        ("page", "followed", "town.example"),
        ("page", "unfollowed", "town.example"),
    ]
    assert link in seen
    assert await _broken(hub) is None


async def test_what_touches_keys_phrase_address_and_all_that_is_here_is_written_down(
    town: Town,
) -> None:
    hub = town.hub
    place = {"title": "Hall"}
    made = await hub.web.post("/api/v1/places", json=place, headers=hub.steward)
    hall = made.json()["id"]
    ida = await neighbours.person(hub, "Ida", "member")
    await neighbours.press(hub, f"/places/{hall}/claim", ida, words="It is ours.")
    async with hub.services.db.read() as session:
        (claim,) = await session.scalars(select(Claim))
    before = len(await _acts(hub))
    for command in ("keys rotate", "export"):
        await asyncio.create_task(_command(hub, command))
    await asyncio.create_task(_command(hub, "setup", words=True))
    async with hub.services.db.write() as session:
        with log.by_command():
            await relocating.intend(session, "https://new.example")
    async with signed_in(hub) as (web, csrf):
        await web.post("/admin/setup/phrase", data={"csrf": csrf})
        tags = {"csrf": csrf, "word": "ausstellung", "tag": "show"}
        await web.post("/admin/hubs/town.example/words", data=tags)
        await web.post(f"/admin/directory/claims/{claim.id}", data={"csrf": csrf, "deed": "yes"})
    assert [each for each in (await _acts(hub))[before:] if each[1] != "link"] == [
        ("command", "new keys", ""),
        ("command", "exported", ""),
        ("command", "new phrase", ""),
        ("command", "moving", "https://new.example"),
        ("page", "new phrase", ""),
        ("page", "words set", "town.example"),
        ("page", "claim decided", hall),
    ]
    assert await _broken(hub) is None


async def test_what_stewards_do_to_things_of_others_is_written_down_and_ones_own_is_not(
    hub: Running,
) -> None:
    ida = await neighbours.person(hub, "Ida", "member")
    ann = await neighbours.person(hub, "Ann", "steward")
    theirs = await neighbours.post(hub, "offers", ida, title="Ladder", kind="item", mode="lend")
    secret = await neighbours.post(
        hub, "wants", ida, title="Canary", kind="item", mode="lend", visibility="private"
    )
    before = len(await _acts(hub))
    for who, title in ((ida, "A ladder"), (ann, "The ladder")):
        changed = await hub.web.patch(
            f"/api/v1/offers/{theirs['id']}", json={"title": title}, headers=who
        )
        assert changed.status_code == 200, changed.text
    seen = (await neighbours.page(hub, "/admin/acts", ann)).text
    assert "The ladder" in seen, "what it is called now is looked up"
    await neighbours.press(hub, f"/offers/{theirs['id']}/delete", ann)
    await hub.web.delete(f"/api/v1/wants/{secret['id']}", headers=ida)
    areas, made = "/api/v1/areas", {"name": "valley", "title": "The valley", "kinds": ["event"]}
    for method, path, sent in (
        ("POST", areas, made),
        ("PATCH", f"{areas}/valley", {"title": "The long valley"}),
        ("DELETE", f"{areas}/valley", None),
    ):
        answer = await hub.web.request(method, path, json=sent, headers=ann)
        assert answer.status_code < 300, answer.text
    assert (await _acts(hub))[before:] == [
        ("api", "entry changed", theirs["id"]),
        ("page", "entry deleted", theirs["id"]),
        ("api", "area made", "valley"),
        ("api", "area changed", "valley"),
        ("api", "area ended", "valley"),
    ]


async def test_the_book_does_not_say_what_a_private_want_is(hub: Running) -> None:
    ida = await neighbours.person(hub, "Ida", "member")
    ann = await neighbours.person(hub, "Ann", "steward")
    secret = await neighbours.post(
        hub, "wants", ida, title="Canary", kind="item", mode="lend", visibility="private"
    )
    with log.by_command():
        async with hub.services.db.write() as session:
            await log.note(session, "entry changed", secret["id"])
    page = (await neighbours.page(hub, "/admin/acts", ann)).text
    assert secret["id"] in page
    assert "Canary" not in page


async def test_an_act_that_is_not_done_is_not_written_down(hub: Running) -> None:
    async def together() -> None:
        async with hub.services.db.write() as session:
            await service.token_create(session, "calendar", "editor")
            await service.shut_out(session, uuid4())

    with log.by_command(), pytest.raises(NotFound):
        await together()
    assert await _acts(hub) == []


async def test_g7_a_line_that_is_changed_taken_out_or_cut_off_is_seen(hub: Running) -> None:
    for host in ("a.example", "b.example", "c.example"):
        await asyncio.create_task(_command(hub, "block", host=host))
    assert (await _command(hub, "audit", verify=True))[-1] == {"done": True}
    for change, told in (
        (update(Act).where(Act.about == "b.example").values(about="d.example"), "line 2"),
        (update(Act).where(Act.about == "d.example").values(about="b.example", by_id=None), None),
        (update(Act).where(Act.about == "b.example").values(details={}), "line 2"),
        (delete(Act).where(Act.about == "b.example"), "line 3"),
        (delete(Act).where(Act.about == "c.example"), "The end"),
        (delete(Act), "The end"),
        (update(Fact).where(Fact.name == log.HEAD).values(value=""), None),
    ):
        async with hub.services.db.write() as session:
            await session.execute(change)
        last = (await _command(hub, "audit", verify=True))[-1]
        assert told in last["failed"] if told else last == {"done": True}, change


async def test_the_book_is_read_on_a_page_and_by_command_and_names_nobody(town: Town) -> None:
    hub = town.hub
    ida = await neighbours.person(hub, "Ida Canary", "member")
    async with signed_in(hub) as (web, csrf):
        await web.post(f"/admin/people/{ida.id}/role", data={"csrf": csrf, "role": "editor"})
        follow = {"csrf": csrf, "handle": town.site.uri("ada")}
        await web.post("/admin/servers/follow", data=follow)
        page = (await web.get("/admin/acts?deed=role")).text
        assert "Ida Canary" in page, "who it is now is looked up"
        assert "@ada@town.example" not in page
        assert "@ada@town.example" in (await web.get("/admin/acts")).text
        async with hub.services.db.write() as session:
            await service.forget(session, ida.id)
        assert "Ida Canary" not in (await web.get("/admin/acts")).text
    lines = await _command(hub, "audit", deed="role")
    assert [line["row"]["about"] for line in lines if "row" in line] == [str(ida.id)]
    async with hub.services.db.read() as session:
        kept = str([vars(row) for row in await session.scalars(select(Act))])
    assert not re.search("Ida|canary|@|/ada", kept), "only ids, servers, roles and numbers are kept"
    answer = await hub.web.get("/admin/acts")
    assert answer.status_code == 401


def test_each_deed_has_its_words() -> None:
    page = Path(acts.__file__).parent / "templates" / "admin" / "acts.html"
    said = set(re.findall(r'"([a-z ]+)": _\(', page.read_text(encoding="utf-8")))
    assert set(acts.DEEDS) <= said
