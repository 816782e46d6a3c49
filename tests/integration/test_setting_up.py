"""A new hub, from its one-time link to an invitation: six steps, each may be left out."""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from hub import cli, commands
from hub.core.errors import CommandFailed
from hub.entries.models import Entry
from hub.keeping import phrase
from hub.people import service
from hub.people.models import Person
from hub.setup import answers
from hub.today import reach
from tests.conftest import MakeHub, Running, settle
from tests.mailserver import mail_server
from tests.visitor import Visitor, visiting

STEPS = {
    "name": {"name": "Oak Street", "strapline": "", "language": "de", "timezone": "Europe/Berlin"},
    "area": {"area": "The Oaks", "where": "52.5, 13.4", "radius_m": "1000"},
    "look": {"hue": "42", "preset": "150"},
    "mail": {"server": "", "deed": "save"},
}


async def _open_link(hub: Running, steward: Visitor) -> str:
    """Where somebody is led who opens the link that the hub printed, and says their name."""
    async with hub.services.db.write() as session:
        link = await service.make_link(session, hub.url, "steward")
    assert (await steward.press(link)).headers["location"] == "/welcome"
    return (await steward.press("/welcome", name="Ann")).headers["location"]


async def test_t01_a_new_steward_is_led_through_six_steps_without_mail_or_scripts(
    hub: Running,
) -> None:
    async with visiting(hub) as steward, visiting(hub) as neighbour:
        steward.web.headers["accept-language"] = "en"
        assert await _open_link(hub, steward) == "/admin/setup"
        begin = await steward.get("/admin/setup")
        assert begin.text.count("not yet") == 6
        path = "/admin/setup/name"
        assert f'href="{path}">Begin' in begin.text
        for name, fields in STEPS.items():
            assert path == f"/admin/setup/{name}"
            page = await steward.get(path)
            assert f"Step {list(STEPS).index(name) + 1} of 6" in page.text
            answer = await steward.send(page, path, **{"deed": "save", **fields})
            assert answer.status_code == 303, answer.text
            path = answer.headers["location"]
        assert path == "/admin/setup/begin"
        assert (await steward.press(path, deed="put")).status_code == 303
        page = await steward.press("/admin/setup/invite", uses="20")
        link = re.search(r"https://hub\.example/sign-in/\S+?(?=<)", page.text)
        assert link is not None
        assert "<svg" in page.text
        assert "All steps are made." in (await steward.get("/admin/setup")).text
        await neighbour.press(urlsplit(link[0]).path)
        home = (await neighbour.get("/")).text
        assert "Beispiel: Kaffee im Hof" in home  # in the hub's main language
    settings = hub.services.settings
    assert (settings.name, settings.area, settings.latitude) == ("Oak Street", "The Oaks", 52.5)
    async with hub.services.db.read() as session:
        query = (
            select(Person.role, func.count()).where(Person.name != "tests").group_by(Person.role)
        )
        assert dict((await session.execute(query)).all()) == {"steward": 1, "member": 1}


async def test_setting_up_is_taken_up_where_it_was_left_and_asks_nobody_twice(
    hub: Running,
) -> None:
    async with visiting(hub) as steward, visiting(hub) as second:
        assert await _open_link(hub, steward) == "/admin/setup"
        page = await steward.press("/admin/setup/name", **{**STEPS["name"], "deed": "look"})
        assert "It is not saved yet." in page.text
        assert "/admin/setup/area" in page.text  # the way past it
        assert (await steward.get("/admin/setup")).text.count("not yet") == 6
        answer = await steward.press(
            "/admin/setup/area", **{**STEPS["area"], "where": "nowhere", "deed": "save"}
        )
        assert answer.status_code == 422
        assert "Step 2 of 6" in answer.text
        await steward.press("/admin/setup/area", **{**STEPS["area"], "deed": "save"})
        left = (await steward.get("/admin/setup")).text
        assert left.count("not yet") == 5
        assert 'href="/admin/setup/name">Go on' in left
        assert await _open_link(hub, second) == "/"
        assert (await steward.get("/admin/setup/nothing")).status_code == 404


async def test_examples_leave_the_hub_never_and_go_with_one_press(make_hub: MakeHub) -> None:
    north, south = await make_hub("north.example"), await make_hub("south.example")
    for name in ("events", "offers", "wants"):
        handle = {"handle": f"@{name}@north.example"}
        await south.web.post("/api/v1/follows", json=handle, headers=south.steward)
    await settle(north, south)
    async with visiting(north) as steward:
        await steward.sign_in("steward")
        for _ in range(2):  # pressed twice, they stand there once
            await steward.press("/admin/setup/begin", deed="put")
        await settle(north, south)
        assert (await steward.get("/")).text.count("Example: ") == 3
        assert "Example: " not in (await north.web.get("/")).text
        assert "Three examples stand on the board" in (await steward.get("/admin/setup/begin")).text
        async with south.services.db.read() as session:
            assert await session.scalar(select(func.count(Entry.id))) == 0
        await steward.press("/admin/setup/begin", deed="away")
        assert "Example: " not in (await steward.get("/")).text
        await steward.press("/admin/setup/begin", deed="put")
        assert (await steward.get("/")).text.count("Example: ") == 3


