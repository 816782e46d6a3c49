"""People elsewhere come along: asked, answered, counted, left, told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from sqlalchemy import func, select, update

from federation.testing import MemorySite
from federation.verification import VerifiedActivity
from federation.vocab.activities import Activity, Delete, Join, Leave, Undo
from hub.actors.models import Actor
from hub.core.clock import now
from hub.events.models import Attendance, Event
from hub.fediverse.models import InboxActivity, OutboxActivity
from hub.people import service as people
from hub.worker import Worker
from tests.conftest import MakeHub, Running
from tests.jobs import ask
from tests.towns import csrf_of, signed_in

START = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
EVENT: dict[str, Any] = {
    "title": "Repair café",
    "starts_at": START.isoformat(),
    "timezone": "Europe/Berlin",
    "location": "Linden yard",
}


@dataclass
class Mobilizon:
    """A server whose people come along, and which takes answers as Mobilizon does.

    It knows its Join again by the id of the Join that an answer embeds, and believes only whoever
    the event is attributed to. `roles` are by the Join's id: asked, participant, rejected.
    """

    hub: Running
    site: MemorySite
    event: dict[str, Any] = field(default_factory=dict)
    organiser: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    news: list[dict[str, Any]] = field(default_factory=list)

    async def publish(self, **given: Any) -> dict[str, Any]:
        """Let the hub have an event, and this server come by it by its address."""
        answer = await self.hub.web.post(
            "/api/v1/events", json={**EVENT, **given}, headers=self.hub.steward
        )
        assert answer.status_code == 201, answer.text
        self.event = answer.json()
        await self.hub.work()
        served = await self.document()
        self.organiser = served.get("attributedTo", f"{self.hub.url}/actors/events")
        return self.event

    async def document(self, path: str = "") -> dict[str, Any]:
        accept = {"accept": "application/activity+json"}
        answer = await self.hub.web.get(f"/events/{self.event['id']}{path}", headers=accept)
        found: dict[str, Any] = answer.json()
        return found

    async def send(self, activity: Activity, who: str) -> None:
        await self.site.send(who, activity, f"{self.hub.url}/actors/events/inbox")
        await self.hub.work()
        await self.read()

    async def join(self, who: str = "ada", **given: Any) -> str:
        """The id of somebody's Join, sent and answered."""
        join = self.joining(who, **given)
        assert join.id is not None
        self.roles[join.id] = "asked"
        await self.send(join, who)
        return join.id

    def joining(self, who: str = "ada", **given: Any) -> Join:
        uri = f"{self.site.origin}/join/event/{uuid4()}"
        return Join(
            **{"id": uri, "actor": self.site.uri(who), "object": self.event["uri"], **given}
        )

    async def leave(self, who: str = "ada") -> None:
        uri = f"{self.site.origin}/leave/event/{uuid4()}"
        leave = Leave(id=uri, actor=self.site.uri(who), object=self.event["uri"])
        await self.send(leave, who)

    async def undo(self, what: Join | str, who: str = "ada") -> None:
        uri = f"{self.site.origin}/undo/{uuid4()}"
        await self.send(Undo(id=uri, actor=self.site.uri(who), object=what), who)

    async def read(self) -> None:
        """Take what has arrived."""
        for verified in self.site.received:
            self._take(verified)
        self.site.received.clear()

    def _take(self, verified: VerifiedActivity) -> None:
        document = orjson.loads(verified.body)
        if document["type"] not in {"Accept", "Reject", "Ignore"}:
            self.news.append(document)
            return
        self.answers.append(document)
        if document["type"] == "Ignore":
            return
        embedded = document["object"]
        assert embedded["type"] == "Join"
        known = embedded["id"] in self.roles and document["actor"] == self.organiser
        assert known, "Mobilizon would drop this answer"
        roles = {"Accept": "participant", "Reject": "rejected"}
        self.roles[embedded["id"]] = roles[document["type"]]

    @property
    def said(self) -> list[str]:
        """The types of the answers so far."""
        return [answer["type"] for answer in self.answers]

    async def coming(self) -> int:
        """How many come, as everybody may know; every place says the same."""
        answer = await self.hub.web.get(f"/api/v1/events/{self.event['id']}")
        view = answer.json()
        served = await self.document()
        numbers = {
            view["coming"],
            served["participantCount"],
            served["attendees"]["totalItems"],
            (await self.document("/attendees"))["totalItems"],
        }
        assert len(numbers) == 1, numbers
        capacity = view["capacity"]
        left = None if capacity is None else max(0, capacity - view["coming"])
        assert view["places_left"] == served.get("remainingAttendeeCapacity") == left
        return int(view["coming"])

    async def responses(self, **parameters: str) -> list[dict[str, Any]]:
        answer = await self.hub.web.get(
            f"/api/v1/events/{self.event['id']}/responses",
            headers=self.hub.steward,
            params=parameters,
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def decide(self, response_id: str, state: str) -> httpx2.Response:
        answer = await self.hub.web.patch(
            f"/api/v1/events/{self.event['id']}/responses/{response_id}",
            json={"state": state},
            headers=self.hub.steward,
        )
        await self.hub.work()
        await self.read()
        return answer

    async def revise(self, **changes: Any) -> None:
        answer = await self.hub.web.patch(
            f"/api/v1/events/{self.event['id']}", json=changes, headers=self.hub.steward
        )
        assert answer.status_code == 200, answer.text
        await self.hub.work()
        await self.read()


@pytest.fixture
async def peer(make_hub: MakeHub) -> Mobilizon:
    hub = await make_hub("hub.example")
    names = ("relay", "ada", "bob", "eve")
    return Mobilizon(hub, MemorySite("https://town.example", hub.wire, names=names))


# ------------------------------------------------------------------------------ asked, answered


async def test_ap_57_whoever_asks_can_come_and_is_told_so_alone(peer: Mobilizon) -> None:
    await peer.publish()
    join = await peer.join(message="<p>I bring <b>cake</b></p>")
    assert peer.roles == {join: "participant"}
    (answer,) = peer.answers
    ada = peer.site.uri("ada")
    assert answer["object"] == {
        "id": join,
        "type": "Join",
        "actor": ada,
        "object": peer.event["uri"],
    }
    assert (answer["to"], answer["cc"]) == ([ada], [])
    assert "proof" not in answer
    assert await peer.coming() == 1
    (row,) = await peer.responses()
    assert (row["state"], row["handle"], row["message"]) == (
        "accepted",
        "ada@town.example",
        "I bring cake",
    )
    outbox = await peer.hub.web.get("/actors/events/outbox?page=1")
    assert "Accept" not in outbox.text


async def test_ap_57_a_full_event_says_no_and_a_place_that_is_left_is_free(
    peer: Mobilizon,
) -> None:
    await peer.publish(capacity=1)
    first, second = await peer.join("ada"), await peer.join("bob")
    assert peer.said == ["Accept", "Reject"]
    again = await peer.join("bob")
    assert peer.said == ["Accept", "Reject", "Reject"]
    await peer.leave("ada")
    assert await peer.coming() == 0
    last = await peer.join("bob")
    assert peer.said[3:] == ["Accept"]
    assert [peer.roles[each] for each in (first, second, again, last)] == [
        "participant",
        "rejected",
        "rejected",
        "participant",
    ]
    assert await peer.coming() == 1


async def test_ap_57_said_again_a_join_is_answered_as_before_and_takes_no_second_place(
    peer: Mobilizon,
) -> None:
    await peer.publish(capacity=2)
    first, second = await peer.join(), await peer.join()
    assert peer.roles == {first: "participant", second: "participant"}
    assert await peer.coming() == 1
    same = peer.joining(id=second)
    await peer.send(same, "ada")
    assert peer.said == ["Accept", "Accept"], "the same activity twice is one activity (AP-28)"


@pytest.mark.parametrize("how", ["past", "cancelled", "deleted"])
async def test_ap_57_nobody_comes_to_what_is_over_or_does_not_take_place(
    peer: Mobilizon, how: str
) -> None:
    await peer.publish()
    path = f"/api/v1/events/{peer.event['id']}"
    if how == "cancelled":
        await peer.hub.web.post(f"{path}/cancel", headers=peer.hub.steward)
    elif how == "deleted":
        await peer.hub.web.delete(path, headers=peer.hub.steward)
    else:
        past = {"starts_at": now() - timedelta(days=2), "relevant_until": now() - timedelta(days=1)}
        async with peer.hub.services.db.write() as session:
            await session.execute(update(Event).values(starts_at=past["starts_at"]))
            event = await session.get_one(Event, UUID(peer.event["id"]))
            event.relevant_until = past["relevant_until"]
    await peer.join()
    assert peer.said == ["Reject"]


async def test_ap_57_a_join_that_is_not_processed_is_ignored_by_its_id(peer: Mobilizon) -> None:
    await peer.publish(joining="external")
    served = await peer.document()
    assert served["joinMode"] == "external"
    assert served["externalParticipationUrl"] == peer.event["url"]
    assert "attendees" not in served
    assert (await peer.hub.web.get(f"/events/{peer.event['id']}/attendees")).status_code == 404
    ladder = await peer.hub.web.post(
        "/api/v1/offers", json={"title": "Ladder", "kind": "item"}, headers=peer.hub.steward
    )
    board = f"{peer.hub.url}/actors/board"
    joins = [
        await peer.join(object=uri) for uri in (peer.event["uri"], ladder.json()["uri"], board)
    ]
    assert peer.said == ["Ignore"] * 3
    assert [answer["object"] for answer in peer.answers] == joins
    assert [answer["actor"] for answer in peer.answers] == [
        f"{peer.hub.url}/actors/events",
        f"{peer.hub.url}/actors/offers",
        board,
    ]
    assert await peer.responses() == []


async def test_a_join_of_what_is_not_for_everybody_learns_nothing(peer: Mobilizon) -> None:
    await peer.publish(visibility="hub")
    await peer.join()
    await peer.join(object=f"{peer.hub.url}/events/{uuid4()}")
    assert peer.answers == []


async def test_a_hub_that_hears_only_whom_it_follows_lets_nobody_else_come(
    make_hub: MakeHub,
) -> None:
    hub = await make_hub("hub.example", federation="allow-list")
    site = MemorySite("https://town.example", hub.wire, names=("relay", "ada"))
    peer = Mobilizon(hub, site)
    await peer.publish()
    join = peer.joining()
    outcome = await site.send("ada", join, f"{hub.url}/actors/events/inbox")
    assert getattr(outcome, "status", None) == 403
    assert await peer.coming() == 0


async def test_no_update_tells_of_each_who_comes(peer: Mobilizon) -> None:
    await peer.publish()
    await peer.join("ada")
    await peer.join("bob")
    async with peer.hub.services.db.read() as session:
        types = list(await session.scalars(select(OutboxActivity.type)))
    assert sorted(types) == ["Accept", "Accept", "Announce", "Create"]


# ------------------------------------------------------------------------------ leaving


@pytest.mark.parametrize("by_id", [False, True])
async def test_ap_39_undo_of_a_join_frees_the_place(peer: Mobilizon, *, by_id: bool) -> None:
    await peer.publish(capacity=1)
    join = peer.joining()
    peer.roles[join.id or ""] = "asked"
    await peer.send(join, "ada")
    assert await peer.coming() == 1
    what = join.id or "" if by_id else join
    await peer.undo(what, "bob")
    assert await peer.coming() == 1, "it was somebody else's"
    await peer.undo(what, "ada")
    assert await peer.coming() == 0
    assert await peer.responses() == []
    await peer.join("bob")
    assert peer.said == ["Accept", "Accept"]


async def test_an_undo_of_an_older_join_does_not_undo_the_newer(peer: Mobilizon) -> None:
    await peer.publish()
    old = peer.joining()
    peer.roles[old.id or ""] = "asked"
    await peer.send(old, "ada")
    await peer.join()
    await peer.undo(old)
    assert await peer.coming() == 1


@pytest.mark.parametrize("by_id", [False, True])
async def test_an_undo_that_comes_before_its_join_is_remembered(
    peer: Mobilizon, *, by_id: bool
) -> None:
    await peer.publish()
    join = peer.joining()
    await peer.undo(join.id or "" if by_id else join)
    await peer.send(join, "ada")
    assert (peer.said, await peer.coming()) == (["Ignore"], 0)
    await peer.join()
    assert (peer.said, await peer.coming()) == (["Ignore", "Accept"], 1)


async def test_a_leave_that_comes_before_its_join_is_remembered_for_a_day(
    peer: Mobilizon,
) -> None:
    await peer.publish()
    for who, old in (("ada", False), ("bob", True)):
        await peer.leave(who)
        if old:
            async with peer.hub.services.db.write() as session:
                yesterday = now() - timedelta(hours=25)
                await session.execute(update(Attendance).values(answered_at=yesterday))
        await peer.join(who)
    assert (peer.said, await peer.coming()) == (["Ignore", "Accept"], 1)
    await peer.join("ada")
    assert (peer.said[2:], await peer.coming()) == (["Accept"], 2)


async def test_a_leave_and_a_join_in_one_batch_of_mail_keep_their_order(peer: Mobilizon) -> None:
    await peer.publish()
    inbox = f"{peer.hub.url}/inbox"
    for number in range(3):
        join = peer.joining()
        peer.roles[join.id or ""] = "asked"
        await peer.site.send("ada", join, inbox)
        leave = Leave(id=f"{peer.site.origin}/leave/{number}", actor=join.actor, object=join.object)
        await peer.site.send("ada", leave, inbox)
    await peer.hub.work()
    await peer.read()
    assert (peer.said, await peer.coming()) == (["Accept"] * 3, 0)


async def test_who_left_is_forgotten_after_a_day(peer: Mobilizon) -> None:
    await peer.publish()
    await peer.join("ada", message="I bring cake")
    await peer.join("bob")
    await peer.leave("ada")
    async with peer.hub.services.db.write() as session:
        assert list(await session.scalars(select(Attendance.message))) == ["", ""]
        yesterday = now() - timedelta(hours=25)
        await session.execute(update(Attendance).values(answered_at=yesterday))
    await ask(peer.hub.services, "retention.forget")
    await peer.hub.work()
    async with peer.hub.services.db.read() as session:
        assert list(await session.scalars(select(Attendance.state))) == ["accepted"]


async def test_ap_45_the_place_of_somebody_who_is_no_more_is_free(peer: Mobilizon) -> None:
    await peer.publish(capacity=1)
    await peer.join("ada", message="I bring cake")
    ada = peer.site.uri("ada")
    await peer.send(Delete(id=f"{ada}#delete", actor=ada, object=ada), "ada")
    assert await peer.coming() == 0
    async with peer.hub.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Attendance)) == 0
    await peer.join("bob")
    assert peer.said == ["Accept", "Accept"]


