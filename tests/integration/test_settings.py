"""Settings that stewards change in the browser: at once, everywhere, and noted down."""

from __future__ import annotations

import asyncio
import html
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from hub.bootstrap import opened
from hub.core.errors import Invalid
from hub.core.settings import Settings
from hub.setup import chosen
from hub.setup.models import Setting, SettingChange
from tests.conftest import ENGINE, MakeHub, Running, settle
from tests.mailserver import mail_server
from tests.visitor import Visitor, visiting

NAME = {
    "name": "Oak Street",
    "strapline": "and the lanes behind",
    "language": "en",
    "timezone": "Europe/London",
}


async def _save(steward: Visitor, section: str, **fields: Any) -> httpx2.Response:
    return await steward.press(f"/admin/settings/{section}", **{"deed": "save", **fields})


def _follow(south: Running, north: Running) -> Any:
    return south.web.post(
        "/api/v1/follows",
        json={"handle": f"@events@{north.services.settings.authority}"},
        headers=south.steward,
    )


async def test_t04_name_area_language_and_words_hold_at_once_and_are_noted(hub: Running) -> None:
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        steward.web.headers["accept-language"] = "en"
        assert (await _save(steward, "name", **{**NAME, "language": "cy"})).status_code == 303
        where = "https://www.openstreetmap.org/#map=15/51.4545/-2.5879"
        area = {"area": "The Oaks", "where": where, "radius_m": "3000"}
        assert (await _save(steward, "area", **area)).status_code == 303
        words = {"about": "We **share**.", "contact": "us@oak.example", "imprint": "Ann\nOak 1"}
        assert (await _save(steward, "words", **words)).status_code == 303
        log = (await steward.get("/admin/settings")).text
    page = (await hub.web.get("/about", headers={"accept": "text/html"})).text
    for told in ("Oak Street", "and the lanes behind", "The Oaks", "<strong>share</strong>"):
        assert told in page
    assert '<html lang="cy"' in page
    assert "us@oak.example" in page
    settings = hub.services.settings
    assert (settings.latitude, settings.longitude, settings.radius_m) == (51.4545, -2.5879, 3000)
    assert settings.zone.key == "Europe/London"
    assert "Time zone" in log
    assert "by Ann" in log