async def test_the_recovery_phrase_is_shown_once_and_opens_the_key(hub: Running) -> None:
    folder = hub.services.settings.data_dir
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get("/admin/setup")
        assert "Show me the words" in page.text
        shown = await steward.send(page, "/admin/setup/phrase")
        found = re.search(r'<p class="code" dir="ltr">([a-z ]+)</p>', shown.text)
        assert found is not None
        sealed = phrase.sealed(folder)
        assert sealed is not None
        assert phrase.open_with(found[1], sealed) == (folder / "secret.key").read_bytes()
        again = html.unescape((await steward.get("/admin/setup")).text)
        assert found[1] not in again
        assert "Make another phrase" in again


async def test_the_name_step_says_how_the_address_is(make_hub: MakeHub) -> None:
    local = await make_hub("localhost:8000", url="http://localhost:8000")
    async with visiting(local) as steward:
        await steward.sign_in("steward")
        page = html.unescape((await steward.get("/admin/setup/name")).text)
        assert "Only this machine can reach http://localhost:8000." in page
    nowhere = await make_hub("nowhere.invalid")
    async with visiting(nowhere) as steward:
        await steward.sign_in("steward")
        page = html.unescape((await steward.get("/admin/setup/name")).text)
        assert "The name nowhere.invalid is not known (DNS)." in page


async def test_hub_setup_takes_answers_and_says_what_makes_no_sense(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUB_URL", raising=False)
    folder = hub.services.given.data_dir
    (folder / "hub.env").write_text("HUB_URL=http://old.example\nHUB_LOG_LEVEL=debug\n")
    said = {"name": "Elm Row", "near": "52.5, 13.4", "url": "https://elm.example"}
    told = " ".join(await answers.take(hub.services, said))
    assert "name" in told
    assert "https://elm.example once the hub is started anew" in told
    assert hub.services.settings.name == "Elm Row"
    assert hub.services.settings.longitude == 13.4
    kept = (folder / "hub.env").read_text()
    assert kept == "HUB_LOG_LEVEL=debug\nHUB_URL=https://elm.example\n"
    assert (folder / "hub.env").stat().st_mode & 0o077 == 0
    setup = commands.COMMANDS["setup"]
    lines = [each async for each in setup(hub.services, link=True, said={"url": "elm.example"})]
    assert lines[-1]["text"].startswith("https://elm.example/sign-in/"), "where the hub will be"
    for wrong, words in (
        ({"name": "x" * 99, "area": "The Elms"}, "name: At most 80 characters, please."),
        ({"near": "the pub", "area": "The Elms"}, "where: Please paste two numbers"),
        ({"url": "elm", "area": "The Elms"}, "The address must be an address such as"),
    ):
        with pytest.raises(CommandFailed) as failed:
            await answers.take(hub.services, wrong)
        assert words in str(failed.value)
    monkeypatch.setenv("HUB_AREA", "The Oaks")
    with pytest.raises(CommandFailed, match="HUB_AREA"):
        await answers.take(hub.services, {"area": "The Elms"})
    assert hub.services.settings.area == ""


def test_an_answer_that_makes_no_sense_is_asked_for_again_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = iter(["elm", "elm.example ", "Elm Row", "", "the pub", "52.5, 13.4", "my own", "de", ""])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(said))
    assert cli._questions() == {
        "url": "https://elm.example",
        "name": "Elm Row",
        "near": "52.5, 13.4",
        "language": "de",
    }
    told = capsys.readouterr().out.splitlines()
    assert [line[:40] for line in told[1:]] == [
        "  The address must be an address such as",
        "  Please paste two numbers such as 51.45",
        "  Please choose a language from the list",
    ]


async def test_the_doctor_knocks_at_the_mail_server_and_sends_nothing(make_hub: MakeHub) -> None:
    with mail_server() as server:
        there = await make_hub(smtp_url=server.url)
        checks = {check.name: check async for check in reach.look(there.services.settings)}
        assert checks["mail"].state == "ok"
        assert server.letters == []
    nowhere = there.services.settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:1"})
    checks = {check.name: check async for check in reach.look(nowhere)}
    assert checks["mail"].state == "wrong"
    assert "Letters cannot go out by 127.0.0.1" in checks["mail"].told(str)