async def test_a_block_frees_the_places_of_a_server(peer: Mobilizon) -> None:
    await peer.publish(capacity=1)
    await peer.join("ada")
    there = Mobilizon(peer.hub, MemorySite("https://vale.example", peer.hub.wire), peer.event)
    there.organiser = peer.organiser
    await peer.hub.web.post(
        "/api/v1/blocks", json={"host": "town.example"}, headers=peer.hub.steward
    )
    assert (await peer.coming(), await peer.responses()) == (0, [])
    await there.join("events")
    assert there.said == ["Accept"]


# ------------------------------------------------------------------------------ the organiser


async def test_ap_57_where_the_organiser_decides_the_answer_comes_later(peer: Mobilizon) -> None:
    await peer.publish(joining="restricted", capacity=1)
    assert (await peer.document())["joinMode"] == "restricted"
    join = await peer.join(message="May I?")
    assert (peer.said, await peer.coming()) == ([], 0)
    (row,) = await peer.responses(state="asked")
    assert (row["message"], row["answered_at"]) == ("May I?", None)
    again = await peer.join()
    assert peer.said == [], "it still waits"
    assert (await peer.decide(row["id"], "accepted")).json()["state"] == "accepted"
    assert (peer.said, peer.roles[again], peer.roles[join]) == (["Accept"], "participant", "asked")
    assert await peer.coming() == 1
    assert (await peer.decide(row["id"], "accepted")).status_code == 200
    assert peer.said == ["Accept"], "nothing new is nothing to say"
    await peer.decide(row["id"], "rejected")
    assert (peer.said, peer.roles[again]) == (["Accept", "Reject"], "rejected")
    assert await peer.coming() == 0
    await peer.leave()
    await peer.join()
    assert peer.said == ["Accept", "Reject", "Reject"], "who was refused stays refused"


