"""Quotes: who asks may quote a public entry, until it goes or they are blocked (FEP-044f)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import func, select, update

from federation.testing import MemorySite
from federation.vocab.activities import Activity, Follow, QuoteRequest
from federation.vocab.names import AS2, PUBLIC
from hub.core.clock import now
from hub.entries.models import Entry, Quote
from tests.towns import EVENT, Town


async def _ask(town: Town, uri: str, quoting: Any = None, **given: Any) -> Activity:
    """Ask to quote something; the one answer."""
    town.site.received.clear()
    ada = town.site.uri("ada")
    document = {
        "@context": AS2,
        "id": f"{ada}#quotes/{uuid4()}",
        "type": "QuoteRequest",
        "actor": ada,
        "object": uri,
        "instrument": quoting or f"{town.site.origin}/notes/quote",
        **given,
    }
    await town.site.send_document("ada", document, f"{town.events}/inbox")
    await town.hub.work()
    (answer,) = [one.activity for one in town.site.received]
    assert answer.object_id == document["id"]
    return answer


async def _get(town: Town, uri: str) -> httpx2.Response:
    return await town.hub.web.get(uri, headers={"accept": "application/activity+json"})


@pytest.mark.parametrize("embedded", [False, True])
async def test_ap_64_a_request_is_accepted_and_its_authorization_dereferences(
    town: Town, embedded: bool
) -> None:
    served = (await _get(town, town.event["uri"])).json()
    assert served["interactionPolicy"] == {"canQuote": {"automaticApproval": [PUBLIC]}}
    post = f"{town.site.origin}/notes/quote"
    note = {"id": post, "type": "Note", "attributedTo": town.site.uri("ada"), "content": "Go!"}
    answer = await _ask(town, town.event["uri"], note if embedded else post)
    assert answer.type == "Accept"
    assert answer.actor == town.events
    assert isinstance(answer.object, QuoteRequest)
    assert (answer.object.object, answer.object.instrument) == (town.event["uri"], post)
    assert isinstance(answer.result, str)
    found = await _get(town, answer.result)
    assert found.headers["content-type"].startswith("application/activity+json")
    document = found.json()
    context = document.pop("@context")
    assert document == {
        "id": answer.result,
        "type": "QuoteAuthorization",
        "attributedTo": town.events,
        "interactingObject": post,
        "interactionTarget": town.event["uri"],
    }
    assert "QuoteAuthorization" in context[1]


async def test_ap_64_asked_twice_it_is_the_same_authorization(town: Town) -> None:
    first = await _ask(town, town.event["uri"])
    assert (await _ask(town, town.event["uri"])).result == first.result


async def test_ap_64_every_kind_of_public_entry_may_be_quoted(town: Town) -> None:
    offer = {"title": "Ladder", "description": "Long.", "kind": "item", "mode": "lend"}
    for kind in ("offers", "wants"):
        posted = await town.hub.web.post(f"/api/v1/{kind}", json=offer, headers=town.hub.steward)
        uri = posted.json()["uri"]
        assert "interactionPolicy" in (await _get(town, uri)).json()
        assert (await _ask(town, uri)).type == "Accept"


async def test_ap_64_a_request_for_anything_else_is_rejected(town: Town) -> None:
    hidden = await town.hub.web.post(
        "/api/v1/events", json=EVENT | {"visibility": "hub"}, headers=town.hub.steward
    )
    taken_down = await town.hub.web.post("/api/v1/events", json=EVENT, headers=town.hub.steward)
    async with town.hub.services.db.write() as session:
        uri = taken_down.json()["uri"]
        await session.execute(update(Entry).where(Entry.uri == uri).values(hidden_at=now()))
    elsewhere = "https://other.example/notes/1"
    for uri, given in (
        (hidden.json()["uri"], {}),
        (taken_down.json()["uri"], {}),
        (f"{town.hub.url}/events/{uuid4()}", {}),
        (town.events, {}),
        (town.event["uri"], {"instrument": elsewhere}),
        (town.event["uri"], {"instrument": None}),
    ):
        answer = await _ask(town, uri, **given)
        assert (answer.type, answer.actor) == ("Reject", f"{town.hub.url}/actors/relay")
        assert answer.result is None
    async with town.hub.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Quote)) == 0


async def test_ap_64_of_what_is_not_ours_we_say_nothing(town: Town) -> None:
    ada = town.site.uri("ada")
    asked = QuoteRequest(
        id=f"{ada}#q", actor=ada, object="https://other.example/n/1", instrument=f"{ada}/n"
    )
    await town.send(asked)
    assert town.site.received == []


async def test_ap_64_the_authorization_goes_with_its_entry(town: Town) -> None:
    answer = await _ask(town, town.event["uri"])
    town.site.received.clear()
    await town.hub.web.delete(f"/api/v1/events/{town.event['id']}", headers=town.hub.steward)
    await town.hub.work()
    deleted = [one.activity.object_id for one in town.site.received]
    assert answer.result in deleted
    gone = await _get(town, str(answer.result))
    assert gone.status_code == 410
    assert gone.json()["type"] == "Tombstone"
    assert gone.json()["formerType"] == "QuoteAuthorization"
    assert (await _get(town, f"{town.hub.url}/quotes/{uuid4()}")).status_code == 404


async def test_ap_64_the_authorization_ends_when_its_holder_is_blocked(town: Town) -> None:
    far = MemorySite("https://far.example", town.hub.wire, names=("relay", "fred"))
    follow = Follow(id=f"{far.origin}/f", actor=far.uri("fred"), object=town.events)
    await far.send("fred", follow, f"{town.events}/inbox")
    answer = await _ask(town, town.event["uri"])
    far.received.clear()
    town.site.received.clear()
    body = {"host": "town.example"}
    await town.hub.web.post("/api/v1/blocks", json=body, headers=town.hub.steward)
    await town.hub.work()
    assert (await _get(town, str(answer.result))).status_code == 410
    assert [one.activity.object_id for one in far.received] == [answer.result]
    assert town.site.received == []
    await town.hub.web.delete("/api/v1/blocks/town.example", headers=town.hub.steward)
    assert (await _get(town, str(answer.result))).status_code == 410
    again = await _ask(town, town.event["uri"])
    assert again.result not in {None, answer.result}


@pytest.mark.parametrize("name", ["quote", "quoteUrl", "quoteUri", "_misskey_quote"])
async def test_ap_64_what_others_quote_is_shown_as_a_link(town: Town, name: str) -> None:
    await town.hear()
    quoted = "https://other.example/notes/1?a=1&b=2"
    for content in ("<p>So true!</p>", f'<p><a href="{quoted.replace("&", "&amp;")}">x</a></p>'):
        note = town.note(content=content).document() | {name: quoted}
        document = {
            "@context": AS2,
            "id": f"{note['id']}#c",
            "type": "Create",
            "actor": note["attributedTo"],
            "object": note,
        }
        await town.site.send_document("ada", document, f"{town.events}/inbox")
    await town.hub.work()
    first, second = [reply.content for reply in await town.replies()]
    link = quoted.replace("&", "&amp;")
    assert f'<a href="{link}"' in first
    assert "RE: " in first
    assert second.count("<a ") == 1
