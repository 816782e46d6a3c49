"""People are told on their phones: a title and where to look, read by nobody else on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from sqlalchemy import select

from hub.bootstrap import opened
from hub.core.clock import now
from hub.core.secrets import KEY_FILE
from hub.core.settings import Settings
from hub.core.words import filled
from hub.people import notices, phones, secrets
from hub.people.models import Person, Session
from hub.people.notices import Notice
from hub.push import vapid
from hub.push.models import PushKey, Subscription
from hub.worker import Worker
from tests.clock import Clock
from tests.conftest import Databases, MakeHub, Running
from tests.interop.certificates import issue
from tests.mailserver import mail_server
from tests.processes import free_port
from tests.pushservice import Browser, PushService
from tests.visitor import Visitor, visiting

LADDER = Notice("match", "Somebody offers a ladder", ("400 m away.",), "/wants/1")
SHOWN = {"title": "Somebody offers a ladder", "path": "/wants/1"}
NEVER = {"quiet_from": "00:00", "quiet_until": "00:00"}


@pytest.fixture
def service(hub: Running) -> PushService:
    """A push service on the hub's wire."""
    made = PushService()
    hub.wire.attach("push.example", made)
    return made


@pytest.fixture
async def ann(hub: Running) -> AsyncIterator[Visitor]:
    """A member without an e-mail address, whose phones are never quiet."""
    async with visiting(hub) as visitor:
        await visitor.sign_in("member")
        await visitor.send(await visitor.get("/me"), "/me/quiet", **NEVER)
        yield visitor


async def _allow(visitor: Visitor, service: PushService) -> Browser:
    """Press "Tell me on this phone" as a browser with scripts does."""
    page = await visitor.get("/me")
    found = re.search(r'data-push="([\w-]{87})"', page.text)
    assert found is not None, page.text
    browser = service.subscribe(found[1])
    answer = await visitor.send(page, "/me/phone", **browser.said)
    assert answer.status_code == 303, answer.text
    return browser


async def _ann(hub: Running) -> UUID:
    async with hub.services.db.read() as session:
        found = await session.scalar(select(Person.id).where(Person.name == "Ann"))
    assert found is not None
    return found


async def _tell(hub: Running, notice: Notice = LADDER) -> None:
    person_id = await _ann(hub)
    async with hub.services.db.write() as session:
        await notices.tell(session, hub.services, person_id, notice)
    await hub.work()


async def _told(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Subscription.endpoint)))


async def test_a_phone_shows_what_concerns_its_owner_and_is_given_nothing_else(
    hub: Running, service: PushService, ann: Visitor
) -> None:
    browser = await _allow(ann, service)
    assert "This device is told" in (await ann.get("/me")).text
    await _tell(hub)
    await _tell(hub)  # the same words once more: nothing
    assert browser.shown == [SHOWN]
    assert service.refused == []
    (asked,) = service.asked
    assert asked["content-type"] == "application/octet-stream"
    assert "ladder" not in str(asked)


async def test_every_phone_is_told_and_one_that_said_no_is_not(
    hub: Running, service: PushService, ann: Visitor
) -> None:
    async with visiting(hub) as other, hub.services.db.write() as session:
        person_id = await session.scalar(select(Person.id).where(Person.name == "Ann"))
        secret = secrets.new_session()
        kept = Session(digest=secrets.digest(secret), person_id=person_id, expires_at=_later())
        session.add(kept)
        other.web.cookies.set("__Host-hub", secret)
    async with visiting(hub) as other:
        other.web.cookies.set("__Host-hub", secret)
        first, second = await _allow(ann, service), await _allow(other, service)
        await _tell(hub)
        assert (first.shown, second.shown) == ([SHOWN], [SHOWN])
        page = await other.get("/me")
        await other.send(page, "/me/phone/stop", device=secrets.digest(secret))
        await _tell(hub, Notice("match", "A saw", (), "/wants/2"))
    assert (len(first.shown), len(second.shown)) == (2, 1)


def _later() -> datetime:
    return now() + timedelta(days=1)


@pytest.mark.parametrize("way", ["/sign-out", "/me/sign-out-everywhere", "/me/delete"])
async def test_who_signs_out_is_told_no_more_on_that_phone(
    hub: Running, service: PushService, ann: Visitor, way: str
) -> None:
    browser = await _allow(ann, service)
    person_id = await _ann(hub)
    await ann.send(await ann.get("/me"), way)
    assert await _told(hub) == []
    async with hub.services.db.write() as session:
        await notices.tell(session, hub.services, person_id, LADDER)
    await hub.work()
    assert browser.shown == []


@pytest.mark.parametrize("status", [404, 410])
async def test_a_phone_that_is_there_no_more_is_forgotten(
    hub: Running, service: PushService, ann: Visitor, status: int
) -> None:
    browser = await _allow(ann, service)
    service.answers = [status]
    await _tell(hub)
    assert await _told(hub) == []
    assert browser.shown == []
    assert "This device is told" not in (await ann.get("/me")).text


