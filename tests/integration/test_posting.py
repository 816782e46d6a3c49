"""Posting without an account: three steps, four fields, and what a stranger cannot do with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from hub.core.clock import now
from hub.entries.models import Entry
from hub.fediverse.models import OutboxActivity
from hub.mail.models import Mail
from hub.moderation.rules import USUAL
from hub.people import knocking
from hub.people.models import Person, Submission
from tests import neighbours
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.jobs import ask
from tests.mailserver import body, mail_server
from tests.visitor import Visitor, card_in, path_in, visiting

ANN = "ann@mail.example"
LADDER = {
    "title": "Oak ladder",
    "kind": "item",
    "mode": "lend",
    "location": "Elm Road",
    "visibility": "public",
}
AS2 = {"accept": "application/activity+json"}


@pytest.fixture
async def guest(hub: Running) -> AsyncIterator[Visitor]:
    """Somebody whom nobody knows; a steward was here this week."""
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
    async with visiting(hub) as somebody:
        yield somebody


async def _write(guest: Visitor, path: str = "/post/want", **fields: Any) -> str:
    """The address of the draft's page."""
    answer = await guest.press(path, **{**LADDER, **fields})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def _letter(guest: Visitor, email: str = ANN, **fields: Any) -> str:
    """Write a want, ask for the letter, and open it: the path of its link."""
    page = await guest.press(await _write(guest, **fields), email=email)
    assert page.status_code == 200, page.text
    async with guest.hub.services.db.read() as session:
        query = select(Mail.link).where(Mail.recipient == email).order_by(Mail.created_at.desc())
        link = await session.scalar(query.limit(1))
    assert link is not None
    return str(link).removeprefix(guest.hub.url)


async def _post(guest: Visitor, **fields: Any) -> tuple[str, Entry]:
    """All three steps: the link, and the entry."""
    link = await _letter(guest, **fields)
    answer = await guest.press(link)
    assert answer.status_code == 303
    return link, await _entry(guest.hub)


async def _entry(hub: Running) -> Entry:
    async with hub.services.db.read() as session:
        return (await session.scalars(select(Entry))).one()


async def _entries(hub: Running) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Entry)) or 0


async def _said(hub: Running) -> list[str]:
    """What our channels said of the entry, in order."""
    async with hub.services.db.read() as session:
        query = select(OutboxActivity.type).where(OutboxActivity.object_uri.like("%/wants/%"))
        return list(await session.scalars(query.order_by(OutboxActivity.id)))


async def test_t05_a_want_is_posted_in_three_steps_with_four_fields(make_hub: MakeHub) -> None:
    with mail_server() as server:
        hub = await make_hub(smtp_url=server.url)
        async with visiting(hub) as steward:
            await steward.sign_in("steward")
        async with visiting(hub) as guest:
            home = await guest.get("/")
            assert 'href="/post/want"' in home.text
            form = await guest.get("/post/want")
            before_more = form.text.partition("<main")[2].partition("Say more")[0]
            asked = set(re.findall(r'<(?:input|textarea|select)[^>]* name="(\w+)"', before_more))
            assert asked - {"csrf"} == {"title", "kind", "mode", "location"}
            answer = await guest.send(form, "/post/want", **LADDER)
            draft = answer.headers["location"]
            page = await guest.get(draft)
            assert "Oak ladder" in page.text
            assert "On Mastodon" in page.text
            assert "Wanted: Oak ladder" in page.text  # as the real mapping says it
            assert await _entries(hub) == 0
            assert (await guest.send(page, draft, email="nonsense")).status_code == 422
            await guest.send(page, draft, email=ANN)
            await hub.work()
            (letter,) = server.to(ANN)
            link = path_in(body(letter), "mine")
            for _ in range(3):  # mail programs look at links
                assert "Publish it" in (await guest.get(link)).text
            assert await _entries(hub) == 0
            assert (await guest.press(link)).status_code == 303
            assert "Thank you: it is published." in (await guest.get(f"{link}?said=published")).text
    entry = await _entry(hub)
    assert (entry.title, entry.place, entry.visibility) == ("Oak ladder", "Elm Road", "hub")


