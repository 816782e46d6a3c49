"""What waits for a decision, who decides with what reason, and what the others hear of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete, select, update

from federation.vocab.activities import Create, Delete, Flag
from federation.vocab.objects import Note
from hub.core.clock import now
from hub.entries import newcomers
from hub.entries.models import HELD, HIDDEN, SHOWN, Entry, Report
from hub.fediverse import peers, rulings
from hub.fediverse.models import OutboxActivity, Peer
from hub.mail.models import Mail
from hub.moderation import log, upkeep
from hub.moderation.models import Appeal, Decided, Decision
from hub.moderation.rules import USUAL
from hub.people import service as people
from hub.people.models import Person
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.jobs import ask
from tests.peer import Peer as Server
from tests.towns import Town
from tests.visitor import Visitor, card_in, visiting

ANN, EVE = "ann@mail.example", "eve@mail.example"
QUEUE = "/admin/moderation"
NOBODY_WAITS = "Nothing waits for a decision."
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
SPAMMERS = 3  # who sent 200 wants


@pytest.fixture
async def moderator(hub: Running) -> AsyncIterator[Visitor]:
    """Somebody who looks after the hub."""
    async with visiting(hub, ("192.0.2.8", 4000)) as visitor:
        await visitor.sign_in("moderator")
        yield visitor


async def _posted(hub: Running, title: str = "Oak ladder", email: str = EVE) -> tuple[str, Entry]:
    """A want of somebody without an account: the link of their letter, and the entry."""
    fields = {"kind": "item", "mode": "lend", "location": "Elm Road", "visibility": "public"}
    async with visiting(hub, ("192.0.2.9", 4000)) as guest:
        draft = (await guest.press("/post/want", title=title, **fields)).headers["location"]
        await guest.press(draft, email=email)
        (letter,) = await _letters(hub, email, newest=1)
        link = letter.link.removeprefix(hub.url)
        await guest.press(link)
    async with hub.services.db.read() as session:
        query = select(Entry).where(Entry.title == title)
        return link, (await session.scalars(query.order_by(Entry.created_at.desc()))).first()  # type: ignore[return-value]


async def _letters(hub: Running, email: str, newest: int = 100) -> list[Mail]:
    async with hub.services.db.read() as session:
        query = select(Mail).where(Mail.recipient == email).order_by(Mail.created_at.desc())
        return list(await session.scalars(query.limit(newest)))


async def _all(hub: Running, kind: Any) -> list[Any]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(kind)))


async def _press(moderator: Visitor, deed: str, **fields: str) -> httpx2.Response:
    """Decide about the card that comes first."""
    page = await moderator.get(QUEUE)
    return await moderator.send(page, card_in(page), deed=deed, **fields)


async def _undo(moderator: Visitor, answer: httpx2.Response) -> httpx2.Response:
    page = await moderator.get(answer.headers["location"])
    return await moderator.send(
        page, f"{QUEUE}/undo", decision=answer.headers["location"].rpartition("=")[2]
    )


def _link(text: str) -> str:
    found = re.search(r"/appeal/[\w-]+", text)
    assert found is not None, text
    return found[0]


# --------------------------------------------------------------------------------- the queue


async def test_a_refusal_needs_a_rule_and_its_author_hears_which(moderator: Visitor) -> None:
    hub = moderator.hub
    _, entry = await _posted(hub)
    without = await _press(moderator, "refuse", note="Dear Eve", tell="yes")
    assert without.status_code == 422
    assert "Please choose the house rule" in without.text
    assert "Dear Eve" in without.text  # what was written is not lost
    answer = await _press(moderator, "refuse", rule="3", note="Sent a hundred times.", tell="y")
    assert answer.status_code == 303
    assert NOBODY_WAITS in (await moderator.get(QUEUE)).text
    assert (await moderator.get(entry.path)).status_code == 404
    (letter,) = await _letters(hub, EVE, newest=1)
    assert letter.subject == "Your post was taken down"
    assert f"The house rule: {USUAL[3]}" in letter.content["lines"]
    assert "They say: Sent a hundred times." in letter.content["lines"]


async def test_a_decision_is_undone_and_waits_once_more(moderator: Visitor) -> None:
    hub = moderator.hub
    _, entry = await _posted(hub)
    answer = await _press(moderator, "refuse", rule="0")
    assert "Oak ladder" not in (await moderator.get(QUEUE)).text
    assert (await _undo(moderator, answer)).status_code == 303
    assert "Oak ladder" in (await moderator.get(QUEUE)).text
    assert (await moderator.get(entry.path)).status_code == 200
    assert (await _undo(moderator, answer)).status_code == 409  # once is enough
    answer = await _press(moderator, "pass")
    assert (await moderator.get(entry.path)).status_code == 200
    await _undo(moderator, answer)
    assert "Oak ladder" in (await moderator.get(QUEUE)).text
    async with visiting(hub) as stranger:
        assert (await stranger.get(entry.path)).status_code == 404
    async with hub.services.db.read() as session:
        said = select(OutboxActivity.type).where(OutboxActivity.object_uri == entry.uri)
        types = list(await session.scalars(said.order_by(OutboxActivity.id)))
    assert types[-1] == "Delete"  # it was out for a moment


async def test_a_decision_is_undone_whatever_second_ended_in_it(
    moderator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _posted(moderator.hub)
    monkeypatch.setattr(log, "now", lambda: now() + timedelta(seconds=1))
    await _undo(moderator, await _press(moderator, "refuse", rule="0"))
    assert "Oak ladder" in (await moderator.get(QUEUE)).text


async def test_a_held_answer_is_shown_or_hidden_from_the_queue(town: Town) -> None:
    await town.say(town.note())
    await town.say(town.note("bob", content="<p>Buy pills</p>"), "bob")
    async with visiting(town.hub) as moderator:
        await moderator.sign_in("moderator")
        shown = await _press(moderator, "pass")
        hidden = await _press(moderator, "refuse", rule="3", tell="")
        assert [reply.state for reply in await town.replies()] == [SHOWN, HIDDEN]
        await _undo(moderator, shown)
        await _undo(moderator, hidden)
    assert [reply.state for reply in await town.replies()] == [HELD, HELD]


async def test_later_shows_the_next_and_comes_back_to_the_first(moderator: Visitor) -> None:
    hub = moderator.hub
    await _posted(hub, "Oak ladder")
    await _posted(hub, "Ash ladder")
    page = await moderator.get(QUEUE)
    for title in ("Oak ladder", "Ash ladder", "Oak ladder"):
        assert f">{title}</a></h2>" in page.text
        after = re.search(r'href="(/admin/moderation\?after=[^"]+)"', page.text)
        assert after is not None
        page = await moderator.get(after[1])


async def test_two_moderators_at_once_decide_once(moderator: Visitor) -> None:
    hub = moderator.hub
    await _posted(hub)
    page = await moderator.get(QUEUE)
    pressed = [moderator.send(page, card_in(page), deed="refuse", rule="0") for _ in range(6)]
    answers = await asyncio.gather(*pressed)
    assert sorted(answer.status_code for answer in answers) == [303, *[404] * 5]
    assert len(await _all(hub, Decision)) == 1


@pytest.mark.parametrize("role", ["member", "editor", "guest"])
async def test_only_moderators_see_and_use_the_queue(hub: Running, role: str) -> None:
    await _posted(hub)
    async with visiting(hub) as somebody, visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get(QUEUE)
        await somebody.sign_in(role)
        for path in (
            QUEUE,
            f"{QUEUE}/log",
            f"{QUEUE}/rules",
            "/admin/servers/block?host=a.example",
        ):
            assert (await somebody.get(path)).status_code == 403
        more = await somebody.get("/more")
        for path in (card_in(page), f"{QUEUE}/undo", f"{QUEUE}/rules"):
            answer = await somebody.send(more, path, deed="refuse", rule="0", decision="1")
            assert answer.status_code == 403
    assert await _all(hub, Decision) == []


async def test_stewards_write_the_rules_and_old_decisions_keep_theirs(hub: Running) -> None:
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        await _posted(hub)
        await _press(steward, "refuse", rule="1")
        answer = await steward.press(f"{QUEUE}/rules", rules="No cats.\n\nNo <b>dogs</b>.")
        assert answer.status_code == 303
        about = (await steward.get("/about")).text
        assert "No cats." in about
        assert "No &lt;b&gt;dogs&lt;/b&gt;." in about
        assert USUAL[1] not in about
        assert USUAL[1] in (await steward.get("/about/moderation")).text
        much = await steward.press(f"{QUEUE}/rules", rules="\n".join("abcdefghij"))
        assert much.status_code == 422


# ------------------------------------------------------------------------------------ appeals


async def test_an_appeal_is_looked_at_by_another_and_gives_the_post_back(
    moderator: Visitor,
) -> None:
    hub = moderator.hub
    link, entry = await _posted(hub)
    await _press(moderator, "refuse", rule="0", tell="yes")
    (letter,) = await _letters(hub, EVE, newest=1)
    path = letter.link.removeprefix(hub.url)
    async with visiting(hub) as eve:
        assert "taken away by the stewards" in (await eve.get(link)).text
        page = await eve.get(path)
        assert USUAL[0].replace("’", "’") in page.text
        assert (await eve.send(page, path, words=" ")).status_code == 422
        assert (await eve.send(page, path, words="It is a real ladder.")).status_code == 303
        assert (await eve.send(page, path, words="Again!")).status_code == 409
        # Nobody else looks after this hub, so the same moderator has to.
        assert "It is a real ladder." in (await moderator.get(QUEUE)).text
        async with visiting(hub) as other:
            await other.sign_in("moderator")
            assert NOBODY_WAITS in (await moderator.get(QUEUE)).text
            assert "It is a real ladder." in (await other.get(QUEUE)).text
            await _press(other, "pass")
        assert "it stands on the board" in (await eve.get(path)).text
        assert (await eve.get(entry.path)).status_code == 200
    subjects = [letter.subject for letter in await _letters(hub, EVE)]
    assert "Your post is back" in subjects
    assert [row.deed for row in await _all(hub, Decision)] == ["refused", "restored"]


async def test_an_appeal_without_reason_changes_nothing_and_says_so(moderator: Visitor) -> None:
    hub = moderator.hub
    _, entry = await _posted(hub)
    await _press(moderator, "refuse", rule="0", tell="yes")
    (letter,) = await _letters(hub, EVE, newest=1)
    async with visiting(hub) as eve:
        await eve.press(letter.link.removeprefix(hub.url), words="Why?")
        assert (await eve.get("/appeal/" + "x" * 27)).status_code == 410
    await _press(moderator, "refuse", note="It is advertising.")
    (letter,) = await _letters(hub, EVE, newest=1)
    assert letter.subject == "Your appeal"
    assert "They say: It is advertising." in letter.content["lines"]
    assert (await moderator.get(entry.path)).status_code == 404


# -------------------------------------------------------------------------- T37: a wave of spam


def _want(server: Server, name: str, number: int) -> dict[str, Any]:
    """A want of somebody there, for our @wants, in the Create that brings it."""
    uri, author = f"{server.origin}/objects/{number}", server.uri(name)
    title = "A ladder for my roof" if name == "ida" else f"Cheap pills {number}"
    to = [PUBLIC, f"{server.hub.url}/actors/wants"]
    intent = {"type": "Intent", "id": f"{uri}#primary", "name": title, "action": "transfer"}
    thing = {
        "id": uri,
        "type": "Note",
        "attributedTo": author,
        "purpose": "request",
        "publishes": intent,
        "content": f"<p>{title}</p>",
        "to": to,
    }
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{uri}#create",
        "type": "Create",
        "actor": author,
        "to": to,
        "object": thing,
    }


async def _titles(hub: Running) -> set[str]:
    items = (await hub.web.get("/api/v1/wants?limit=100")).json()["items"]
    return {item["title"] for item in items}


async def test_t37_g2_a_wave_of_spam_is_held_and_refused_at_once(make_hub: MakeHub) -> None:
    hub: Running = await make_hub(inbox_burst=1000)
    names = [f"spam{number}" for number in range(SPAMMERS)]
    server = Server(hub, "wave.example", "ida", *names)
    for number in range(200):
        name = "ida" if number == 150 else names[number % SPAMMERS]
        assert await server.post(name, _want(server, name, number)) == 202
    await hub.work()

    # An automatic limit holds them: nobody sees one.
    assert len(await _all(hub, Entry)) == 200
    assert await _titles(hub) == set()

    async with visiting(hub) as first, visiting(hub) as second:
        await first.sign_in("moderator")
        await second.sign_in("moderator")
        page = await first.get(QUEUE)
        assert "sent very much at once" in page.text
        assert "Refuse all 200 from wave.example, and limit it" in page.text

        # One action refuses all and limits the server.
        await first.send(page, card_in(page), deed="all", rule="3", tell="yes")
        assert NOBODY_WAITS in (await first.get(QUEUE)).text
        (peer,) = [row for row in await _all(hub, Peer) if row.host == "wave.example"]
        assert peer.standing == rulings.SILENCED

        # A line in the log, for everybody, without names.
        async with visiting(hub) as anybody:
            told = (await anybody.get("/about/moderation")).text
        assert "Everything that waited from one server was refused" in told
        assert "200 things" in told
        for secret in ("wave.example", "ida", "spam1", "Ann"):
            assert secret not in told.partition("<main")[2].partition("</main>")[0]

        # The author of an innocent post is told, appeals, and it stands; the rest does not.
        await hub.work()
        ida = server.uri("ida")
        (note,) = [
            each.activity.object
            for each in server.site.received
            if isinstance(each.activity, Create) and ida in each.activity.to
        ]
        assert isinstance(note, Note)
        async with visiting(hub) as ida_herself:
            await ida_herself.press(_link(note.content or ""), words="My roof leaks.")
        assert "My roof leaks." not in (await first.get(QUEUE)).text
        assert "My roof leaks." in (await second.get(QUEUE)).text
        await _press(second, "pass")
    assert await _titles(hub) == {"A ladder for my roof"}

    # What comes from there later waits.
    await server.post("spam1", _want(server, "spam1", 201))
    await hub.work()
    assert await _titles(hub) == {"A ladder for my roof"}


async def test_t37_a_few_posts_of_a_new_server_are_no_flood(hub: Running) -> None:
    server = Server(hub, "quiet.example", "ida")
    for number in range(newcomers.SERVER_POSTS_MOST):
        await server.post("ida", _want(server, "ida", number))
    await hub.work()
    assert await _titles(hub) == {"A ladder for my roof"}
    await server.post("ida", _want(server, "ida", 100))
    await hub.work()
    assert await _titles(hub) == set()


async def test_a_server_that_was_let_in_again_is_not_held_twice(hub: Running) -> None:
    server = Server(hub, "busy.example", "ida")
    for number in range(newcomers.SERVER_POSTS_MOST + 1):
        await server.post("ida", _want(server, "ida", number))
    await hub.work()
    async with hub.services.db.write() as session:
        await peers.unblock(session, "busy.example")
    await server.post("ida", _want(server, "ida", 99))
    await hub.work()
    assert await _titles(hub) == {"A ladder for my roof"}


async def test_g1_the_first_posts_of_a_guest_are_few_until_a_moderator_nods(
    moderator: Visitor,
) -> None:
    hub = moderator.hub
    for number in range(hub.services.settings.guest_posts):
        _, entry = await _posted(hub, f"Ladder {number}")
        assert entry.visibility == "hub"
    _, entry = await _posted(hub, "One too many")
    assert entry.visibility == "private"
    await _press(moderator, "pass")
    _, entry = await _posted(hub, "Trusted by now")
    assert entry.visibility == "hub"


async def test_g1_a_new_members_posts_are_limited_by_the_day(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"kind": "item", "mode": "lend", "location": "Elm Road", "visibility": "hub"}
    clock = Clock(monkeypatch)
    async with visiting(hub) as member:
        await member.sign_in("member")

        async def post(number: int) -> int:
            answer = await member.press("/post/want", title=f"Thing {number}", **fields)
            return answer.status_code

        posted = [await post(number) for number in range(newcomers.NEW_POSTS_MOST + 1)]
        assert posted == [*[303] * newcomers.NEW_POSTS_MOST, 429]
        clock.pass_by(days=8)  # no longer new
        assert await post(99) == 303


# ------------------------------------------------------------------- T38: a report, and its end


async def test_t38_harassment_is_reported_hidden_passed_on_and_told_to_both(town: Town) -> None:
    hub = town.hub
    await town.hear()
    await town.say(town.note(content="<p>Fatima, I know where you live</p>"))
    (reply,) = await town.replies()
    page = f"/events/{town.event['id']}"
    async with visiting(hub) as victim, visiting(hub) as moderator:
        assert "I know where you live" in (await victim.get(page)).text
        assert f'href="/report/reply/{reply.id}"' in (await victim.get(page)).text
        sent = await victim.press(
            f"/report/reply/{reply.id}", rule="0", words="He follows me about.", email=ANN
        )
        assert sent.status_code == 303

        # The reporter is hidden, also from moderators.
        await moderator.sign_in("moderator")
        card = await moderator.get(QUEUE)
        assert "He follows me about." in card.text
        assert ANN not in card.text

        # The content is hidden at once.
        decided = {"deed": "refuse", "rule": "0", "tell": "yes", "forward": "yes"}
        await moderator.send(card, card_in(card), **decided)
        assert "I know where you live" not in (await victim.get(page)).text
    assert [one.state for one in await town.replies() if not one.from_us] == [HIDDEN]
    await hub.work()

    # The report goes to the author's server, in the name of the hub.
    received = [each.activity for each in town.site.received]
    (flag,) = [each for each in received if isinstance(each, Flag)]
    assert flag.actor == f"{hub.url}/actors/relay"
    assert set(flag.objects) == {town.site.uri("ada"), reply.uri}
    assert "follows me" not in (flag.content or "")

    # Both are told; the address of whoever reported it is forgotten.
    ada = (town.site.uri("ada"),)
    (told,) = [each for each in received if isinstance(each, Create) and each.to == ada]
    assert isinstance(told.object, Note)
    assert USUAL[0].split(":")[0] in (told.object.content or "")
    assert "follows me" not in (told.object.content or "")
    (letter,) = await _letters(hub, ANN)
    assert letter.subject == "What became of your report"
    assert "took it down" in letter.content["lines"][0]
    (row,) = await _all(hub, Report)
    assert (row.outcome, row.email) == ("refused", None)


async def test_t38_a_report_of_nothing_bad_ends_with_a_word_to_its_reporter(
    moderator: Visitor,
) -> None:
    hub = moderator.hub
    _, entry = await _posted(hub)
    await _press(moderator, "pass")
    async with visiting(hub) as somebody, visiting(hub) as member:
        await somebody.press(f"/report/entry/{entry.id}", words="I do not like it.", email=ANN)
        await member.sign_in("member")
        await member.press(f"/report/entry/{entry.id}", rule="1")
        page = await moderator.get(QUEUE)
        assert "Reported 2 times" in page.text  # one card for both
        answer = await moderator.send(page, card_in(page), deed="pass")
        assert (await somebody.get(entry.path)).status_code == 200
    assert NOBODY_WAITS in (await moderator.get(QUEUE)).text
    (letter,) = await _letters(hub, ANN)
    assert "breaks no rule" in letter.content["lines"][0]
    await _undo(moderator, answer)
    assert "Reported 2 times" in (await moderator.get(QUEUE)).text


async def test_t38_what_a_member_answered_is_reported_and_taken_down_like_a_post(
    town: Town,
) -> None:
    hub = town.hub
    await town.hear()
    page, form = f"/events/{town.event['id']}", f"/answer/{town.event['id']}"
    async with visiting(hub) as member, visiting(hub) as moderator:
        await member.sign_in("member")
        await member.press(form, text="Stay away, Fatima.")
        await hub.work()
        (reply,) = await town.replies()
        async with visiting(hub) as victim:
            assert "Stay away" in (await victim.get(page)).text
            await victim.press(f"/report/reply/{reply.id}", rule="0")
        await moderator.sign_in("moderator")
        answer = await _press(moderator, "refuse", rule="0", tell="yes")
        assert "Stay away" not in (await member.get(page)).text
        await hub.work()
        gone = [each.activity for each in town.site.received][-1]
        assert (type(gone), gone.object_id) == (Delete, reply.uri)
        (row,) = await _all(hub, Appeal)
        assert row.person_id == reply.person_id is not None
        await _undo(moderator, answer)
        shown = await member.get(page)
        assert "Stay away" in shown.text
        deleted = await member.send(shown, f"/replies/{reply.id}/delete")
        assert deleted.status_code == 303, "what was taken down once can be deleted"
        assert await town.replies() == []


async def test_what_was_published_is_taken_back_everywhere_when_it_is_taken_down(
    town: Town,
) -> None:
    hub = town.hub
    await town.hear()
    async with visiting(hub) as somebody, visiting(hub) as moderator:
        await somebody.press(f"/report/entry/{town.event_id}", rule="0")
        await moderator.sign_in("moderator")
        answer = await _press(moderator, "refuse", rule="0")
        await hub.work()
        gone = [each.activity for each in town.site.received][-1]
        assert isinstance(gone, Delete)
        assert gone.object_id == town.event["uri"]
        page = f"/events/{town.event['id']}"
        assert (await somebody.get(page)).status_code == 404
        await _undo(moderator, answer)
        assert (await somebody.get(page)).status_code == 200


async def test_e9_reports_of_one_connection_are_limited_and_the_next_one_is_refused(
    hub: Running,
) -> None:
    _, entry = await _posted(hub, email=ANN)
    async with hub.services.db.write() as session:
        await session.execute(update(Entry).values(visibility="public"))
    async with visiting(hub) as somebody:
        page = await somebody.get(f"/report/entry/{entry.id}")
        path = f"/report/entry/{entry.id}"
        answers = [await somebody.send(page, path, rule="0") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [*[303] * 5, 429]


async def test_what_somebody_may_not_see_they_cannot_report(town: Town) -> None:
    hub = town.hub
    await town.say(town.note())  # it waits
    (reply,) = await town.replies()
    _, entry = await _posted(hub)
    async with visiting(hub) as somebody:
        for path in (
            f"/report/reply/{reply.id}",
            f"/report/entry/{entry.id}",
            f"/report/actor/{entry.id}",
        ):
            assert (await somebody.get(path)).status_code == 404
        page = await somebody.get(f"/report/entry/{town.event_id}")
        assert (await somebody.send(page, f"/report/reply/{reply.id}", rule="0")).status_code == 404
        assert (await somebody.send(page, f"/report/entry/{town.event_id}")).status_code == 422
    assert await _all(hub, Report) == []


async def test_g6_flags_of_one_server_are_limited(town: Town) -> None:
    relay = town.site.uri("relay")
    for number in range(newcomers.FLAGS_MOST + 3):
        flag = Flag(
            id=f"{relay}#flag-{number}",
            actor=relay,
            objects=(town.event["uri"],),
            content=f"Spam {number}",
        )
        await town.send(flag, "relay")
    assert len(await town.reports()) == newcomers.FLAGS_MOST


async def test_g6_the_evidence_does_not_change_with_what_it_was_about(town: Town) -> None:
    await town.hear()
    await town.say(town.note(content="<p>A threat</p>"))
    (reply,) = await town.replies()
    async with visiting(town.hub) as somebody:
        await somebody.press(f"/report/reply/{reply.id}", rule="0")
    await town.send(
        Delete(id=f"{reply.uri}#gone", actor=town.site.uri("ada"), object=reply.uri), "ada"
    )
    async with visiting(town.hub) as moderator:
        await moderator.sign_in("moderator")
        assert "A threat" in (await moderator.get(QUEUE)).text
        assert (await _press(moderator, "refuse", rule="0", tell="yes")).status_code == 303


# ------------------------------------------------------------------------------- the record


async def test_g7_the_log_shows_if_a_line_was_changed_or_taken_away(moderator: Visitor) -> None:
    hub = moderator.hub
    for number in range(3):
        await _posted(hub, f"Ladder {number}", f"guest{number}@mail.example")
        await _press(moderator, "refuse", rule=str(number))
    whole = "This list is not whole"
    assert whole not in (await moderator.get(f"{QUEUE}/log")).text

    async def broken(change: Any) -> bool:
        async with hub.services.db.write() as session:
            await session.execute(delete(Decided))
            await session.execute(delete(Appeal))
            await change(session)
            found = not await log.is_whole(session)
            await session.rollback()
        return found

    second = select(Decision).order_by(Decision.id).offset(1).limit(1)

    async def reworded(session: Any) -> None:
        (await session.scalars(second)).one().rule = USUAL[0]
        await session.flush()

    async def taken_away(session: Any) -> None:
        await session.delete((await session.scalars(second)).one())
        await session.flush()

    async def cut_short(session: Any) -> None:
        last = select(Decision).order_by(Decision.id.desc()).limit(1)
        await session.delete((await session.scalars(last)).one())
        await session.flush()

    for change in (reworded, taken_away, cut_short):
        assert await broken(change), change.__name__


async def test_what_was_taken_down_is_forgotten_after_the_time_of_appeals(
    moderator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = moderator.hub
    clock = Clock(monkeypatch)
    _, entry = await _posted(hub)
    await _press(moderator, "refuse", rule="0", tell="yes")
    for days, left in ((29, 1), (2, 0)):
        clock.pass_by(days=days)
        await ask(hub.services, "retention.forget")
        await hub.work()
        assert len(await _all(hub, Decided)) == left
    (row,) = await _all(hub, Entry)
    assert row.deleted_at is not None
    assert row.title == ""
    assert await _all(hub, Appeal) == []
    assert len(await _all(hub, Decision)) == 1
    assert upkeep.KEPT.days == 30
    del entry


# ---------------------------------------------------------------------------- before a block


async def test_g5_a_block_says_before_what_it_severs(town: Town) -> None:
    hub = town.hub
    await town.hear()  # ada follows
    await town.say(town.note())
    await town.say(town.note(to=(town.events,), cc=()))  # in private
    async with visiting(hub) as moderator:
        await moderator.sign_in("moderator")
        page = await moderator.get("/admin/servers/block?host=TOWN.example")
        assert "1 follower there hears of this hub no more" in page.text
        assert "1 answer disappears" in page.text
        assert "the private conversation with 1 person there ends" in page.text
        assert len(await town.thread()) == 1  # nothing was done yet
        await moderator.send(page, "/admin/servers/block", host="town.example")
        assert await town.thread() == []
        empty = await moderator.get("/admin/servers/block?host=other.example")
        assert "Nothing here comes from there" in empty.text
        assert (await moderator.get("/admin/servers/block?host=a b")).status_code == 422


async def test_a_person_who_is_gone_is_no_other_moderator(moderator: Visitor) -> None:
    hub = moderator.hub
    async with visiting(hub) as other:
        await other.sign_in("moderator")
    async with hub.services.db.write() as session:
        newest = select(Person.id).order_by(Person.created_at.desc()).limit(1)
        await people.shut_out(session, (await session.scalars(newest)).one())
    await _posted(hub)
    await _press(moderator, "refuse", rule="0", tell="yes")
    (letter,) = await _letters(hub, EVE, newest=1)
    async with visiting(hub) as eve:
        await eve.press(letter.link.removeprefix(hub.url), words="Please!")
    assert "Please!" in (await moderator.get(QUEUE)).text