async def test_a_push_service_that_is_away_gets_it_later(
    hub: Running, service: PushService, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    browser = await _allow(ann, service)
    service.answers = [503, 429]
    await _tell(hub)
    for minutes in (2, 6):
        assert browser.shown == []
        clock.pass_by(minutes=minutes)
        await hub.work()
    assert browser.shown == [SHOWN]
    assert len(service.asked) == 3


async def test_what_nobody_took_for_a_day_is_no_news_any_more(
    hub: Running, service: PushService, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    browser = await _allow(ann, service)
    hub.wire.down.add("push.example")
    await _tell(hub)
    for _ in range(10):
        clock.pass_by(hours=3)
        await hub.work()
    hub.wire.down.clear()
    clock.pass_by(days=1)
    await hub.work()
    assert browser.shown == []
    assert await _told(hub) == [browser.endpoint]


async def test_at_night_a_phone_is_quiet_until_the_morning(
    hub: Running, service: PushService, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    browser = await _allow(ann, service)
    quiet = {"quiet_from": "21:00", "quiet_until": "08:00"}
    assert (await ann.send(await ann.get("/me"), "/me/quiet", **quiet)).status_code == 303
    zone = hub.services.settings.zone
    tomorrow = now().astimezone(zone).date() + timedelta(days=1)
    clock.ahead += datetime.combine(tomorrow, time(22, 30), zone) - now()
    await _tell(hub)
    clock.pass_by(hours=9)  # half past seven
    await hub.work()
    assert browser.shown == []
    clock.pass_by(minutes=31)
    await hub.work()
    assert browser.shown == [SHOWN]


@pytest.mark.parametrize(
    ("start", "end", "at", "until"),
    [
        ("21:00", "08:00", "2026-03-10T20:59", "2026-03-10T20:59"),
        ("21:00", "08:00", "2026-03-10T21:00", "2026-03-11T08:00"),
        ("21:00", "08:00", "2026-03-11T00:30", "2026-03-11T08:00"),
        ("21:00", "08:00", "2026-03-11T08:00", "2026-03-11T08:00"),
        ("21:00", "08:00", "2026-03-28T23:00", "2026-03-29T08:00"),  # the clock is put forward
        ("13:00", "15:00", "2026-03-10T14:00", "2026-03-10T15:00"),
        ("07:00", "07:00", "2026-03-10T07:00", "2026-03-10T07:00"),
    ],
)
async def test_quiet_hours_are_those_of_the_clock_on_the_wall(
    hub: Running, start: str, end: str, at: str, until: str
) -> None:
    settings = hub.services.settings
    person = Person(quiet_from=phones.minutes(start), quiet_until=phones.minutes(end))
    moment = datetime.fromisoformat(at).replace(tzinfo=settings.zone)
    woken = phones.awake(person, moment, settings)
    assert woken.astimezone(settings.zone).isoformat(timespec="minutes")[:16] == until


async def test_each_sort_of_notice_can_be_kept_from_the_phone(
    hub: Running, service: PushService, ann: Visitor
) -> None:
    browser = await _allow(ann, service)
    chosen = {"notices": "now", "sorted": "yes", "phone-talk": "yes", "letters-match": "weekly"}
    await ann.send(await ann.get("/me"), "/me/notices", **chosen)
    await _tell(hub)
    await _tell(hub, Notice("message", "News about: a saw", (), "/matches/1"))
    assert browser.shown == [{"title": "News about: a saw", "path": "/matches/1"}]


async def test_letters_and_phones_are_chosen_apart(make_hub: MakeHub) -> None:
    service = PushService()
    with mail_server() as server:
        hub = await make_hub(smtp_url=server.url)
        hub.wire.attach("push.example", service)
        async with visiting(hub) as visitor:
            await visitor.sign_in("member")
            await visitor.send(await visitor.get("/me"), "/me/quiet", **NEVER)
            browser = await _allow(visitor, service)
            async with hub.services.db.write() as session:
                person = (await session.scalars(select(Person).where(Person.name == "Ann"))).one()
                person.email = "ann@mail.example"
            chosen = {"notices": "weekly", "letters-talk": "now"}
            await visitor.send(await visitor.get("/me"), "/me/notices", **chosen)
        await _tell(hub)
        await _tell(hub, Notice("message", "News about: a saw", (), "/matches/1"))
        assert [letter["Subject"] for letter in server.letters] == ["News about: a saw"]
        assert len(browser.shown) == 2


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/1",
        "https:///1",
        "ftp://push.example/1",
        "x",
        f"https://a.example/{'x' * 1000}",
    ],
)
async def test_what_is_no_push_service_is_not_taken(
    hub: Running, service: PushService, ann: Visitor, endpoint: str
) -> None:
    page = await ann.get("/me")
    said = {**service.subscribe("").said, "endpoint": endpoint}
    answer = await ann.send(page, "/me/phone", **said)
    assert answer.status_code == 422
    assert "This browser cannot be told" in answer.text
    assert await _told(hub) == []


@pytest.mark.parametrize(
    "endpoint",
    ["https://127.0.0.1/1", "https://hub.example/1", "https://localhost/1", "https://[::1]/1"],
)
async def test_addresses_that_no_hub_may_dial_are_not_dialled(
    hub: Running, service: PushService, ann: Visitor, endpoint: str
) -> None:
    said = {**service.subscribe("").said, "endpoint": endpoint}
    await ann.send(await ann.get("/me"), "/me/phone", **said)
    hub.wire.dials.clear()
    await _tell(hub)
    assert hub.wire.dials == []
    assert await _told(hub) == []


async def test_strangers_and_browsers_of_one_post_cannot_ask_for_it(
    hub: Running, service: PushService
) -> None:
    async with visiting(hub) as stranger:
        page = await stranger.get("/sign-in")
        said = service.subscribe("").said
        answer = await stranger.send(page, "/me/phone", **said)
        assert answer.status_code in {401, 303}
    assert await _told(hub) == []


async def test_the_hub_has_one_key_and_keeps_it_sealed(hub: Running) -> None:
    keys = [vapid.public(await vapid.key(hub.services)) for _ in range(2)]
    assert keys[0] == keys[1]
    private = (await vapid.key(hub.services)).private_numbers().private_value.to_bytes(32)
    async with hub.services.db.read() as session:
        (row,) = await session.scalars(select(PushKey))
    assert private not in row.sealed


async def test_the_service_worker_lies_on_top_and_takes_in_what_shows_messages(
    hub: Running,
) -> None:
    worker = await hub.web.get("/sw.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    taken = re.findall(r'importScripts\("(/static/[^"]+)"\)', worker.text)
    scripts = [await hub.web.get(path) for path in taken]
    assert {script.status_code for script in scripts} == {200}
    assert "showNotification" in "".join(script.text for script in scripts)


async def test_over_real_sockets_a_push_service_gets_what_its_browser_can_read(
    databases: Databases, tmp_path: Path
) -> None:
    files = issue(["localhost"], tmp_path / "tls")
    service = PushService(f"https://localhost:{(port := free_port())}")
    settings = Settings(
        _env_file=None,
        url="https://hub.example",
        data_dir=tmp_path / "hub",
        database_url=databases.fresh(),
        ca_file=files.authority,
        allow_networks=(ip_network("127.0.0.0/8"),),
        allow_http=True,  # which odd ports belong to; push services are asked by https all the same
    )
    async with _listening(service, port, files.chain, files.key), opened(settings) as hub:
        services = hub.services
        browser = service.subscribe(vapid.public(await vapid.key(services)))
        said = browser.said
        async with services.db.write() as session:
            person = Person(name="Ann", role="member", quiet_from=0, quiet_until=0)
            session.add(person)
            await session.flush()
            session.add(Session(digest="d", person_id=person.id, expires_at=_later()))
            await session.flush()
            await phones.add(session, "d", said["endpoint"], said["key"], said["secret"])
            await notices.tell(session, services, person.id, LADDER)
        worker = Worker(services, hub.handlers)
        while await worker.step():
            continue
    databases.drop()
    assert service.refused == []
    assert browser.shown == [SHOWN]


@asynccontextmanager
async def _listening(app: Any, port: int, chain: Path, key: Path) -> AsyncIterator[None]:
    """An application on a socket of this machine, with TLS."""
    config = uvicorn.Config(
        app,
        port=port,
        ssl_certfile=str(chain),
        ssl_keyfile=str(key),
        lifespan="off",
        log_config=None,
    )
    server = _Told(config)
    task = asyncio.create_task(server.serve())
    await server.up.wait()
    yield
    server.should_exit = True
    await task


class _Told(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set()


async def test_a_hub_with_another_master_key_asks_its_phones_again(
    hub: Running, service: PushService, ann: Visitor
) -> None:
    browser = await _allow(ann, service)
    (hub.services.settings.data_dir / KEY_FILE).unlink()
    page = await ann.get("/me")
    assert page.status_code == 200
    assert "Messages on this device must be switched on once more." in page.text
    await _tell(hub)
    assert browser.shown == []
    again = await _allow(ann, service)
    assert "must be switched on once more" not in (await ann.get("/me")).text
    await _tell(hub, replace(LADDER, path="/wants/2"))
    assert again.shown == [{**SHOWN, "path": "/wants/2"}]


async def test_a_phone_is_told_in_its_owners_language(
    hub: Running, service: PushService, ann: Visitor
) -> None:
    browser = await _allow(ann, service)
    await ann.send(await ann.get("/more"), "/language", language="de")
    subject = filled("Somebody offers: {title}", title="Leiter")
    await _tell(hub, Notice("match", subject, (), "/wants/1"))
    assert browser.shown == [{"title": "Jemand bietet an: Leiter", "path": "/wants/1"}]