async def test_the_organiser_cannot_promise_places_that_are_not_there(peer: Mobilizon) -> None:
    await peer.publish(joining="restricted", capacity=1)
    await peer.join("ada")
    await peer.join("bob")
    ada, bob = await peer.responses()
    await peer.decide(ada["id"], "accepted")
    refused = await peer.decide(bob["id"], "accepted")
    assert (refused.status_code, await peer.coming()) == (409, 1)
    await peer.join("eve")
    assert peer.said == ["Accept", "Reject"], "full is full, also for those who ask"
    await peer.revise(capacity=2)
    assert (await peer.decide(bob["id"], "accepted")).status_code == 200
    await peer.hub.web.post(f"/api/v1/events/{peer.event['id']}/cancel", headers=peer.hub.steward)
    await peer.decide(bob["id"], "rejected")
    assert (await peer.decide(bob["id"], "accepted")).status_code == 409


async def test_less_room_throws_nobody_out(peer: Mobilizon) -> None:
    await peer.publish(capacity=3)
    for who in ("ada", "bob"):
        await peer.join(who)
    await peer.revise(capacity=1)
    assert (peer.said, await peer.coming()) == (["Accept", "Accept"], 2)
    await peer.join("eve")
    assert peer.said[2:] == ["Reject"]
    await peer.join("ada")
    assert peer.said[3:] == ["Accept"], "who comes already still comes"