async def test_what_was_chosen_is_there_after_a_restart_and_the_environment_wins(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        await _save(steward, "name", **NAME)
        monkeypatch.setenv("HUB_STRAPLINE", "Linden, of all places")
        page = await steward.get("/admin/settings/name")
        assert "It is set on the machine (HUB_STRAPLINE)" in page.text
        assert 'name="strapline"' not in page.text
    given = hub.services.given
    again = Settings(_env_file=None, **given.model_dump(exclude={"strapline"}))
    if ENGINE == "sqlite":
        await hub.services.db.close()
    async with opened(again) as reborn:
        assert reborn.services.settings.name == "Oak Street"
        assert reborn.services.settings.strapline == "Linden, of all places"


async def test_followers_are_told_the_new_name_once(hubs: tuple[Running, Running]) -> None:
    north, south = hubs
    assert (await _follow(south, north)).status_code == 201
    await settle(north, south)
    async with visiting(north) as steward:
        await steward.sign_in("steward")
        await _save(steward, "name", **NAME)
        await settle(north, south)
        assert await _name_at(south, north) == "Oak Street – events"
        document = (await north.web.get("/actors/events", headers=_AS2)).json()
        assert document["name"] == "Oak Street – events"
        await _save(steward, "name", **{**NAME, "strapline": "another"})
        assert await north.worker.step() == 0  # nothing that others would see was changed


_AS2 = {"accept": "application/activity+json"}


async def _name_at(here: Running, there: Running) -> str:
    follows = (await here.web.get("/api/v1/follows", headers=here.steward)).json()
    (one,) = follows["items"]
    assert there.services.settings.authority in one["uri"]
    return str(one["name"])


async def test_a_look_first_changes_nothing_and_says_what_would_be(hub: Running) -> None:
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.press("/admin/settings/name", **{**NAME, "deed": "look"})
        text = html.unescape(page.text)
        assert page.status_code == 200
        assert "It is not saved yet." in text
        assert "Oak Street – offers" in text
        assert 'value="Oak Street"' in text
    assert hub.services.settings.name == "Hub"
    async with hub.services.db.read() as session:
        assert (await session.scalars(select(SettingChange))).all() == []


@pytest.mark.parametrize(
    ("section", "fields", "told"),
    [
        ("name", {**NAME, "name": " "}, "Please fill this in."),
        ("name", {**NAME, "name": "x" * 81}, "At most 80 characters, please."),
        ("name", {**NAME, "timezone": "Europe/Atlantis"}, "Please choose a time zone"),
        ("area", {"where": "near the pub", "radius_m": "2000"}, "Please paste two numbers"),
        ("area", {"where": "", "radius_m": "2"}, "This does not fit here."),
        ("posting", {"posting": "nobody", "guest_posts": "3"}, "This does not fit here."),
        ("posting", {"posting": "members", "guest_posts": "many"}, "Please enter a whole number."),
        ("mail", {"server": "mail.example/x"}, "Please enter a mail server’s name"),
        ("mail", {"server": "mail.example", "port": "6379"}, "Mail servers listen on port"),
        ("mail", {"mail_from": "not an address"}, "Please enter an e-mail address"),
    ],
)
async def test_what_makes_no_sense_is_said_in_words_and_kept_in_the_form(
    hub: Running, section: str, fields: dict[str, str], told: str
) -> None:
    before = hub.services.settings
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await _save(steward, section, **fields)
    assert page.status_code == 422
    assert told in html.unescape(page.text)
    assert hub.services.settings is before


async def test_members_alone_may_post_where_stewards_say_so(hub: Running) -> None:
    want = {"kind": "item", "mode": "lend", "title": "A ladder", "location": "Oak 1"}
    async with visiting(hub) as steward, visiting(hub) as guest:
        await steward.sign_in("steward")
        await _save(steward, "posting", posting="members", guest_posts="0")
        assert "Only members post here." in (await guest.get("/post")).text
        assert (await guest.press("/post/want", **want)).status_code == 403
        assert (await steward.press("/post/want", **want)).status_code == 303
        await _save(steward, "posting", posting="everybody", hold_posts="yes", guest_posts="0")
        assert (await guest.press("/post/want", **want)).status_code == 303
    assert hub.services.settings.hold_posts


async def test_mail_is_tried_before_it_is_saved_and_its_password_stays_sealed(
    make_hub: MakeHub,
) -> None:
    hub = await make_hub(allow_http=True)
    with mail_server() as server:
        port = server.url.rpartition(":")[2].strip("/")
        good = {"server": "127.0.0.1", "security": "smtp", "port": port, "email": "ann@m.example"}
        async with visiting(hub) as steward:
            await steward.sign_in("steward")
            wrong = {**good, "port": "1", "deed": "try", "user": "hub", "password": "kanari-secret"}
            page = await steward.press("/admin/settings/mail", **wrong)
            assert page.status_code == 422
            assert "The letter could not be handed over" in page.text
            assert "kanari-secret" not in page.text
            assert hub.services.settings.smtp_url == ""
            answer = await steward.press("/admin/settings/mail", **{**good, "deed": "try"})
            assert answer.status_code == 303
            (letter,) = server.to("ann@m.example")
            assert "can write letters" in letter["subject"]
            sealed = {**good, "deed": "save", "user": "hub", "password": "kanari-secret"}
            await steward.press("/admin/settings/mail", **sealed)
            shown = await steward.get("/admin/settings/mail")
            assert "kanari-secret" not in shown.text
            assert "There is one. Enter it only to change it." in shown.text
            await steward.press("/admin/settings/mail", **{**sealed, "password": ""})
    assert ":kanari-secret@" in hub.services.settings.smtp_url
    async with hub.services.db.read() as session:
        kept = await session.get_one(Setting, "smtp_url")
    assert "kanari" not in kept.value
    assert "127.0.0.1" not in kept.value


@pytest.mark.parametrize("role", ["member", "moderator", ""])
async def test_only_stewards_change_settings(hub: Running, role: str) -> None:
    async with visiting(hub) as somebody:
        if role:
            await somebody.sign_in(role)
        for path in (
            "/admin/settings",
            "/admin/settings/name",
            "/admin/setup",
            "/admin/setup/look",
        ):
            assert (await somebody.get(path)).status_code == (403 if role else 401), path
            answer = await somebody.web.post(path, data=NAME, headers={"accept": "text/html"})
            assert answer.status_code in {401, 403, 405}, path
    assert hub.services.settings.name == "Hub"


async def test_other_processes_take_a_change_up(hub: Running) -> None:
    """On PostgreSQL by looking every second or two; on SQLite there is no other process."""
    other = replace(hub.services)
    async with chosen.followed(other):
        await chosen.change(hub.services, {"name": "Elm Row"})
        async with asyncio.timeout(20):
            while ENGINE != "sqlite" and other.settings.name != "Elm Row":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    assert other.settings.name == ("Hub" if ENGINE == "sqlite" else "Elm Row")


async def test_a_value_that_this_version_does_not_take_is_passed_over(hub: Running) -> None:
    async with hub.services.db.write() as session:
        session.add(Setting(name="guest_posts", value="999"))
        session.add(Setting(name="gone_by_now", value='"x"'))
        session.add(Setting(name="area", value='"The Oaks"'))
    await chosen.take_up(hub.services)
    assert hub.services.settings.guest_posts == 3
    assert hub.services.settings.area == "The Oaks"
    with pytest.raises(Invalid):
        await chosen.change(hub.services, {"guest_posts": 999})


async def test_t44_readers_choose_among_the_languages_that_stewards_ticked(hub: Running) -> None:
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        assert (await _save(steward, "name", **NAME, languages=["de", "ar"])).status_code == 303
        ticked = (await steward.get("/admin/settings/name")).text
        assert 'value="ar" checked' in ticked
        assert 'value="fr" checked' not in ticked
        more = (await steward.get("/more")).text
        assert 'name="language" value="ar"' in more
        assert 'name="language" value="fr"' not in more
        refused = await steward.send(await steward.get("/more"), "/language", language="fr")
        assert refused.status_code == 404
    page = await hub.web.get("/more", headers={"accept": "text/html", "accept-language": "fr, de"})
    assert '<html lang="de"' in page.text
    assert 'href="/language/fr' not in page.text
    assert (await hub.web.get("/language/fr")).status_code == 404