async def test_it_stands_on_the_hub_at_once_and_leaves_it_after_an_hour(
    guest: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, clock = guest.hub, Clock(monkeypatch)
    _, entry = await _post(guest)
    async with visiting(hub) as neighbour, visiting(hub) as passer_by, visiting(hub) as other:
        await neighbour.sign_in("member")
        await other.sign_in("guest")
        assert (await neighbour.get(entry.path)).status_code == 200
        for stranger in (passer_by, other):  # whoever has an e-mail address is no neighbour yet
            assert (await stranger.get(entry.path)).status_code == 404
            assert "Oak ladder" not in (await stranger.get("/swap")).text
        assert (await passer_by.web.get(entry.path, headers=AS2)).status_code == 404
        clock.pass_by(minutes=58)
        await hub.work()
        assert await _said(hub) == []
        clock.pass_by(minutes=3)
        await hub.work()
        assert await _said(hub) == ["Create", "Announce"]
        assert (await passer_by.get(entry.path)).status_code == 200
    assert (await _entry(hub)).visibility == "public"


async def test_a_steward_nods_and_everybody_sees_it(guest: Visitor) -> None:
    hub = guest.hub
    await _post(guest)
    async with visiting(hub) as moderator:
        await moderator.sign_in("moderator")
        page = await moderator.get("/admin/moderation")
        assert "Oak ladder" in page.text
        path = card_in(page)
        assert (await moderator.send(page, path, deed="pass")).status_code == 303
        assert (await moderator.send(page, path, deed="pass")).status_code == 404  # one was quicker
        assert "Nothing waits for a decision." in (await moderator.get("/admin/moderation")).text
    assert (await _entry(hub)).visibility == "public"
    assert await _said(hub) == ["Create", "Announce"]
    await hub.work()
    assert await _said(hub) == ["Create", "Announce"]


async def test_a_steward_refuses_it_and_its_author_hears_why(guest: Visitor) -> None:
    hub = guest.hub
    link, entry = await _post(guest)
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get("/admin/moderation")
        chosen = {"deed": "refuse", "rule": "2", "note": "No advertising.", "tell": "yes"}
        await steward.send(page, card_in(page), **chosen)
        letters = (await steward.get("/admin/letters")).text
        assert "Your post was taken down" in letters
    async with hub.services.db.read() as session:
        query = select(Mail.content).where(Mail.subject == "Your post was taken down")
        told = (await session.scalars(query)).one()
    assert told["lines"][1] == f"The house rule: {USUAL[2]}"
    assert told["lines"][2] == "They say: No advertising."
    assert (await _entry(hub)).hidden_at is not None
    assert "taken away by the stewards" in (await guest.get(link)).text
    assert await _said(hub) == []
    assert (await guest.get(entry.path)).status_code == 404


async def test_a_hub_may_hold_everything_until_a_steward_looked(make_hub: MakeHub) -> None:
    hub = await make_hub(hold_posts=True)
    async with visiting(hub) as neighbour, visiting(hub) as guest:
        await neighbour.sign_in("member")
        assert "A steward looks at it first." in (await guest.get(await _write(guest))).text
        _, entry = await _post(guest)
        assert (await neighbour.get(entry.path)).status_code == 404
        async with visiting(hub) as steward:
            await steward.sign_in("steward")
            page = await steward.get("/admin/moderation")
            await steward.send(page, card_in(page), deed="pass")
        assert (await neighbour.get(entry.path)).status_code == 200
    async with hub.services.db.read() as session:
        subjects = list(await session.scalars(select(Mail.subject).order_by(Mail.created_at)))
    assert subjects[-1] == "Your post is published"


@pytest.mark.parametrize(("days", "visibility"), [(6, "hub"), (8, "private")])
async def test_g1_holding_starts_by_itself_when_no_steward_looked_for_a_week(
    guest: Visitor, monkeypatch: pytest.MonkeyPatch, days: int, visibility: str
) -> None:
    clock = Clock(monkeypatch)
    clock.pass_by(days=days)
    _, entry = await _post(guest)
    assert entry.visibility == visibility


async def test_a_hub_without_a_steward_holds_everything(hub: Running) -> None:
    async with visiting(hub) as guest:
        _, entry = await _post(guest)
    assert entry.visibility == "private"


async def test_the_link_lets_its_author_change_close_and_take_it_away(guest: Visitor) -> None:
    hub = guest.hub
    link, entry = await _post(guest)
    async with visiting(hub) as later:  # another device, months later
        page = await later.get(link)
        answer = await later.send(page, f"{link}/open", to="edit")
        assert answer.headers["location"] == f"{entry.path}/edit"
        form = await later.get(f"{entry.path}/edit")
        assert form.status_code == 200
        answer = await later.send(
            form, f"{entry.path}/edit", **{**LADDER, "title": "A long ladder"}
        )
        assert answer.status_code == 303
        changed = await _entry(hub)
        # It is no way round the stewards: what waits stays where it is.
        assert (changed.title, changed.visibility) == ("A long ladder", "hub")
        assert await _said(hub) == []
        await later.press(f"{entry.path}/close", choice="done")
        assert (await _entry(hub)).status == "done"
        await later.press(f"{entry.path}/delete")
    assert (await _entry(hub)).deleted_at is not None
    assert "no longer on the board" in (await guest.get(link)).text


async def test_g1_what_a_guest_changes_later_is_looked_at_once_more(guest: Visitor) -> None:
    hub = guest.hub
    link, entry = await _post(guest)
    async with visiting(hub) as steward:
        await steward.sign_in("steward")

        async def press(deed: str) -> None:
            page = await steward.get("/admin/moderation")
            await steward.send(page, card_in(page), deed=deed, rule="0")

        async def waits() -> bool:
            return "/admin/moderation/post/" in (await steward.get("/admin/moderation")).text

        await press("pass")
        assert not await waits()
        page = await guest.get(link)
        await guest.send(page, f"{link}/open", to="edit")
        for title in ("Cheap pills", "Cheaper pills"):
            await guest.press(f"{entry.path}/edit", **{**LADDER, "title": title})
            assert await waits()
            if title == "Cheap pills":  # a steward is of another opinion first
                await press("pass")
                assert not await waits()
        await press("refuse")
    assert await _said(hub) == ["Create", "Announce", "Update", "Update", "Delete"]


async def test_what_was_settled_within_the_hour_does_not_leave_the_hub(
    guest: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    link, entry = await _post(guest)
    await guest.press(link, to="close")
    page = await guest.get(link)
    await guest.send(page, f"{link}/open", to="close")
    await guest.press(f"{entry.path}/close", choice="done")
    clock.pass_by(hours=2)
    await guest.hub.work()
    assert await _said(guest.hub) == []


async def test_e5_the_link_of_one_post_opens_nothing_of_others_and_no_rooms(
    guest: Visitor,
) -> None:
    hub = guest.hub
    link, mine = await _post(guest)
    async with visiting(hub) as member:
        await member.sign_in("member")
        answer = await member.press("/post/offer", **{**LADDER, "visibility": "hub"})
        theirs = answer.headers["location"].partition("?")[0]
    page = await guest.get(link)
    await guest.send(page, f"{link}/open", to="see")
    assert (await guest.get(mine.path)).status_code == 200
    assert (await guest.get(theirs)).status_code == 404
    for deed in ("edit", "close", "delete"):
        assert (await guest.get(f"{theirs}/{deed}")).status_code == 404
    for room in ("/admin/inbox", "/admin/people"):
        assert (await guest.get(room)).status_code == 403
    assert "Oak ladder" in (await guest.get("/me")).text
    form = await guest.get(mine.path + "/edit")
    for deed in ("delete", "email", "sign-out-everywhere", "notices", "name"):
        assert (await guest.send(form, f"/me/{deed}", email="eve@mail.example")).status_code == 403


async def test_a_stewards_own_link_is_no_key_to_the_stewards_rooms(guest: Visitor) -> None:
    hub = guest.hub
    async with hub.services.db.write() as session:
        await session.execute(update(Person).where(Person.name == "Ann").values(email=ANN))
    link, entry = await _post(guest)
    assert entry.visibility == "public"  # they may post, so nothing waits
    page = await guest.get(link)
    await guest.send(page, f"{link}/open", to="edit")
    assert (await guest.get(f"{entry.path}/edit")).status_code == 200
    assert (await guest.get("/admin/inbox")).status_code == 403


async def test_a_draft_is_seen_by_nobody_and_gone_after_two_days(
    guest: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, clock = guest.hub, Clock(monkeypatch)
    link = await _letter(guest)
    async with visiting(hub) as steward:
        await steward.sign_in("steward")
        for path in ("/swap", "/admin/inbox", "/api/v1/wants?status=all"):
            assert "Oak ladder" not in (await steward.get(path)).text
    clock.pass_by(hours=47)
    assert (await guest.get(link)).status_code == 200
    clock.pass_by(hours=2)
    assert (await guest.get(link)).status_code == 410
    await ask(hub.services, "retention.forget")
    await hub.work()
    async with hub.services.db.read() as session:
        assert (await session.scalars(select(Submission))).all() == []


async def test_pressing_the_button_often_publishes_once(guest: Visitor) -> None:
    link = await _letter(guest)
    page = await guest.get(link)
    answers = await asyncio.gather(*(guest.send(page, link) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {303}
    assert await _entries(guest.hub) == 1


async def test_a_draft_can_be_changed_before_the_letter(guest: Visitor) -> None:
    draft = await _write(guest)
    page = await guest.get(draft)
    change = page.text.partition('href="/post/want?draft=')[2].partition('"')[0]
    form = await guest.get(f"/post/want?draft={change}")
    assert 'value="Oak ladder"' in form.text
    answer = await guest.send(form, "/post/want", **{**LADDER, "title": "A saw", "draft": change})
    assert "A saw" in (await guest.get(answer.headers["location"])).text


async def test_mistakes_are_told_before_anything_is_kept(guest: Visitor) -> None:
    answer = await guest.press("/post/want", **{**LADDER, "title": ""})
    assert answer.status_code == 422
    draft = await _write(guest)
    answer = await guest.press(draft, email="ann")
    assert answer.status_code == 422
    assert "Please enter an e-mail address" in answer.text


async def test_an_event_is_posted_without_an_account_once_and_not_as_a_series(
    guest: Visitor,
) -> None:
    day = f"{now() + timedelta(days=9):%Y-%m-%d}"
    fields = {"title": "Choir", "starts_on": day, "starts_time": "18:00", "repeat": "weekly"}
    answer = await guest.press("/post/event", **fields, visibility="public")
    page = await guest.get(answer.headers["location"])
    assert "<strong>" in page.text.partition("On Mastodon")[2]
    await guest.send(page, answer.headers["location"], email=ANN)
    async with guest.hub.services.db.read() as session:
        link = (await session.scalars(select(Mail.link))).one()
    await guest.press(link)
    entry = await _entry(guest.hub)
    assert (entry.kind, entry.title, entry.visibility) == ("event", "Choir", "hub")


async def test_a_guest_who_is_signed_in_needs_no_letter(guest: Visitor) -> None:
    await guest.sign_in("guest")
    draft = await _write(guest)
    answer = await guest.press(draft)
    assert answer.status_code == 303
    assert (await guest.get(answer.headers["location"])).status_code == 200
    assert (await _entry(guest.hub)).visibility == "hub"


async def test_e9_drafts_from_one_connection_are_limited_and_the_next_one_is_refused(
    guest: Visitor,
) -> None:
    form = await guest.get("/post/want")
    for _ in range(knocking.DRAFTS_FROM.most):
        assert (await guest.send(form, "/post/want", **LADDER)).status_code == 303
    answer = await guest.send(form, "/post/want", **LADDER)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 60
    async with visiting(guest.hub, ("192.0.2.99", 4000)) as other:
        await _write(other)


async def test_d6_a_need_that_is_for_neighbours_says_so_and_never_leaves(
    guest: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    draft = await _write(guest, visibility="hub", kind="food")
    page = await guest.get(draft)
    assert "It does not leave this hub." in page.text
    assert "On Mastodon" not in page.text
    await _post(guest, visibility="hub", kind="food")
    clock.pass_by(hours=2)
    await guest.hub.work()
    assert await _said(guest.hub) == []
    assert (await _entry(guest.hub)).visibility == "hub"


async def test_t06_an_editor_posts_for_somebody_who_is_not_online(guest: Visitor) -> None:
    hub = guest.hub
    async with visiting(hub) as editor, visiting(hub) as member:
        await editor.sign_in("editor")
        await member.sign_in("member")
        form = await editor.get("/post/want")
        assert "somebody who is not online" in form.text
        answer = await editor.send(form, "/post/want", **LADDER, for_other="yes")
        page = await guest.get(answer.headers["location"])
        assert "via Hub" in page.text
        form = await member.get("/post/want")
        assert "somebody who is not online" not in form.text
        answer = await member.send(form, "/post/want", **{**LADDER, "for_other": "yes"})
        assert "via Hub" not in (await guest.get(answer.headers["location"])).text
    async with hub.services.db.read() as session:
        known = select(Person.email).where(Person.email.is_not(None))
        assert (await session.scalars(known)).all() == []


async def test_t06_without_a_mail_server_a_steward_hands_the_link_over(guest: Visitor) -> None:
    link = await _letter(guest)
    async with visiting(guest.hub) as steward:
        await steward.sign_in("steward")
        page = await steward.get("/admin/letters")
        assert ANN in page.text
        assert path_in(page.text, "mine") == link
    assert (await guest.press(link)).status_code == 303
    assert await _entries(guest.hub) == 1


async def test_one_leaves_and_nothing_says_any_more_who_one_was(guest: Visitor) -> None:
    hub = guest.hub
    await _post(guest)
    async with visiting(hub) as owner:
        await owner.press("/sign-in", email=ANN)
        async with hub.services.db.read() as session:
            query = select(Mail.link).where(Mail.link.like("%/sign-in/%"))
            link = (await session.scalars(query)).one()
        await owner.press(link)
        await owner.press("/welcome", name="Ann Bell")
        assert (await owner.press("/me/delete")).status_code == 303
        assert (await owner.get("/me")).headers["location"] == "/sign-in"
    assert (await _entry(hub)).title == ""
    async with hub.services.db.read() as session:
        rows = (*await session.scalars(select(Person)), *await session.scalars(select(Submission)))
        for row in rows:
            assert getattr(row, "email", None) != ANN
            assert getattr(row, "name", None) != "Ann Bell"


async def test_a_device_is_signed_out_from_another_and_all_at_once(guest: Visitor) -> None:
    hub = guest.hub
    async with visiting(hub) as first, visiting(hub) as second:
        for visitor in (first, second):
            visitor.web.headers["user-agent"] = "Mozilla/5.0 (Android 15) Firefox/140.0"
            await visitor.press("/sign-in", email=ANN)
            async with hub.services.db.read() as session:
                query = select(Mail.link).order_by(Mail.created_at.desc()).limit(1)
                link = (await session.scalars(query)).one()
            await visitor.press(link)
        page = await first.get("/me")
        assert page.text.count("Firefox, Android") >= 2
        digests = re.findall(r'name="device" value="(\w+)"', page.text)
        others = page.text.partition("this one")[2]
        other = re.findall(r'name="device" value="(\w+)"', others)[-1]
        if page.text.index("this one") > page.text.index(digests[0]):
            other = digests[0]
        await first.send(page, "/me/devices/sign-out", device=other)
        assert (await second.get("/me")).headers["location"] == "/sign-in"
        assert (await first.get("/me")).status_code == 200
        await first.send(page, "/me/sign-out-everywhere")
        assert (await first.get("/me")).headers["location"] == "/sign-in"


async def test_t07_a_form_that_comes_twice_has_its_effect_once(guest: Visitor) -> None:
    word = "a-word-of-its-own-0000"
    draft = await _write(guest, once=word)
    assert await _write(guest, once=word) == draft
    other = await _write(guest, once=word, title="Elm ladder")  # they went back and wrote another
    assert other != draft
    assert "Oak ladder" in (await guest.get(draft)).text

    async with visiting(guest.hub) as member:
        await member.sign_in("member")
        first = await _write(member, once=word)
        both = await asyncio.gather(*(_write(member, once=word) for _ in range(2)))
        assert set(both) == {first}
    assert await _entries(guest.hub) == 1


async def test_t07_an_event_that_comes_twice_is_not_in_its_own_way(hub: Running) -> None:
    event = {"title": "Quiz", "starts_on": "2031-05-17", "starts_time": "18:00"}
    event |= {"location": "Elm Hall", "ends_time": "20:00", "once": "a-word-of-its-own-0000"}
    async with visiting(hub) as member:
        await member.sign_in("member")
        paths = {await _write(member, "/post/event", **event) for _ in range(2)}
    assert len(paths) == 1
    assert await _entries(hub) == 1


async def test_a_guest_asks_for_an_offer_from_its_page(guest: Visitor) -> None:
    hub = guest.hub
    eve = await neighbours.person(hub, "Eve")
    offer = await neighbours.post(hub, "offers", eve, title="A cargo bicycle", mode="lend")
    assert f"/post/want?to={offer['id']}" in (await guest.get(f"/offers/{offer['id']}")).text
    form = await guest.get(f"/post/want?to={offer['id']}")
    assert 'value="A cargo bicycle"' in form.text
    said = {**LADDER, "title": "A cargo bicycle"}
    draft = await guest.send(form, "/post/want", **said)
    await guest.press(str(draft.headers["location"]), email=ANN)
    async with hub.services.db.read() as session:
        link = str(await session.scalar(select(Mail.link).where(Mail.recipient == ANN)))
    link = link.removeprefix(hub.url)
    assert (await guest.press(link)).status_code == 303
    await hub.work()
    mine = await guest.get(link)
    assert "See it, and what fits" in mine.text
    opened = await guest.send(mine, f"{link}/open", to="see")
    page = await guest.get(str(opened.headers["location"]))
    (match,) = set(re.findall(r"/matches/[0-9a-f-]{36}(?=/ask)", page.text))
    assert (await guest.send(page, f"{match}/ask")).status_code == 303
    assert "A cargo bicycle" in (await neighbours.page(hub, "/matches", eve)).text