async def test_only_whoever_may_change_the_event_sees_and_decides(peer: Mobilizon) -> None:
    hub = peer.hub
    tokens = {}
    async with hub.services.db.write() as session:
        for name, role in (("ann", "editor"), ("tom", "editor"), ("kim", "reader")):
            token = await people.token_create(session, name, role)
            tokens[name] = {"Authorization": f"Bearer {token}"}
    made = await hub.web.post(
        "/api/v1/events", json={**EVENT, "joining": "restricted"}, headers=tokens["ann"]
    )
    peer.event = made.json()
    peer.organiser = f"{hub.url}/actors/events"
    await peer.join()
    path = f"/api/v1/events/{peer.event['id']}/responses"
    statuses = [
        (await hub.web.get(path, headers=headers)).status_code
        for headers in ({}, tokens["kim"], tokens["tom"], tokens["ann"], hub.steward)
    ]
    assert statuses == [401, 403, 403, 200, 200]
    (row,) = (await hub.web.get(path, headers=tokens["ann"])).json()["items"]
    yes = {"state": "accepted"}
    one = f"{path}/{row['id']}"
    assert (await hub.web.patch(one, json=yes, headers=tokens["tom"])).status_code == 403
    assert (await hub.web.patch(one, json={"state": "asked"}, headers=tokens["ann"])).is_error
    assert (await hub.web.patch(f"{path}/{uuid4()}", json=yes, headers=hub.steward)).is_error
    assert (await hub.web.patch(one, json=yes, headers=tokens["ann"])).status_code == 200
    page = await hub.web.get(f"/events/{peer.event['id']}")
    assert "ada@town.example" not in page.text
    assert "1 person comes" in page.text


