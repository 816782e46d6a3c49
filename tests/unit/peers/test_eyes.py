"""For each golden document and each peer: what its reader sees (AP-65)."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.golden import making
from tests.golden.stories import EVENTS, LISTINGS, NEWS, Story
from tests.unit.peers import table
from tests.unit.peers.seen import Seen
from tests.unit.peers.table import PEERS, look

GOLDEN = making.stored()
CALENDARS = ("Mobilizon", "Gancio", "Friendica")
BLOGS = ("Mastodon", "GoToSocial", "Misskey", "Takahe")
NOTES_ONLY = ("snac2", "NodeBB")
READERS = ("Mastodon", "GoToSocial", "Misskey", "Friendica", "NodeBB")

# What becomes of an Update of an Event is shown nowhere but where events live; others get a Note.
EDITS_SHOWN = ("Mobilizon", "Gancio", "Friendica", "GoToSocial", "Misskey", "Takahe")


def seen(peer: str, name: str) -> Seen:
    """What is seen, which must be something."""
    found = look(peer, GOLDEN[name])
    assert isinstance(found, Seen), f"{peer} drops {name}: {found}"
    return found


def stories(prefix: str, told: dict[str, Story]) -> list[Any]:
    """The arguments for a test of each story."""
    return [pytest.param(f"{prefix}{name}", story, id=name) for name, story in told.items()]


def tells(found: Seen, words: tuple[str, ...]) -> None:
    """Each of the words can be read."""
    for word in words:
        assert word in found.words


@pytest.mark.parametrize("peer", [*BLOGS, *CALENDARS])
@pytest.mark.parametrize(("name", "story"), stories("event-", EVENTS))
def test_ap_65_an_event_tells_title_date_place_and_link_everywhere(
    peer: str, name: str, story: Story
) -> None:
    found = seen(peer, name)
    tells(found, story.words)
    assert GOLDEN[name]["object"]["url"] in found.links
    if story.picture:
        assert found.pictures[0][1] == "People at a table"
    assert found.kind == ("event" if peer in CALENDARS else "post")


@pytest.mark.parametrize(("name", "story"), stories("event-", EVENTS))
def test_ap_65_a_grandmother_on_mastodon_sees_it_all_at_once(name: str, story: Story) -> None:
    found = seen("Mastodon", name)
    assert found.warning == ""
    assert found.title.startswith(story.words[0])
    when_and_where, _, teaser = found.text.partition("\n")
    for word in story.words[1:]:
        assert word in (teaser if word == EVENTS["timed"].words[-1] else when_and_where)
    assert len(teaser) <= 300
    assert "<" not in found.text.replace("<Zum", "")


@pytest.mark.parametrize("peer", CALENDARS)
@pytest.mark.parametrize(("name", "story"), stories("event-", EVENTS))
def test_ap_65_a_calendar_shows_when_on_the_clock_of_the_place(
    peer: str, name: str, story: Story
) -> None:
    found, said = seen(peer, name), GOLDEN[name]["object"]
    assert (found.starts, found.ends or said["endTime"]) == (said["startTime"], said["endTime"])
    place = story.body.get("location", "")
    assert found.where.startswith(place.partition(", ")[0])
    if name == "event-open-end" and peer == "Mobilizon":
        assert found.ends == ""


@pytest.mark.parametrize("peer", NOTES_ONLY)
@pytest.mark.parametrize("name", [f"event-{name}" for name in EVENTS])
def test_ap_65_who_shows_no_events_shows_none(peer: str, name: str) -> None:
    assert look(peer, GOLDEN[name]) == "Event is not shown"


@pytest.mark.parametrize("peer", EDITS_SHOWN)
@pytest.mark.parametrize("name", [name for name, story in EVENTS.items() if story.later])
def test_ap_65_a_changed_event_reads_anew(peer: str, name: str) -> None:
    tells(seen(peer, f"event-{name}-updated"), EVENTS[name].later[1:])
    found = seen(peer, f"event-{name}-updated")
    if peer in CALENDARS:
        assert EVENTS[name].later[0] in found.title


@pytest.mark.parametrize("peer", ["Mastodon", *NOTES_ONLY])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cancelled", ("Cancelled: Repair café at the Linden yard", "Sat 15 Sep 2040")),
        ("postponed", ("Postponed: Repair café at the Linden yard", "Sat 15 Sep 2040")),
        ("rescheduled", ("New time: Repair café", "Sat 22 Sep 2040, 15:00–18:00", "Linden yard")),
        ("moved-online", ("Online: Repair café", "Sat 15 Sep 2040")),
    ],
)
def test_ap_65_who_shows_no_edits_of_events_gets_a_note(
    peer: str, name: str, words: tuple[str, ...]
) -> None:
    assert isinstance(look(peer, GOLDEN[f"event-{name}-updated"]), str)
    found = seen(peer, f"event-{name}-news")
    tells(found, words)
    assert found.warning == ""
    if name == "moved-online":
        assert "Linden yard ·" not in found.text
        assert "· Linden yard" not in found.text


def test_ap_65_where_an_event_moved_away_from_nobody_is_sent() -> None:
    for peer in CALENDARS:
        assert "Linden" not in seen(peer, "event-moved-online-updated").where


@pytest.mark.parametrize("peer", [*BLOGS, *NOTES_ONLY, "Friendica"])
@pytest.mark.parametrize(("name", "story"), stories("", LISTINGS))
def test_ap_65_an_offer_or_want_is_a_post_without_a_warning(
    peer: str, name: str, story: Story
) -> None:
    found = seen(peer, name)
    assert (found.kind, found.warning) == ("post", "")
    tells(found, story.words)
    assert GOLDEN[name]["object"]["url"] in found.links
    if story.picture:
        assert found.pictures[0][1] == "People at a table"
    if story.later:
        tells(seen(peer, f"{name}-updated"), story.later)


@pytest.mark.parametrize("peer", ["Mobilizon", "Gancio"])
@pytest.mark.parametrize("name", LISTINGS)
def test_ap_65_calendars_drop_offers_without_harm(peer: str, name: str) -> None:
    assert isinstance(look(peer, GOLDEN[name]), str)


@pytest.mark.parametrize("peer", READERS)
@pytest.mark.parametrize(("name", "story"), stories("news-", NEWS))
def test_ap_65_news_tell_title_text_picture_and_link(peer: str, name: str, story: Story) -> None:
    found = seen(peer, name)
    assert found.kind == "post"
    tells(found, story.words)
    assert GOLDEN[name]["object"]["url"] in found.links
    if story.picture:
        assert found.pictures[0][1] == "People at a table"


@pytest.mark.parametrize(("name", "story"), stories("news-", NEWS))
def test_ap_65_news_on_mastodon_are_a_title_and_their_beginning(name: str, story: Story) -> None:
    found = seen("Mastodon", name)
    assert (found.warning, found.title[:10]) == ("", story.words[0][:10])
    assert 0 < len(found.text) <= 300
    assert story.words[0] not in found.text


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer not in {"Gancio", "Lemmy"}])
def test_ap_65_an_answer_reaches_who_asked(peer: str) -> None:
    public, private = seen(peer, "answer-public"), seen(peer, "answer-private")
    assert (public.kind, private.kind) == ("reply", "private")
    for found in (public, private):
        assert "@ada Yes, & cake." in found.text


@pytest.mark.parametrize("name", ["event-withdrawn-deleted", "offer-withdrawn-deleted"])
@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer != "Lemmy"])
def test_ap_65_what_is_withdrawn_goes_everywhere_it_was(peer: str, name: str) -> None:
    kept = isinstance(look(peer, GOLDEN[name.removesuffix("-deleted")]), Seen)
    if kept:
        assert seen(peer, name).kind == "gone"


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer != "Lemmy"])
@pytest.mark.parametrize("name", making.CHANNELS)
def test_ap_65_our_actors_can_be_found_and_followed(peer: str, name: str) -> None:
    found = seen(peer, f"actor-{name}")
    assert found.kind == "profile"
    assert found.title.startswith("Hub")


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", ["accept", "reject", "follow", "unfollow"])
def test_ap_65_answers_to_follows_show_nothing(peer: str, name: str) -> None:
    assert seen(peer, name).kind == "quiet"


# --------------------------------------------------------- the models see what is wrong, too


def spoiled(name: str, path: str, value: Any) -> dict[str, Any]:
    """A golden document with one member otherwise; `path` such as `object.type`."""
    document = deepcopy(GOLDEN[name])
    place: Any = document
    *way, last = path.split(".")
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("peer", "name", "path", "value", "reason"),
    [
        ("GoToSocial", "offer-gift", "object.type", ["Note"], "the type is not one string"),
        ("GoToSocial", "offer-gift", "object.type", "Proposal", "500 for a Proposal"),
        ("GoToSocial", "offer-gift", "object.updated", "2026", "changed before it was published"),
        ("snac2", "offer-gift", "object.name", "Bike", "taken for a vote"),
        ("Mastodon", "offer-gift", "@context", [], "not ActivityStreams"),
        ("Mastodon", "offer-gift", "object.type", "Proposal", "Proposal is not shown"),
        ("Mastodon", "offer-taken-updated", "object.updated", "2026", "the edit is not newer"),
        ("Mastodon", "answer-private", "object.tag", [], "a direct post that mentions nobody"),
        ("Mastodon", "offer-gift", "object.attributedTo", [], "the author is not one string"),
        ("Mobilizon", "event-timed", "object.joinMode", "none", "voided by joinMode none"),
        ("Mobilizon", "event-timed", "object.location", [], "crashes at several locations"),
        ("Mobilizon", "event-timed", "object.status", {}, "crashes at a status"),
        ("Mobilizon", "event-timed", "object.name", "Go", "the title is too short"),
        ("Mobilizon", "actor-events", "type", "Person", "a Person cannot be followed"),
        ("Gancio", "event-timed", "object.location", "Linden", "400 for a location"),
        ("Gancio", "event-rich", "object.attachment", {}, "attachment is not an array"),
        ("Gancio", "event-rich", "object.attachment.1.mediaType", None, "throws at an attachment"),
        ("Gancio", "event-withdrawn-deleted", "object.formerType", None, "deletes nothing"),
        ("Misskey", "offer-gift", "object.content", "x" * 70_000, "413"),
        ("Misskey", "event-timed", "object.url", "http://hub.example/", "the page is not https"),
        ("Takahe", "event-rich", "object.attachment.1.type", "Event", "lost by an attachment"),
    ],
)
def test_ap_65_a_model_refuses_what_its_peer_refuses(
    peer: str, name: str, path: str, value: Any, reason: str
) -> None:
    assert isinstance(look(peer, GOLDEN[name]), Seen)
    found = look(peer, spoiled(name, path, value))
    assert isinstance(found, str)
    assert found.startswith(reason)


@pytest.mark.parametrize(
    ("peer", "path", "value", "lost"),
    [
        ("Mastodon", "object.summary", None, "Sat 15 Sep 2040"),
        ("Mastodon", "object.name", None, "Repair café"),
        ("GoToSocial", "object.content", "<p>Come</p>", "Repair café"),
        ("Mobilizon", "object.location.latitude", 51, "@51"),
    ],
)
def test_ap_65_a_model_loses_what_its_peer_loses(
    peer: str, path: str, value: Any, lost: str
) -> None:
    assert lost in seen(peer, "event-timed").words
    found = look(peer, spoiled("event-timed", path, value))
    assert isinstance(found, Seen)
    assert lost not in found.words


def test_the_table_in_the_documentation_is_true() -> None:
    page = table.page_with(table.block(GOLDEN))
    if making.updating():
        table.PAGE.write_text(page, encoding="utf-8")
    assert table.PAGE.read_text(encoding="utf-8") == page, "run `make golden`"
