"""How the hub is, in plain words: the stewards' page Today, and `hub doctor`."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from hub.core.clock import now
from hub.core.db import Database
from hub.core.settings import Settings
from hub.core.words import speaking
from hub.fediverse import follows, site, software
from hub.fediverse.models import OutboxActivity, Peer
from hub.feeds.models import FollowedCalendar
from hub.jobs.models import Job
from hub.jobs.queue import enqueue
from hub.keeping import phrase, saving
from hub.mail.models import Mail
from hub.today import daily, machine, reach, rows, service
from hub.today.checks import Check
from tests.clock import Clock
from tests.conftest import ENGINE, MakeHub, Running, settle
from tests.jobs import ask
from tests.neighbours import page, person
from tests.processes import HubProcess, eventually, hub_process
from tests.towns import EVENT

FROM = "restore the last backup: hub restore FILE"


async def look(hub: Running) -> dict[str, Check]:
    checks = [check async for check in service.look(hub.services.settings, hub.services.db)]
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


async def _add(hub: Running, *new: Any) -> None:
    async with hub.services.db.write() as session:
        session.add_all(new)


async def test_a_new_hub_is_fine_and_is_told_what_is_left_to_do(hub: Running) -> None:
    checks = await look(hub)
    assert {name for name, check in checks.items() if check.state != "ok"} == {
        "backup",
        "phrase",
        "letters",
    }
    await saving.save(hub.services.settings)
    phrase.make(hub.services.settings.data_dir)
    assert {name for name, check in (await look(hub)).items() if check.state != "ok"} == {"letters"}


async def _silent_server(hub: Running) -> None:
    await _add(hub, Peer(host="away.example", failures=5))


async def _calendar(hub: Running) -> None:
    await _add(
        hub, FollowedCalendar(url="https://c.example/a.ics", title="Choir", failures=1, trouble="x")
    )


async def _job_given_up(hub: Running) -> None:
    await _add(hub, Job(name="x", arguments={}, failed_at=now()))


async def _job_late(hub: Running) -> None:
    await _add(hub, Job(name="mail.upkeep", arguments={}, run_at=now() - timedelta(hours=1)))


async def _slow_clock(hub: Running) -> None:
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    assert answer.status_code == 201
    async with hub.services.db.write() as session:
        await session.execute(update(OutboxActivity).values(created_at=now() + timedelta(hours=1)))


async def _open_key(hub: Running) -> None:
    hub.services.settings.data_dir.chmod(0o755)
    (hub.services.settings.data_dir / "secret.key").chmod(0o644)


async def _no_key(hub: Running) -> None:
    (hub.services.settings.data_dir / "secret.key").unlink()


async def _old_backup(hub: Running) -> None:
    path = await saving.save(hub.services.settings)
    then = (now() - timedelta(days=8)).timestamp()
    os.utime(path.parent / saving.LAST, (then, then))


@pytest.mark.parametrize(
    ("harm", "name", "state", "told"),
    [
        (_silent_server, "servers", "warning", "Known: 1; silent: 1."),
        (_calendar, "calendars", "warning", "Followed: 1; cannot be read: 1."),
        (_job_given_up, "work", "warning", "Given up after several tries: 1."),
        (_job_late, "work", "wrong", "The oldest that waits is from"),
        (_slow_clock, "clock", "wrong", "timedatectl set-ntp true"),
        (_open_key, "keys", "wrong", "chmod go= "),
        (_no_key, "keys", "wrong", "secret.key cannot be read"),
        (_old_backup, "backup", "wrong", "Look in the log why it stopped"),
    ],
)
async def test_what_is_wrong_is_said_with_what_to_do(
    hub: Running, harm: Callable[[Running], Any], name: str, state: str, told: str
) -> None:
    assert (await look(hub))[name].state in {"ok", "warning"}
    await harm(hub)
    check = (await look(hub))[name]
    assert check.state == state
    assert told in check.told(str)


async def test_a_later_version_is_heard_of_from_the_hubs_that_one_follows(
    hubs: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = hubs
    await follows.follow(south.services, "@events@north.example")
    await settle(north, south)
    ann = await person(south, "Ann", "steward")
    await _add(south, Peer(host="stranger.example", software=f"{software.OURS} 99.0.0"))

    async def told() -> str:
        await ask(south.services, "fediverse.ask_software")
        await settle(south)
        check = (await look(south))["newer"]
        return f"{check.state}: {check.told(str)}"

    assert await told() == "ok: No hub that this one follows runs a later version than 0.1.0."
    monkeypatch.setattr(site, "__version__", "0.10.0")
    assert (await told()).startswith("warning: north.example runs version 0.10.0, and this hub 0.1")
    assert f"{software.OURS} 0.10.0" in (await page(south, "/admin/servers", ann)).text
    for untrue in ("nonsense", "999999.0", "0.999999.0"):
        monkeypatch.setattr(site, "__version__", untrue)
        assert (await told()).startswith("ok: "), untrue


async def test_letters_that_were_not_delivered_are_told(make_hub: MakeHub) -> None:
    hub: Running = await make_hub(smtp_url="smtp://127.0.0.1:1")
    assert (await look(hub))["letters"].state == "ok"
    then, later = now() - timedelta(hours=2), now() + timedelta(days=1)
    await _add(hub, Mail(recipient="a@b.example", subject="x", created_at=then, expires_at=later))
    letters = (await look(hub))["letters"]
    assert letters.state == "wrong"
    assert "waiting for more than an hour: 1" in letters.told(str)


async def test_a_full_disk_is_told(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LITTLE_BYTES", 1 << 60)
    assert (await look(hub))["disk"].state == "warning"
    monkeypatch.setattr(machine, "ROOM_BYTES", 1 << 60)
    assert (await look(hub))["disk"].state == "wrong"


async def test_today_shows_what_waits_and_what_is_wrong_first(hub: Running) -> None:
    ann = await person(hub, "Ann", "steward")
    await _job_late(hub)
    shown = (await page(hub, "/admin", ann)).text
    assert "Nothing. Have a good day." in shown
    assert shown.index('id="work"') < shown.index('id="letters"') < shown.index('id="disk"')
    assert "The oldest that waits is from 1 hour ago" in shown
    german = await hub.web.get("/admin", headers={**ann.pages, "Accept-Language": "de"})
    assert "Das Älteste, was wartet, ist von vor 1 Stunde." in german.text
    max_ = await person(hub, "Max", "moderator")
    assert 'id="disk"' not in (await page(hub, "/admin", max_)).text
    mia = await person(hub, "Mia", "member")
    assert (await page(hub, "/admin", mia)).status_code == 403
    assert 'href="/admin"' in (await page(hub, "/more", ann)).text


async def test_every_check_can_be_said_in_every_language(hub: Running) -> None:
    for harm in (None, _silent_server, _calendar, _job_given_up, _job_late, _old_backup):
        if harm is not None:
            await harm(hub)
        for check in (await look(hub)).values():
            for language in ("ar", "cy", "de", "fr", "pl"):
                with speaking(language):
                    told = check.told(str)
                assert told != check.message, "it is translated"
                assert [each for each in check.values.values() if str(each) not in told] == []


async def test_a_hub_saves_itself_once_a_day_if_it_is_to(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    hub: Running = await make_hub()
    still: Running = await make_hub("still.example", backup_daily=False)

    async def after(**time: float) -> int:
        clock.pass_by(**time)
        for each in (hub, still):
            async with each.services.db.write() as session:
                await enqueue(session, daily.save, key="timer:today.save")
            await each.work()
        return len(list((hub.services.settings.data_dir / "backups").glob("hub-*.zip")))

    assert await after(minutes=1) == 0, "it has nothing to lose yet"
    assert await after(days=1) == 1
    assert await after(hours=2) == 1
    assert await after(days=1) == 2
    assert saving.last_at(still.services.settings.data_dir) is None


# ------------------------------------------------------------------------- on a machine


@pytest.mark.skipif(ENGINE != "sqlite", reason="the commands are the same at either database")
@pytest.mark.timeout(300)
def test_t03_r32_a_hub_whose_file_broke_is_restored_on_another_port_and_followed_as_before(
    tmp_path: Path,
) -> None:
    phrase_file, saved = tmp_path / "phrase", tmp_path / "saved.zip"
    with hub_process(tmp_path / "south") as south:
        with hub_process(tmp_path / "old") as hub:
            made = json.loads(hub.command("setup", "--phrase", "--json"))
            phrase_file.write_text(made["phrase"])
            south.command("follow", f"@events@127.0.0.1:{hub.port}")
            token = hub.token()
            _post(hub, token, "Before")
            _lists(south, "Before")
            assert hub.command("backup", str(saved)).strip() == str(saved)
            assert stat.S_IMODE(saved.stat().st_mode) == 0o600
            assert list((hub.folder / "backups").glob("*.zip")) == [], "it was carried away"
            assert "is good" in hub.command("restore", str(saved), "--verify")
            checks = [json.loads(line) for line in hub.command("doctor", "--json").splitlines()]
            states = {check["check"]: check["state"] for check in checks}
            assert states["reach"] == states["database"] == states["work"] == "ok"
            assert states["keys"] == "warning", "the folder is open to others, as mkdir left it"
            assert "wrong" not in states.values()
        broken = hub.folder / "hub.db"
        content = broken.read_bytes()
        broken.write_bytes(content[:4096] + b"\xff" * 4096 + content[8192:])
        assert "is damaged" in hub.command("serve", status=1)
        # Where systemd's link leads on a new machine there is nothing yet.
        (tmp_path / "link").symlink_to(tmp_path / "private" / "new")
        again = HubProcess(tmp_path / "link", env={"HUB_URL": hub.url})
        assert "Restored and compared" in again.command(
            "restore", str(saved), "--phrase-file", str(phrase_file)
        )
        try:
            again.start()
            assert again.port != hub.port
            _post(again, token, "After")
            _lists(south, "Before", "After")
        finally:
            again.stop()


def _post(hub: HubProcess, token: str, title: str) -> None:
    posted = httpx2.post(
        f"{hub.url}/api/v1/events",
        json={**EVENT, "title": title},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    assert posted.status_code == 201, posted.text


def _lists(hub: HubProcess, *titles: str) -> None:
    """Return once the hub lists these, of wherever, each once, and no other."""

    def listed() -> bool:
        return sorted(item["title"] for item in hub.everything("events")) == sorted(titles)

    eventually(listed, f"{titles} at {hub.url}")


async def test_the_doctor_says_why_a_hub_is_not_reached(tmp_path: Path) -> None:
    async def told(url: str) -> str:
        settings = Settings(_env_file=None, url=url, data_dir=tmp_path)
        (check,) = [check async for check in reach.look(settings)]
        assert check.state == "wrong"
        return check.told(str)

    answers = {"": b"HTTP/1.1 200 OK\r\n\r\n<p>Welcome to nginx</p>"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answers[""])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        url = f"http://127.0.0.1:{port}"
        assert "Something else answers" in await told(url)
        answers[""] = b'HTTP/1.1 200 OK\r\n\r\n{"asked_at": "http://10.0.0.1:8000"}'
        assert "reached, but as http://10.0.0.1:8000" in await told(url)
        assert "There is no good https at" in await told(f"https://127.0.0.1:{port}")
    assert "Nobody answers at" in await told(url)
    assert "is not known (DNS)" in await told("https://nowhere.invalid")


@pytest.mark.skipif(ENGINE != "sqlite", reason="PostgreSQL looks after its files itself")
async def test_r32_a_damaged_file_is_found(hub: Running, tmp_path: Path) -> None:
    settings = hub.services.settings
    await hub.services.db.close()
    whole = Path(settings.database.partition(":///")[2])
    data = bytearray(await asyncio.to_thread(whole.read_bytes))
    none, some = tmp_path / "none.db", tmp_path / "some.db"
    await asyncio.to_thread(none.write_bytes, b"\xff" * 100 + data[100:])
    for start in range(len(data) // 4, len(data), 4096 * 7):
        data[start : start + 512] = b"\xff" * 512
    await asyncio.to_thread(some.write_bytes, data)
    for file, state, words in ((whole, "ok", ""), (some, "wrong", FROM), (none, "wrong", FROM)):
        db = Database(f"sqlite+aiosqlite:///{file}")
        found = [check async for check in rows.look(settings, db, deep=True)]
        await db.close()
        (check,) = (check for check in found if check.name == "database")
        assert check.state == state
        assert words in check.told(str)
