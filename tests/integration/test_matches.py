"""Offers and wants find each other, and two people talk only when both want to."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import delete, func, select, update

from hub.entries.models import Reply
from hub.exchange.models import Listing, Loan, Match, MatchMessage, Term
from hub.fediverse import follows
from hub.jobs.models import Job
from hub.people.models import ApiToken, Person
from tests import neighbours
from tests.conftest import MakeHub, Running, settle
from tests.jobs import ask
from tests.neighbours import Headers, Told, page, person, press, told

__all__ = ["told"]

OFFER = {"title": "Extension ladder", "description": "At weekends.", "mode": "lend"}
WANT = {"title": "Could I borrow a stepladder?", "description": "On Saturday.", "mode": "lend"}
PLACE = {"latitude": 50.93451, "longitude": 6.93912}


async def post(hub: Running, folder: str, who: Headers, **members: Any) -> dict[str, Any]:
    standard: dict[str, Any] = OFFER if folder == "offers" else WANT
    return await neighbours.post(hub, folder, who, **{**standard, **members})


async def fits(hub: Running, folder: str, made: dict[str, Any], who: Headers) -> list[Any]:
    answer = await hub.web.get(f"/api/v1/{folder}/{made['id']}/matches", headers=who)
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


async def do(hub: Running, match: dict[str, Any], deed: str, who: Headers) -> httpx2.Response:
    return await hub.web.post(f"/api/v1/matches/{match['id']}/{deed}", headers=who)


async def test_t08_a_match_is_shown_to_both_with_its_reasons(hub: Running, told: Told) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer = await post(hub, "offers", ann, **PLACE)
    want = await post(hub, "wants", ben, **PLACE)
    await hub.work()
    (mine,) = await fits(hub, "offers", offer, ann)
    (theirs,) = await fits(hub, "wants", want, ben)
    assert (mine["uri"], theirs["uri"]) == (want["uri"], offer["uri"])
    assert mine["reasons"] == ["both: ladder", "close by", "Saturdays", "new"]
    assert theirs["reasons"] == ["both: stepladder", "close by", "Saturdays", "new"]
    assert (mine["state"], mine["asked"]) == ("suggested", False)
    subjects = [notice.subject for _, notice in told]
    assert sorted(subjects) == [
        "Somebody needs: Could I borrow a stepladder?",
        "Somebody offers: Extension ladder",
    ]
    shown = await page(hub, f"/offers/{offer['id']}", ann)
    assert "Might fit" in shown.text
    assert "both: ladder · close by · Saturdays · new" in shown.text


async def test_t08_both_press_yes_and_the_chat_opens(hub: Running, told: Told) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer, want = await post(hub, "offers", ann), await post(hub, "wants", ben)
    await hub.work()
    (mine,) = await fits(hub, "offers", offer, ann)
    early = await press(hub, f"/matches/{mine['id']}/say", ann, text="Hello?")
    assert early.status_code == 409
    assert (await do(hub, mine, "ask", ann)).json()["state"] == "asked"
    (theirs,) = await fits(hub, "wants", want, ben)
    assert (theirs["state"], theirs["asked"]) == ("asked", True)
    assert (await do(hub, mine, "accept", ann)).status_code == 409
    assert (await do(hub, theirs, "accept", ben)).json()["state"] == "agreed"
    said = await press(hub, f"/matches/{mine['id']}/say", ann, text="It stands in <b>my</b> yard.")
    assert said.status_code == 303
    read = await page(hub, f"/matches/{mine['id']}", ben)
    assert "It stands in &lt;b&gt;my&lt;/b&gt; yard." in read.text
    kinds = [notice.kind for _, notice in told]
    assert kinds == ["match", "match", "request", "request", "message"]


async def test_whoever_would_like_an_offer_asks_for_it_here(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer = await post(hub, "offers", ann, kind="item")
    path = f"/post/want?to={offer['id']}"
    nobody: Headers = {}
    for somebody in (ben, nobody):
        assert f'href="{path}"' in (await page(hub, f"/offers/{offer['id']}", somebody)).text
        form = (await page(hub, path, somebody)).text
        assert 'value="Extension ladder"' in form
        assert re.search(r'name="mode" value="lend"[^>]* checked', form)
    assert path not in (await page(hub, f"/offers/{offer['id']}", ann)).text
    said = {"title": "Extension ladder", "kind": "item", "mode": "lend", "visibility": "hub"}
    posted = await press(hub, "/post/want", ben, **said)
    assert posted.status_code == 303
    await hub.work()
    want = await page(hub, posted.headers["location"], ben)
    (match,) = set(re.findall(r"/matches/[0-9a-f-]{36}(?=/ask)", want.text))
    await press(hub, f"{match}/ask", ben)
    assert "Extension ladder" in (await page(hub, "/matches", ann)).text
    nowhere = "/post/want?to=0c8b7e5e-0000-4000-8000-000000000000"
    assert (await page(hub, nowhere, ben)).status_code == 404
    # A want leads nobody to want it too.
    assert (await page(hub, f"/post/offer?to={offer['id']}", ben)).status_code == 404


async def test_d1_no_form_is_filled_with_what_somebody_may_not_see(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    nobody: Headers = {}
    for folder, side, visibility, strangers in (
        ("offers", "want", "hub", [nobody]),
        ("wants", "offer", "private", [nobody, ben]),
    ):
        made = await post(hub, folder, ann, title="Secret ladder", visibility=visibility)
        path = f"/post/{side}?to={made['id']}"
        assert "Secret ladder" in (await page(hub, path, ann)).text
        for stranger in strangers:
            answer = await page(hub, path, stranger)
            assert answer.status_code == 404
            assert "Secret ladder" not in answer.text


async def test_a_talk_is_read_by_the_two_alone_and_stewards_see_what_was_reported(
    hub: Running, told: Told
) -> None:
    ann, ben, eve = [await person(hub, name) for name in ("Ann", "Ben", "Eve")]
    offer = await post(hub, "offers", ann)
    await post(hub, "wants", ben)
    await hub.work()
    async with hub.services.db.write() as session:
        for row in (await session.scalars(select(Listing))).all():
            row.own_box = True  # as of people who sign in, and are no programs
    (mine,) = await fits(hub, "offers", offer, ann)
    await do(hub, mine, "ask", ann)
    await do(hub, mine, "accept", ben)
    await press(hub, f"/matches/{mine['id']}/say", ann, text="Give me money")
    for stranger in (eve, hub.steward, {}):
        answer = await page(hub, f"/matches/{mine['id']}", stranger)
        assert "Give me money" not in answer.text
        assert answer.status_code in {303, 404}
    async with hub.services.db.read() as session:
        (line,) = (await session.scalars(select(MatchMessage))).all()
    path = f"/matches/{mine['id']}/report"
    assert (await press(hub, path, ann, line=str(line.id))).status_code == 404
    assert (await press(hub, path, ben, line=str(line.id))).status_code == 303
    assert "Give me money" in (await page(hub, "/admin/moderation", hub.steward)).text
    assert "Give me money" not in (await page(hub, "/matches", eve)).text


async def test_a_no_is_told_to_nobody_and_looks_like_no_answer(hub: Running, told: Told) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer, want = await post(hub, "offers", ann), await post(hub, "wants", ben)
    await hub.work()
    (mine,) = await fits(hub, "offers", offer, ann)
    await do(hub, mine, "ask", ann)
    told.clear()
    assert (await do(hub, mine, "decline", ben)).status_code == 200
    assert told == []
    assert await fits(hub, "wants", want, ben) == []
    (again,) = await fits(hub, "offers", offer, ann)
    assert (again["state"], again["asked"]) == ("asked", False)
    await ask(hub.services, "exchange.match", listing_id=want["id"])
    await hub.work()
    assert await fits(hub, "wants", want, ben) == []
    assert told == []


async def test_what_is_not_for_me_is_put_away_for_good(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer, want = await post(hub, "offers", ann), await post(hub, "wants", ben)
    await hub.work()
    (mine,) = await fits(hub, "offers", offer, ann)
    await do(hub, mine, "decline", ann)
    await ask(hub.services, "exchange.match", listing_id=offer["id"])
    await hub.work()
    assert await fits(hub, "offers", offer, ann) == await fits(hub, "wants", want, ben) == []


async def test_nobody_else_sees_or_decides_a_match(hub: Running) -> None:
    ann, ben, eve = [await person(hub, name) for name in ("Ann", "Ben", "Eve")]
    offer = await post(hub, "offers", ann)
    await post(hub, "wants", ben)
    await hub.work()
    (mine,) = await fits(hub, "offers", offer, ann)
    path = f"/api/v1/offers/{offer['id']}/matches"
    assert (await hub.web.get(path, headers=eve)).status_code == 403
    assert (await hub.web.get(path)).status_code == 401
    assert (await do(hub, mine, "ask", eve)).status_code == 404
    assert (await do(hub, mine, "ask", {})).status_code == 401


async def test_nobody_is_matched_with_themselves(hub: Running) -> None:
    ann = await person(hub, "Ann")
    offer = await post(hub, "offers", ann)
    await post(hub, "wants", ann)
    await hub.work()
    assert await fits(hub, "offers", offer, ann) == []


async def test_a_private_want_is_matched_for_its_owner_and_hidden_from_the_other_side(
    hub: Running, told: Told
) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer = await post(hub, "offers", ann)
    want = await post(hub, "wants", ben, visibility="private")
    await hub.work()
    (theirs,) = await fits(hub, "wants", want, ben)
    assert theirs["uri"] == offer["uri"]
    assert await fits(hub, "offers", offer, ann) == []
    assert "Somebody needs" not in " ".join(notice.subject for _, notice in told)
    assert (await do(hub, theirs, "ask", ben)).status_code == 409


async def test_what_is_closed_hidden_or_deleted_fits_nobody(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer, want = await post(hub, "offers", ann), await post(hub, "wants", ben)
    await hub.work()
    assert len(await fits(hub, "wants", want, ben)) == 1
    close = f"/api/v1/offers/{offer['id']}/close"
    await hub.web.post(close, json={"status": "promised"}, headers=ann)
    assert await fits(hub, "wants", want, ben) == []
    await hub.web.patch(f"/api/v1/offers/{offer['id']}", json={"status": "open"}, headers=ann)
    await hub.work()
    assert len(await fits(hub, "wants", want, ben)) == 1
    await hub.web.delete(f"/api/v1/offers/{offer['id']}", headers=ann)
    assert await fits(hub, "wants", want, ben) == []
    async with hub.services.db.read() as session:
        left = await session.scalar(
            select(func.count()).where(Term.listing_id == UUID(offer["id"]))
        )
    assert left == 0


async def test_an_edit_finds_what_fits_now(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer, want = await post(hub, "offers", ann), await post(hub, "wants", ben)
    await hub.work()
    path = f"/api/v1/wants/{want['id']}"
    changes = {"title": "A pot of soup", "description": ""}
    await hub.web.patch(path, json=changes, headers=ben)
    await hub.work()
    assert await fits(hub, "offers", offer, ann) == []


async def _two(make_hub: MakeHub) -> tuple[Running, Running]:
    """A with wants, B with offers, each following the other."""
    north, south = await make_hub("north.example"), await make_hub("south.example")
    for one, other in ((north, south), (south, north)):
        for name in ("offers", "wants"):
            await follows.follow(one.services, f"@{name}@{other.services.settings.authority}")
    await settle(north, south)
    return north, south


POTTER = {"title": "Ceramics evening", "description": "Clay, kiln and a teacher.", "kind": "skill"}
LEARNER = {"title": "Looking for a pottery teacher", "description": "", "kind": "skill"}


async def _asked(
    north: Running, south: Running, ann: Headers, ben: Headers
) -> tuple[dict[str, Any], dict[str, Any]]:
    want = await post(north, "wants", ann, **LEARNER)
    offer = await post(south, "offers", ben, **POTTER)
    async with south.services.db.write() as session:
        (await session.get_one(Listing, UUID(offer["id"]))).own_box = True
    async with north.services.db.write() as session:
        (await session.get_one(Listing, UUID(want["id"]))).own_box = True
    await settle(north, south)
    (match,) = await fits(north, "wants", want, ann)
    answer = await do(north, match, "ask", ann)
    assert answer.json()["state"] == "asked", answer.text
    await settle(north, south)
    return want, offer


async def test_t10_a_match_across_hubs_is_shown_on_both(make_hub: MakeHub, told: Told) -> None:
    north, south = await _two(make_hub)
    ann, ben = await person(north, "Ann"), await person(south, "Ben")
    want = await post(north, "wants", ann, **LEARNER)
    offer = await post(south, "offers", ben, **POTTER)
    await settle(north, south)
    (here,) = await fits(north, "wants", want, ann)
    (there,) = await fits(south, "offers", offer, ben)
    assert (here["uri"], here["origin"]) == (offer["uri"], "south.example")
    assert (there["uri"], there["origin"]) == (want["uri"], "north.example")
    assert [notice.lines[0].rpartition(", ")[2] for _, notice in told] == [
        "via south.example.",
        "via north.example.",
    ] or len(told) == 2


async def test_t10_a_yes_across_hubs_opens_a_talk_in_which_both_write(
    make_hub: MakeHub, told: Told
) -> None:
    north, south = await _two(make_hub)
    ann, ben = await person(north, "Ann"), await person(south, "Ben")
    want, offer = await _asked(north, south, ann, ben)
    await ask(south.services, "exchange.enquiries")
    await south.work()
    assert (told[-1][0], told[-1][1].subject) == (ben.id, "A message about: Ceramics evening")
    box = await page(south, "/matches", ben)
    assert "needs what you offer: “Looking for a pottery teacher”" in box.text
    async with south.services.db.read() as session:
        (letter,) = (await session.scalars(select(Reply))).all()
    answer = await press(south, f"/enquiries/{letter.id}/accept", ben, text="Come on Tuesday.")
    assert answer.status_code == 303
    await settle(north, south)
    await ask(north.services, "exchange.hear")
    await north.work()
    (match,) = await fits(north, "wants", want, ann)
    assert match["state"] == "agreed"
    assert (ann.id, "An answer: Ceramics evening") in {(who, one.subject) for who, one in told}
    assert "Come on Tuesday." in (await page(north, f"/matches/{match['id']}", ann)).text
    await press(north, f"/matches/{match['id']}/say", ann, text="Gladly! At what time?")
    await settle(north, south)
    assert "Gladly!" not in (await page(south, "/matches", ben)).text
    (theirs,) = await fits(south, "offers", offer, ben)
    assert "Gladly! At what time?" in (await page(south, f"/matches/{theirs['id']}", ben)).text
    await press(south, f"/matches/{theirs['id']}/say", ben, text="At seven.")
    await settle(north, south)
    assert "At seven." in (await page(north, f"/matches/{match['id']}", ann)).text
    for hub in (north, south):
        for path in ("/admin/inbox?show=all", f"/offers/{offer['id']}", "/swap"):
            shown = (await page(hub, path, hub.steward)).text
            assert "At seven." not in shown
            assert "Gladly!" not in shown


async def test_t10_a_no_across_hubs_leaves_no_trace_and_tells_nothing(make_hub: MakeHub) -> None:
    north, south = await _two(make_hub)
    ann, ben = await person(north, "Ann"), await person(south, "Ben")
    want, offer = await _asked(north, south, ann, ben)
    async with south.services.db.read() as session:
        (letter,) = (await session.scalars(select(Reply))).all()
    path = f"/enquiries/{letter.id}/decline"
    assert (await press(south, path, await person(south, "Eve"))).status_code == 403
    assert (await press(south, path, ben)).status_code == 303
    await settle(north, south)
    async with south.services.db.read() as session:
        assert (await session.scalars(select(Reply))).all() == []
    assert await fits(south, "offers", offer, ben) == []
    await ask(north.services, "exchange.hear")
    await north.work()
    (match,) = await fits(north, "wants", want, ann)
    assert match["state"] == "asked"


async def test_a_hub_only_want_asks_nobody_elsewhere(make_hub: MakeHub) -> None:
    north, south = await _two(make_hub)
    ann, ben = await person(north, "Ann"), await person(south, "Ben")
    want = await post(north, "wants", ann, **LEARNER, visibility="hub")
    await post(south, "offers", ben, **POTTER)
    await settle(north, south)
    (match,) = await fits(north, "wants", want, ann)
    assert (await do(north, match, "ask", ann)).status_code == 409


async def test_what_comes_from_a_blocked_server_fits_nobody(make_hub: MakeHub) -> None:
    north, south = await _two(make_hub)
    ann, ben = await person(north, "Ann"), await person(south, "Ben")
    want = await post(north, "wants", ann, **LEARNER)
    await post(south, "offers", ben, **POTTER)
    await settle(north, south)
    block = {"host": "south.example"}
    await north.web.post("/api/v1/blocks", json=block, headers=north.steward)
    assert await fits(north, "wants", want, ann) == []


async def test_people_have_a_box_and_programs_do_not(hub: Running) -> None:
    program = await person(hub, "Program")
    await post(hub, "offers", program)
    async with hub.services.db.write() as session:
        await session.execute(
            delete(ApiToken).where(
                ApiToken.person_id.in_(select(Person.id).where(Person.name == "Program"))
            )
        )
    form = {"title": "A pot of soup", "kind": "food", "mode": "give", "chosen": "yes"}
    answer = await press(hub, "/post/offer", program, **form)
    assert answer.status_code == 303, answer.text
    async with hub.services.db.read() as session:
        rows = await session.scalars(select(Listing))
        boxes = {row.title: row.own_box for row in rows}
    assert boxes == {"Extension ladder": False, "A pot of soup": True}


async def test_what_was_said_about_a_listing_goes_when_it_is_deleted(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer = await post(hub, "offers", ann)
    await post(hub, "wants", ben)
    await hub.work()
    (mine,) = await fits(hub, "offers", offer, ann)
    await do(hub, mine, "ask", ann)
    await do(hub, mine, "accept", ben)
    await press(hub, f"/matches/{mine['id']}/say", ann, text="Behind the house.")
    lent = {"match_id": mine["id"], "due_at": "2100-01-01T00:00:00Z"}
    path = f"/api/v1/offers/{offer['id']}"
    assert (await hub.web.post(f"{path}/lend", json=lent, headers=ann)).status_code == 200
    await hub.web.delete(path, headers=ann)
    await ask(hub.services, "exchange.read")
    await hub.work()
    async with hub.services.db.read() as session:
        for table in (MatchMessage, Match, Loan):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_what_was_there_before_matching_is_read_later(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    offer = await post(hub, "offers", ann)
    await post(hub, "wants", ben)
    async with hub.services.db.write() as session:
        for table in (Term, Match, Job):
            await session.execute(delete(table))
        await session.execute(update(Listing).values(read_by=0))
    await ask(hub.services, "exchange.read")
    await hub.work()
    assert len(await fits(hub, "offers", offer, ann)) == 1


COMPANY = {"title": "Jazz concert on Friday", "description": "", "kind": "time", "mode": "share"}


async def test_two_who_look_for_company_find_each_other_and_both_say_yes(
    hub: Running, told: Told
) -> None:
    ann, ben, eve = [await person(hub, name) for name in ("Ann", "Ben", "Eve")]
    first = await post(hub, "wants", ann, **COMPANY, sort="company")
    plain = await post(hub, "wants", eve, **{**COMPANY, "mode": "give"})
    own = await post(hub, "wants", ann, **COMPANY, sort="company")
    second = await post(hub, "wants", ben, **{**COMPANY, "mode": "give"}, sort="company")
    await hub.work()
    assert await fits(hub, "wants", plain, eve) == []
    theirs = await fits(hub, "wants", second, ben)
    assert {one["uri"] for one in theirs} == {first["uri"], own["uri"]}
    (mine,) = await fits(hub, "wants", first, ann)
    assert mine["uri"] == second["uri"]
    assert mine["reasons"][0] == "both: concert, Jazz"
    subjects = {notice.subject for who, notice in told if who == ben.id}
    assert subjects == {"Somebody would like to go too: Jazz concert on Friday"}

    assert (await do(hub, mine, "ask", ann)).json()["state"] == "asked"
    (asked,) = [one for one in await fits(hub, "wants", second, ben) if one["asked"]]
    assert asked["uri"] == first["uri"]
    early = await press(hub, f"/matches/{mine['id']}/say", ann, text="Hello?")
    assert early.status_code == 409
    assert (await do(hub, asked, "accept", ben)).json()["state"] == "agreed"
    await press(hub, f"/matches/{mine['id']}/say", ann, text="At the door at eight?")
    read = (await page(hub, f"/matches/{mine['id']}", ben)).text
    assert "At the door at eight?" in read
    assert "Both of you look for somebody to go with:" in read
    assert "At the door" not in (await page(hub, f"/matches/{mine['id']}", eve)).text


async def test_a_no_to_company_is_told_to_nobody_and_holds(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    wants = [await post(hub, "wants", who, **COMPANY, sort="company") for who in (ann, ben)]
    await hub.work()
    (mine,) = await fits(hub, "wants", wants[0], ann)
    await do(hub, mine, "ask", ann)
    await do(hub, mine, "decline", ben)
    for want in wants:
        await ask(hub.services, "exchange.match", listing_id=want["id"])
    await hub.work()
    assert await fits(hub, "wants", wants[1], ben) == []
    (again,) = await fits(hub, "wants", wants[0], ann)
    assert (again["state"], again["asked"]) == ("asked", False)


async def test_who_looks_for_company_still_hears_of_offers(hub: Running) -> None:
    ann, ben = await person(hub, "Ann"), await person(hub, "Ben")
    want = await post(hub, "wants", ann, **COMPANY, sort="company")
    offer = await post(hub, "offers", ben, **{**COMPANY, "title": "Ticket for the jazz concert"})
    await hub.work()
    (fit,) = await fits(hub, "wants", want, ann)
    assert fit["uri"] == offer["uri"]
