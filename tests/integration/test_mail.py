"""Letters reach a real mail server once, with patience, and tell nobody else what is in them."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.mail import outbox
from hub.mail.composing import Letter
from hub.mail.models import Mail
from hub.people import notices
from hub.people.models import Person, Told
from hub.people.notices import Notice
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.interop.certificates import issue
from tests.jobs import ask
from tests.mailserver import MailServer, body, mail_server

ANN = "ann@mail.example"
LETTER = Letter(
    to=ANN,
    subject="Your link",
    lines=("Good day & welcome.", "It works once."),
    link="https://hub.example/sign-in/s3cret",
    button="Sign in",
)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


async def _put(hub: Running, letter: Letter = LETTER, **options: timedelta) -> None:
    async with hub.services.db.write() as session:
        await outbox.put(session, hub.services, letter, **options)


async def _rows(hub: Running) -> list[Mail]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Mail)))


async def _person(hub: Running, **given: str) -> Person:
    person = Person(name="Ann", role="member", **{"email": ANN, **given})
    async with hub.services.db.write() as session:
        session.add(person)
    return person


async def _tell(hub: Running, person: Person, notice: Notice) -> None:
    async with hub.services.db.write() as session:
        await notices.tell(session, hub.services, person.id, notice)


async def test_a_letter_arrives_in_plain_text_and_html(
    make_hub: MakeHub, server: MailServer
) -> None:
    hub = await make_hub(smtp_url=server.url, name="Ann’s “Hub”")
    await _put(hub)
    await hub.work()
    (letter,), (envelope,) = server.letters, server.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("hub@hub.example", [ANN])
    assert str(letter["From"]) == "Ann’s “Hub” <hub@hub.example>"
    assert (letter["To"], letter["Subject"]) == (ANN, "Your link")
    assert letter["Auto-Submitted"] == "auto-generated"
    for kind in ("plain", "html"):
        assert LETTER.link in body(letter, kind)
    assert "Good day & welcome." in body(letter)
    assert "Good day &amp; welcome." in body(letter, "html")
    assert letter["List-Unsubscribe"] is None
    (row,) = await _rows(hub)
    assert row.sent_at is not None
    assert (row.recipient, row.link, row.content) == ("", "", {})


async def test_what_the_mail_server_refuses_for_now_is_tried_again_later(
    make_hub: MakeHub, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    hub = await make_hub(smtp_url=server.url)
    server.refuse_letters = ["451 later"]
    await _put(hub)
    await hub.work()
    assert server.letters == []
    (row,) = await _rows(hub)
    assert (row.attempts, row.last_error) == (1, "the letter is refused (451)")
    clock.pass_by(seconds=50)
    await hub.work()
    assert server.letters == []
    clock.pass_by(seconds=20)
    await hub.work()
    assert [letter["Message-ID"] for letter in server.letters] == [f"<{row.id}@hub.example>"]


async def test_a_letter_that_is_refused_for_good_is_given_up_and_forgotten(
    make_hub: MakeHub, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    hub = await make_hub(smtp_url=server.url)
    server.refuse_recipients = [f"550 no such user {ANN}"]
    with caplog.at_level(logging.INFO):
        await _put(hub)
        await hub.work()
    (row,) = await _rows(hub)
    assert row.given_up_at is not None
    assert (row.recipient, row.link, row.content) == ("", "", {})
    assert row.last_error == "the address is refused (550)"
    assert "was given up" in caplog.text
    assert ANN not in _logged(caplog)


async def test_a_mail_server_that_is_down_loses_nothing(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(monkeypatch)
    with mail_server() as server:
        url = server.url
    hub = await make_hub(smtp_url=url)
    with caplog.at_level(logging.INFO):
        await _put(hub)
        for _ in range(3):
            await hub.work()
            clock.pass_by(hours=1)
    (row,) = await _rows(hub)
    assert (row.attempts, row.sent_at, row.given_up_at) == (3, None, None)
    assert ANN not in _logged(caplog)


@pytest.mark.parametrize("implicit", [True, False], ids=["smtps", "starttls"])
async def test_letters_go_over_tls_with_a_password(
    make_hub: MakeHub, tmp_path: Path, implicit: bool
) -> None:
    files = issue(["localhost"], tmp_path / "tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.chain, files.key)
    with mail_server(tls=context, implicit=implicit, password="p@ss/word") as server:
        scheme = "smtps" if implicit else "starttls"
        url = f"{scheme}://ann:p%40ss%2Fword@localhost:{server.port}"
        hub = await make_hub(smtp_url=url, ca_file=files.authority)
        await _put(hub)
        await hub.work()
        assert [letter["To"] for letter in server.letters] == [ANN]
        wrong = await make_hub(
            "wrong.example", smtp_url=url.replace("p%40ss", "no"), ca_file=files.authority
        )
        await _put(wrong)
        await wrong.work()
        (row,) = await _rows(wrong)
        assert row.last_error == "the mail server does not know our password (535)"
        assert len(server.letters) == 1


async def test_without_a_mail_server_letters_wait_and_go_once_there_is_one(
    make_hub: MakeHub, server: MailServer
) -> None:
    hub = await make_hub()
    await _put(hub)
    await hub.work()
    (row,) = await _rows(hub)
    assert (row.sent_at, row.attempts, row.link) == (None, 0, LETTER.link)
    object.__setattr__(hub.services.settings, "smtp_url", server.url)  # as after a restart
    await _upkeep(hub)
    await _upkeep(hub)
    await hub.work()
    assert [letter["To"] for letter in server.letters] == [ANN]


async def test_a_letter_whose_link_ran_out_is_not_sent(
    make_hub: MakeHub, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    hub = await make_hub(smtp_url=server.url)
    await _put(hub, lasts=timedelta(minutes=30))
    clock.pass_by(minutes=31)
    await hub.work()
    assert server.letters == []
    clock.pass_by(days=8)
    await ask(hub.services, "retention.forget")
    await hub.work()
    assert await _rows(hub) == []


async def test_t40_a_notice_goes_at_once_with_a_way_to_end_it_by_one_tap(
    make_hub: MakeHub, server: MailServer
) -> None:
    hub = await make_hub(smtp_url=server.url)
    person = await _person(hub)
    notice = Notice("match", "A ladder", ("400 m away",), "/wants/1")
    await _tell(hub, person, notice)
    await _tell(hub, person, notice)  # the same words once more: nothing
    await hub.work()
    (letter,) = server.letters
    assert "https://hub.example/wants/1" in body(letter)
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop = str(letter["List-Unsubscribe"]).strip(" <>").removeprefix(hub.url)
    page = await hub.web.get(stop)
    assert page.status_code == 200, (stop, page.text)
    assert await _channels_of(hub) == {}
    answer = await hub.web.post(stop, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert await _channels_of(hub) == {"match": "none"}
    await _tell(hub, person, Notice("match", "A saw", (), "/wants/2"))
    await _tell(hub, person, Notice("post", "Your post", (), "/wants/3", unsubscribe=False))
    await hub.work()
    assert [each["Subject"] for each in server.letters] == ["A ladder", "Your post"]


async def test_a_weekly_letter_holds_each_thing_once(
    make_hub: MakeHub, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    hub = await make_hub(smtp_url=server.url)
    person = await _person(hub, notices="weekly")
    await _tell(hub, person, Notice("reply", "One answer", (), "/wants/1"))
    await _tell(hub, person, Notice("reply", "Two answers", (), "/wants/1"))
    clock.pass_by(days=3)
    await _tell(hub, person, Notice("match", "A saw", (), "/wants/2"))
    await _weekly(hub)
    assert server.letters == []
    clock.pass_by(days=4, hours=1)
    await _weekly(hub)
    await _weekly(hub)
    (letter,) = server.letters
    words = body(letter)
    assert "One answer" not in words
    assert words.index("Two answers") < words.index("A saw")
    assert "https://hub.example/wants/2" in words
    assert "/unsubscribe/" in str(letter["List-Unsubscribe"])


async def test_nobody_is_told_who_has_no_address_or_is_barred(make_hub: MakeHub) -> None:
    hub = await make_hub()
    person = await _person(hub)
    async with hub.services.db.write() as session:
        nameless = Person(name="Bea", role="member")
        session.add(nameless)
        (await session.get_one(Person, person.id)).disabled_at = person.created_at
    for one in (person, nameless):
        await _tell(hub, one, Notice("match", "A ladder", (), "/wants/1"))
    assert await _rows(hub) == []
    async with hub.services.db.read() as session:
        assert (await session.scalars(select(Told))).all() == []


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    """What the hub logs; the mail server of these tests is another program."""
    return "\n".join(each.getMessage() for each in caplog.records if each.name[:4] != "mail")


async def _channels_of(hub: Running) -> dict[str, str]:
    async with hub.services.db.read() as session:
        person = (await session.scalars(select(Person).where(Person.email == ANN))).one()
    return person.channels


async def _upkeep(hub: Running) -> None:
    await ask(hub.services, "mail.upkeep")
    await hub.work()


async def _weekly(hub: Running) -> None:
    await ask(hub.services, "people.weekly")
    await hub.work()