async def test_responses_come_in_pages(peer: Mobilizon) -> None:
    await peer.publish()
    for who in ("ada", "bob", "eve"):
        await peer.join(who)
    path = f"/api/v1/events/{peer.event['id']}/responses"
    first = await peer.hub.web.get(f"{path}?limit=2", headers=peer.hub.steward)
    assert [one["handle"] for one in first.json()["items"]] == [
        "ada@town.example",
        "bob@town.example",
    ]
    assert 'rel="next"' in first.headers["link"]
    rest = {"limit": "2", "cursor": first.json()["next"]}
    second = await peer.hub.web.get(path, params=rest, headers=peer.hub.steward)
    assert ([one["handle"] for one in second.json()["items"]], second.json()["next"]) == (
        ["eve@town.example"],
        None,
    )


async def test_a_steward_decides_with_one_button_and_no_script(peer: Mobilizon) -> None:
    await peer.publish(joining="restricted", capacity=5)
    await peer.join(message="<script>alert(1)</script>May I?")
    (row,) = await peer.responses()
    async with signed_in(peer.hub) as (web, _):
        page = await web.get(f"/events/{peer.event['id']}")
        assert "May I?" in page.text
        assert "<script>alert" not in page.text
        button = f"/events/{peer.event['id']}/responses/{row['id']}"
        assert f'action="{button}"' in page.text
        done = await web.post(button, data={"csrf": csrf_of(page), "answer": "accept"})
        assert done.status_code == 303
        shown = await web.get(done.headers["location"])
        assert "1 person comes, 4 places left" in shown.text
        await peer.hub.work()
        await peer.read()
        assert peer.said == ["Accept"]
        await web.post(button, data={"csrf": csrf_of(page), "answer": "refuse"})
    await peer.hub.work()
    await peer.read()
    assert (peer.said, await peer.coming()) == (["Accept", "Reject"], 0)
    nobody = await peer.hub.web.post(button, data={"answer": "accept"})
    assert nobody.is_error


