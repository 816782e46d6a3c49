"""What is told of a hub to those who run it: numbers without names, logs without people (D8)."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from hub import logs
from hub.core.settings import Settings
from hub.people import service
from hub.people.models import Person
from tests.conftest import Running
from tests.peer import knock
from tests.towns import Town, signed_in
from tests.visitor import csrf

WORD = "kanari"


# ------------------------------------------------------------------------------ /metrics


async def test_the_machine_itself_and_a_stewards_token_read_the_numbers(town: Town) -> None:
    hub = town.hub
    await town.say(town.note(content=f"<p>{WORD}</p>"))
    here = await knock(hub, b"", {}, "/metrics", "GET", client="127.0.0.1")
    assert here.status == 200
    assert here.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in here.text.splitlines() if not line.startswith("#")]
    numbers = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
    assert numbers['hub_entries{origin="here"}'] == 1
    assert numbers['hub_held{what="answers"}'] == 1
    assert numbers['hub_servers{standing="open"}'] == 1
    assert 'hub_waiting_oldest_seconds{what="delivery"}' in numbers
    assert numbers["hub_disk_free_bytes"] > 0
    assert WORD not in here.text
    assert "town.example" not in here.text
    assert len(numbers) == len(lines), "each is said once"


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("192.0.2.1", {}, 401),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1"}, 401),
        ("127.0.0.1", {"forwarded": "for=192.0.2.1"}, 401),
        ("::1", {}, 200),
    ],
)
async def test_nobody_else_reads_them(
    hub: Running, client: str, headers: dict[str, str], status: int
) -> None:
    answer = await knock(hub, b"", headers, "/metrics", "GET", client=client)
    assert answer.status == status


async def test_a_token_reads_them_only_if_it_is_a_stewards(hub: Running) -> None:
    async with hub.services.db.write() as session:
        editor = await service.token_create(session, "calendar", "editor")
    for token, status in ((hub.steward_token, 200), (editor, 403)):
        given = {"authorization": f"Bearer {token}"}
        answer = await knock(hub, b"", given, "/metrics", "GET")
        assert answer.status == status


# ------------------------------------------------------------------------------ logs


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the hub logs at the level `debug`, as it writes it."""
    root, out = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.NOISY}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", out)
        logs.configure(Settings(_env_file=None, log_level="debug"))
    yield out
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


async def test_d8_a_day_of_a_hub_leaves_nobody_in_its_log(town: Town, logged: io.StringIO) -> None:
    hub, mail = town.hub, f"{WORD}@mail.example"
    await town.say(town.note(content=f"<p>{WORD}</p>"))
    await town.say(town.note(content="x", in_reply_to=f"https://else.example/{WORD}"))
    for path in ("sign-in", "mine", "appeal", "events/x/coming", "unsubscribe"):
        await hub.web.get(f"/{path}/{WORD}", headers={"accept": "text/html"})
    await hub.web.get(f"/search?q={WORD}", headers={"authorization": f"Bearer {WORD}"})
    page = await hub.web.get("/sign-in", headers={"accept": "text/html"})
    await hub.web.post("/sign-in", data={"csrf": csrf(page), "email": mail})
    handle = f"@{WORD}@nowhere.example"
    await hub.web.post("/api/v1/follows", json={"handle": handle}, headers=hub.steward)
    await hub.web.get(f"/authorize?uri=acct:{WORD}@nowhere.example", headers=hub.steward)
    async with signed_in(hub) as (web, token):
        await web.post("/welcome", data={"csrf": token, "name": WORD})
    with pytest.raises(IntegrityError) as refused:
        await _twice(hub, mail)
    logging.getLogger("hub.test").exception("it failed", exc_info=refused.value)
    await hub.work()
    said = logged.getvalue()
    assert "it failed" in said
    assert WORD not in said
    assert "127.0.0.1" not in said


async def _twice(hub: Running, mail: str) -> None:
    """The database itself refuses two people with one address."""
    async with hub.services.db.write() as session:
        session.add_all(Person(id=uuid4(), name="", role="guest", email=mail) for _ in range(2))


def test_a_log_line_is_one_line_whatever_is_in_it(logged: io.StringIO) -> None:
    logging.getLogger("hub").warning("of %s", "a\n2026 ERROR forged\x1b[2J\u2028")
    (line,) = logged.getvalue().splitlines()
    assert line.endswith(r"of a\n2026 ERROR forged\x1b[2J\u2028")
