"""Who hears of what."""

from __future__ import annotations

import pytest

from federation.errors import Unauthorised
from federation.inbox import Inbox
from federation.vocab.activities import Activity, Announce, Create, Flag, Follow, Undo, Update
from federation.vocab.objects import Event, Note
from federation.vocab.proposals import Intent, Proposal

ANN = "https://peer.example/users/ann"


class Heard(list[str]):
    """What was heard, in order."""


def a_create(thing: Note | Event) -> Create:
    return Create(actor=ANN, object=thing)


def filled() -> Inbox[Heard]:
    inbox = Inbox[Heard]()

    @inbox.on(Create, Note)
    async def note_created(heard: Heard, activity: Create) -> None:
        heard.append("note")

    @inbox.on(Create)
    async def anything_created(heard: Heard, activity: Create) -> None:
        heard.append("anything")

    @inbox.on(Undo, Follow)
    async def unfollowed(heard: Heard, activity: Undo) -> None:
        heard.append("unfollowed")

    @inbox.on(Announce, str)
    async def announced(heard: Heard, activity: Announce) -> None:
        heard.append(f"announced {activity.object_id}")

    @inbox.on(Flag)
    async def reported(heard: Heard, activity: Flag) -> None:
        heard.append("reported")

    return inbox


async def heard_of(inbox: Inbox[Heard], activity: Activity) -> list[str]:
    heard = Heard()
    known = await inbox.dispatch(heard, activity)
    assert known == bool(heard)
    return heard


async def test_handler_is_found_by_both_types() -> None:
    inbox = filled()
    assert await heard_of(inbox, a_create(Note(content="x"))) == ["note"]
    assert await heard_of(inbox, Undo(actor=ANN, object=Follow(actor=ANN, object=ANN))) == [
        "unfollowed"
    ]
    assert await heard_of(inbox, Announce(actor=ANN, object=ANN)) == [f"announced {ANN}"]


async def test_handler_of_a_class_hears_of_its_subclasses() -> None:
    proposal = Proposal(purpose="offer", publishes=Intent(name="Bike"))
    assert await heard_of(filled(), a_create(proposal)) == ["note"]


async def test_most_exact_handler_comes_first() -> None:
    inbox = filled()

    @inbox.on(Create, Proposal)
    async def offered(heard: Heard, activity: Create) -> None:
        heard.append("offered")

    proposal = Proposal(purpose="offer", publishes=Intent(name="Bike"))
    assert await heard_of(inbox, a_create(proposal)) == ["offered"]


async def test_handler_without_object_type_hears_of_the_rest() -> None:
    assert await heard_of(filled(), a_create(Event(name="x"))) == ["anything"]
    assert await heard_of(filled(), Flag(actor=ANN, objects=(ANN,))) == ["reported"]


async def test_type_of_the_activity_weighs_more_than_that_of_the_object() -> None:
    inbox = filled()

    @inbox.on(Activity, Event)
    async def of_events(heard: Heard, activity: Activity) -> None:
        heard.append("events")

    assert await heard_of(inbox, a_create(Event(name="x"))) == ["anything"]
    assert await heard_of(inbox, Update(actor=ANN, object=Event(name="x"))) == ["events"]


async def test_nobody_hears_of_the_unknown() -> None:
    assert await heard_of(filled(), Activity(type="Teleport", actor=ANN)) == []
    assert await heard_of(filled(), Undo(actor=ANN, object=ANN)) == []


async def test_objection_of_a_handler_reaches_the_caller() -> None:
    inbox = Inbox[None]()

    @inbox.on(Create)
    async def refused(received: None, activity: Create) -> None:
        raise Unauthorised("not yours")

    with pytest.raises(Unauthorised):
        await inbox.dispatch(None, a_create(Note(content="x")))


def test_two_handlers_for_the_same_are_refused() -> None:
    inbox = filled()
    with pytest.raises(ValueError, match=r"two handlers for \(Create, Note\)"):
        inbox.on(Create, Note)(_nothing)
    with pytest.raises(ValueError, match="two handlers"):
        inbox.include(filled())


async def test_inbox_takes_over_the_handlers_of_another() -> None:
    whole, part = Inbox[Heard](), filled()
    whole.include(part)
    assert [one.handler.__name__ for one in whole.handlers] == [
        "note_created",
        "anything_created",
        "unfollowed",
        "announced",
        "reported",
    ]
    assert await heard_of(whole, a_create(Note(content="x"))) == ["note"]
    assert (whole.handlers[0].activity_type, whole.handlers[0].object_type) == (Create, Note)


async def _nothing(heard: Heard, activity: Activity) -> None:
    """Hears and does nothing."""