# ------------------------------------------------------------------------------ being told


async def test_ap_76_who_comes_hears_what_becomes_of_an_event_that_was_never_sent_there(
    peer: Mobilizon,
) -> None:
    await peer.publish()
    await peer.join()
    assert peer.news == []
    await peer.hub.web.post(f"/api/v1/events/{peer.event['id']}/cancel", headers=peer.hub.steward)
    await peer.hub.work()
    await peer.read()
    (update_,) = peer.news
    assert (update_["type"], update_["object"]["eventStatus"]) == ("Update", "EventCancelled")
    await peer.hub.web.delete(f"/api/v1/events/{peer.event['id']}", headers=peer.hub.steward)
    await peer.hub.work()
    await peer.read()
    assert [one["type"] for one in peer.news] == ["Update", "Delete"]


async def test_ap_76_who_comes_to_a_later_date_of_a_series_hears_that_it_is_called_off(
    peer: Mobilizon,
) -> None:
    """A date that nobody was told of yet can be found by its page."""
    await peer.publish(recurrence="FREQ=WEEKLY;COUNT=20")
    first = peer.event
    query = {"limit": "100"}
    dates = (await peer.hub.web.get("/api/v1/events", params=query)).json()["items"]
    peer.event = dates[-1]
    await peer.join()
    assert peer.said == ["Accept"]
    told = {one["uri"] for one in dates[:12]}
    assert peer.event["uri"] not in told
    await peer.revise(location="Barn")
    answer = await peer.hub.web.patch(
        f"/api/v1/events/{first['id']}", json={"recurrence": None}, headers=peer.hub.steward
    )
    assert answer.status_code == 200
    await peer.hub.work()
    await peer.read()
    assert [(one["type"], one["object"]["eventStatus"]) for one in peer.news] == [
        ("Update", "EventScheduled"),
        ("Update", "EventCancelled"),
    ]
    assert {one["object"]["id"] for one in peer.news} == {peer.event["uri"]}


async def test_who_wanted_to_come_is_forgotten_with_the_event(peer: Mobilizon) -> None:
    await peer.publish()
    await peer.join()
    await peer.hub.web.delete(f"/api/v1/events/{peer.event['id']}", headers=peer.hub.steward)
    async with peer.hub.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Attendance)) == 0


# ------------------------------------------------------------------------------ all at once


async def _crowd(peer: Mobilizon, events: list[dict[str, Any]], number: int) -> None:
    """Mail of many people, each of whom wants to come to each event, in changing order."""
    moment = now()
    async with peer.hub.services.db.write() as session:
        for one in range(number):
            uri = f"https://crowd.example/u/{one}"
            session.add(
                Actor(
                    uri=uri,
                    kind="Person",
                    name=f"u{one}",
                    authority="crowd.example",
                    inbox="https://crowd.example/inbox",
                )
            )
            for event in events[:: 1 if one % 2 else -1]:
                join = Join(id=f"{uri}/{event['id']}", actor=uri, object=event["uri"])
                session.add(
                    InboxActivity(
                        uri=join.id,
                        actor_uri=uri,
                        host="crowd.example",
                        trust="signer",
                        body=orjson.dumps(join.document(context=True)),
                        received_at=moment,
                        run_at=moment,
                    )
                )


async def test_ap_57_capacity_holds_however_many_ask_at_once_and_each_gets_one_answer(
    peer: Mobilizon,
) -> None:
    """Several workers take the mail of many people who want to come to two events each."""
    events = [await peer.publish(capacity=7), await peer.publish(capacity=11)]
    await _crowd(peer, events, 100)
    workers = [Worker(peer.hub.services, peer.hub.hub.handlers) for _ in range(4)]

    async def work(worker: Worker) -> None:
        while await worker._processor.process():
            await worker._processor.settle()

    async with asyncio.timeout(100):
        await asyncio.gather(*map(work, workers))
    async with peer.hub.services.db.read() as session:
        states = list(await session.scalars(select(InboxActivity.state)))
        assert states == ["done"] * 200
        for event, room in zip(events, (7, 11), strict=True):
            said = await session.scalars(
                select(OutboxActivity.type).where(
                    OutboxActivity.object_uri.endswith(f"/{event['id']}"),
                    OutboxActivity.object_uri.startswith("https://crowd.example/"),
                )
            )
            types = list(said)
            assert (types.count("Accept"), types.count("Reject"), len(types)) == (
                room,
                100 - room,
                100,
            )
    peer.event = events[0]
    assert await peer.coming() == 7


async def test_stewards_who_decide_at_once_do_not_promise_one_place_twice(
    peer: Mobilizon,
) -> None:
    await peer.publish(joining="restricted", capacity=2)
    for who in ("ada", "bob", "eve"):
        await peer.join(who)
    rows = await peer.responses()
    answers = await asyncio.gather(*(peer.decide(row["id"], "accepted") for row in rows))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409]
    assert await peer.coming() == 2


async def test_t36_a_join_of_mobilizon_is_accepted_and_stands_on_the_page(peer: Mobilizon) -> None:
    await peer.publish(capacity=3)
    join = await peer.join()
    assert peer.roles == {join: "participant"}
    html = {"accept": "text/html", **peer.hub.steward}
    page = (await peer.hub.web.get(f"/events/{peer.event['id']}", headers=html)).text
    assert "@ada@town.example" in page
    assert await peer.coming() == 1
