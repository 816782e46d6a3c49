"""A hub with something of every kind in it, each text a word that occurs nowhere else.

Each of these canaries says who may meet it (SECURITY D1). What is written into the database by hand
is what the program would have written, or more: what was deleted still has its words, so that only
the predicate of who sees what stands between them and a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.areas import service as areas
from hub.areas.schemas import AreaDraft
from hub.core.clock import now
from hub.core.db import Base
from hub.core.text import RULES_VERSION
from hub.directory.models import Organisation, Place
from hub.entries.models import (
    HELD,
    HIDDEN,
    SHOWN,
    Entry,
    Picture,
    Quote,
    Reaction,
    Reply,
    ReplyTag,
)
from hub.entries.search import search_text
from hub.events.models import Attendance, Event, Series
from hub.exchange.models import AGREED, ASKED, Backer, Loan, Match, MatchMessage, Offer
from hub.fediverse.models import (
    Announcement,
    Backfill,
    Delivery,
    Fact,
    Follow,
    InboxActivity,
    OutboxActivity,
    Peer,
    Receipt,
    Ruling,
    Tombstone,
)
from hub.feeds.models import FollowedCalendar, Import, ImportChange, ImportedItem
from hub.jobs.models import ClockRun, Job
from hub.leaving import parcels
from hub.leaving.models import Farewell, FarewellThing, Parcel
from hub.mail.models import Mail
from hub.news.models import Article, Consent
from hub.people import secrets
from hub.people.models import (
    Begun,
    Idempotency,
    KeptSearch,
    MastodonAccount,
    MastodonApp,
    Passkey,
    Person,
    SearchHit,
    Session,
    SignInLink,
    Submission,
    Told,
)
from hub.people.service import make_link
from hub.push import vapid
from hub.push.models import Subscription
from hub.setup.models import Setting, SettingChange
from hub.trust.models import ServerList
from tests import judged, neighbours, records
from tests.conftest import Running
from tests.neighbours import Neighbour
from tests.onlookers import ENTRUSTED, EVERYBODY, LOOKING_AFTER, NOBODY, RESIDENTS, ROLES

WORD: Final = "kanari"  # all of them begin so: whoever searches for it finds what they may find
FAR, BAD, QUIET = "far.example", "bad.example", "quiet.example"
LATER: Final = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)

KINDS: Final[dict[str, dict[str, Any]]] = {
    "events": {"starts_at": LATER.isoformat(), "joining": "restricted"},
    "offers": {"kind": "item", "mode": "lend"},
    "wants": {"kind": "item", "mode": "lend"},
    "news": {},
    "places": {},
    "organisations": {},
}
RECORDS: Final = ("places", "organisations")


@dataclass
class World:
    """The hub, who is there, what each canary is and who may meet it, and ids by what they name."""

    hub: Running
    people: dict[str, Neighbour] = field(default_factory=dict)
    seen_by: dict[str, frozenset[str]] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    ids: dict[str, UUID] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    cards: list[str] = field(default_factory=list)  # what waits for moderators

    def sing(self, about: str, *viewers: str) -> str:
        """A new canary for these viewers."""
        canary = f"{WORD}{len(self.about):03d}x"
        self.seen_by[canary] = _viewers(*viewers)
        self.about[canary] = about
        return canary

    def id_of(self, name: str) -> UUID:
        return self.ids[name]


def _viewers(*names: str) -> frozenset[str]:
    found = {*names, "apprentice"} if "steward" in names else set(names)
    return frozenset("steward" if name == ENTRUSTED else name for name in found)


async def world(hub: Running) -> World:
    """All of it, in a hub that was empty."""
    made = World(hub)
    for name, role in ROLES.items():
        made.people[name] = await neighbours.person(hub, made.sing(f"name of {name}"), role)
    await _own_entries(made)
    await vapid.key(hub.services)  # else the first who looks at their page has it made
    async with hub.services.db.write() as session:
        await _persons(made, session)
        await _servers(made, session)
        await _change_states(made, session)
        await _of_elsewhere(made, session)
        await session.flush()
        await _replies(made, session)
        await _matches(made, session)
        await _coming(made, session)
        await _submissions(made, session)
        await _letters(made, session)
        await _feeds(made, session)
        await _traffic(made, session)
        await judged.decisions(made, session)
        await _ways_in(made, session)
        await _searches(made, session)
        await _areas(made, session)
        await _leavers(made, session)
    return made


# --------------------------------------------------------------------------------- entries


def _texts(made: World, what: str, title: tuple[str, ...], rest: tuple[str, ...]) -> dict[str, str]:
    words = made.sing(f"the words of {what}", *rest)
    return {
        "title": made.sing(f"the title of {what}", *title),
        "description": f"{words} and more",
        "location": f"{made.sing(f'the place of {what}', *rest)} 7",
    }


async def _own_entries(made: World) -> None:
    """What the owner posted by program: public, for the hub, private; hidden and deleted later."""
    states: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
        "public": ("public", EVERYBODY, EVERYBODY),
        "hub": ("hub", RESIDENTS, RESIDENTS),
        "private": ("private", ("owner", ENTRUSTED), ("owner", ENTRUSTED)),
        "hidden": ("public", ("owner", *LOOKING_AFTER), NOBODY),
        "deleted": ("public", NOBODY, NOBODY),
    }
    for folder, members in KINDS.items():
        for state, (visibility, title, rest) in states.items():
            what = f"{state} {folder}"
            given = {**members, **_texts(made, what, title, rest), "visibility": visibility}
            if folder in RECORDS:
                given |= records.words(made, what, *rest)
            elif folder != "news":
                given["price"] = made.sing(f"the price of {what}", *rest)
            if folder == "events":
                given["organiser"] = made.sing(f"the organiser of {what}", *rest)
                given["access"] = made.sing(f"the access of {what}", *rest)
                given["bring"] = [made.sing(f"what to bring to {what}", *rest)]
            answer = await neighbours.post(made.hub, folder, made.people["owner"], **given)
            made.ids[what] = UUID(answer["id"])
    want = {**KINDS["wants"], **_texts(made, "a neighbour's want", EVERYBODY, EVERYBODY)}
    made.ids["a neighbour's want"] = UUID(
        (await neighbours.post(made.hub, "wants", made.people["neighbour"], **want))["id"]
    )


async def _change_states(made: World, session: AsyncSession) -> None:
    for what, entry_id in made.ids.items():
        change: dict[str, Any] = {}
        if what.startswith("hidden "):
            change = {"hidden_at": now()}
        elif what.startswith("deleted "):
            change = {"deleted_at": now()}
        await session.execute(
            update(Entry).where(Entry.id == entry_id).values(own_box=True, **change)
        )
    series = Series(
        rule="FREQ=WEEKLY;COUNT=3",
        starts_at=LATER,
        timezone="Europe/Berlin",
        draft={"title": made.sing("the draft of a series")},
    )
    session.add(series)
    await session.flush()
    made.ids["series"] = series.id
    events = Base.metadata.tables["event"]
    for step, state in enumerate(("public", "hub", "deleted")):
        await session.execute(
            update(events)
            .where(events.c.id == made.ids[f"{state} events"])
            .values(series_id=series.id, occurs_at=LATER + timedelta(weeks=step))
        )


def _entry(
    made: World, kind: type[Any], author: Actor, what: str, *viewers: str, **more: Any
) -> Any:
    """A row as it came from elsewhere, or as it was written by hand."""
    title = made.sing(f"the title of {what}", *more.pop("title_for", viewers))
    words = made.sing(f"the words of {what}", *more.pop("words_for", viewers))
    place = made.sing(what, *viewers)
    entry_id = made.ids[what] = uuid4()
    given = {
        "id": entry_id,
        "uri": f"https://{author.authority}/things/{entry_id}",
        "url": f"https://{author.authority}/things/{entry_id}",
        "author_id": author.id,
        "origin": author.authority,
        "title": title,
        "summary": words,
        "content": f"<p>{words}</p>",
        "cleaned_by": RULES_VERSION,
        "happens_at": LATER,
        "place": place,
        "tags": [words],
        "search_text": search_text(title, (words,), (words,), place),
        "status": "scheduled",
        "published_at": now(),
        **more,
    }
    return kind(**given)


async def _of_elsewhere(made: World, session: AsyncSession) -> None:
    actors = {row.authority: row for row in (await session.scalars(select(Actor))).all()}
    picture = Picture(
        url=f"https://{FAR}/picture.png",
        alt=made.sing("the words of a picture of elsewhere", *EVERYBODY),
        media_type="image/png",
    )
    session.add(picture)
    await session.flush()
    made.ids["picture"] = picture.id
    times = {"starts_at": LATER, "timezone": "Europe/Berlin", "relevant_until": LATER}
    far, listing = actors[FAR], {"item_kind": "item", "mode": "lend", "status": "open"}
    silenced = {**times, "title_for": LOOKING_AFTER, "words_for": LOOKING_AFTER}
    gone = Actor(
        uri=f"https://{FAR}/people/gone",
        kind="Person",
        name="gone",
        authority=FAR,
        display_name=made.sing("the name of somebody who is barred"),
        inbox=f"https://{FAR}/inbox",
        suspended_at=now(),
    )
    session.add(gone)
    await session.flush()
    made.ids["barred"] = gone.id
    listed = {"status": "listed"}
    session.add(await records.asked(made, session))
    session.add_all(
        (
            _entry(made, Event, far, "an event of elsewhere", *EVERYBODY, picture_id=picture.id,
                   online_url="https://far.example/online", **times),
            _entry(made, Offer, far, "an offer of elsewhere", *EVERYBODY, **listing),
            _entry(made, Article, far, "news of elsewhere", *EVERYBODY, status="published"),
            _entry(made, Place, far, "a place of elsewhere", *EVERYBODY, **listed),
            _entry(made, Organisation, far, "an organisation of elsewhere", *EVERYBODY, **listed),
            _entry(made, Event, actors[BAD], "an event of a blocked server", **times),
            _entry(made, Event, actors[QUIET], "an event of a silenced server", **silenced),
            _entry(made, Event, gone, "an event of somebody who is barred", **times),
        )
    )  # fmt: skip


# ---------------------------------------------------------------------------------- people


async def _persons(made: World, session: AsyncSession) -> None:
    for name, who in made.people.items():
        person = await session.get_one(Person, who.id)
        made.ids[f"person {name}"] = who.id
        _allow(made, person.name, name, "steward")
        if name == "neighbour":  # who says that a place is theirs
            _allow(made, person.name, "bearer")
        if name == "guest":  # whose post waits for somebody to decide
            _allow(made, person.name, "moderator")
        mail = made.sing(f"the e-mail address of {name}", name, "steward")
        person.email = f"{mail}@mail.example"
        person.interests = [made.sing(f"the interests of {name}", name)]
        person.letter_place = made.sing(f"where the letter of {name} is about", name)
        person.entrusted_at = now() if name == "steward" else None
        person.stop_secret = made.secrets[f"stop {name}"] = secrets.new_link()
        await session.execute(
            update(Session)
            .where(Session.person_id == who.id)
            .values(device=made.sing(f"the device of {name}", name))
        )
        session.add(
            Told(
                person_id=who.id,
                item=f"reply /{name}",
                digest=secrets.digest(name),
                subject=made.sing(f"what {name} is told"),
                lines=[made.sing(f"what {name} is told at length")],
                path="/",
            )
        )
    owner = made.people["owner"]
    link = await make_link(session, made.hub.url, person_id=owner.id)
    made.secrets["sign in"] = link.rpartition("/")[2]
    session.add(
        SignInLink(
            digest=secrets.digest("invitation"),
            role="member",
            email=f"{made.sing('the address of an invitation')}@mail.example",
            expires_at=LATER,
            made_by=made.people["steward"].id,
        )
    )
    session.add(
        Idempotency(
            key="once",
            person_id=owner.id,
            request_digest="x",
            status=201,
            body=made.sing("an answer that is kept").encode(),
        )
    )
    article = made.ids["hub news"]
    for_them = ("owner", "steward")
    session.add(
        Consent(
            entry_id=article, picture="x", name=made.sing("who said that those agree", *for_them)
        )
    )


def _allow(made: World, text: str, *viewers: str) -> None:
    made.seen_by[text] = made.seen_by[text] | _viewers(*viewers)


# --------------------------------------------------------------------------------- servers


async def _servers(made: World, session: AsyncSession) -> None:
    session.add_all(
        (
            Peer(
                host=FAR,
                software=made.sing("the software of a server", *LOOKING_AFTER),
                last_error=made.sing("what went wrong with a server", *LOOKING_AFTER),
                failures=3,
            ),
            Peer(host=BAD, standing="blocked"),
            Peer(host=QUIET, standing="silenced"),
        )
    )
    read = ServerList(
        source=made.sing("the source of a list of servers", *LOOKING_AFTER),
        words=[{"host": FAR, "comment": made.sing("why a list names a server", *LOOKING_AFTER)}],
        refused=[
            {"line": 1, "text": made.sing("a line of a list", *LOOKING_AFTER), "why": "no name"}
        ],
    )
    session.add(read)
    for host, standing in ((BAD, "blocked"), (QUIET, "silenced")):
        why = made.sing(f"why {host} is {standing}", *LOOKING_AFTER)
        session.add(Ruling(host=host, standing=standing, comment=why))
    await session.flush()
    made.ids["list of servers"] = read.id
    events = await _channel(session, "events")
    for host in (FAR, BAD, QUIET):
        viewers = EVERYBODY if host == FAR else NOBODY
        session.add(
            Actor(
                id=made.ids.setdefault(f"actor of {host}", uuid4()),
                uri=f"https://{host}/people/ada",
                kind="Person",
                name=f"ada-{host.partition('.')[0]}",
                authority=host,
                display_name=made.sing(f"the name of somebody of {host}", *viewers),
                summary=made.sing(f"what somebody of {host} says of themselves"),
                url=f"https://{host}/@ada",
                inbox=f"https://{host}/inbox",
                document=made.sing(f"the document of somebody of {host}").encode(),
            )
        )
    await session.flush()
    follow = Follow(
        uri=f"https://{FAR}/follows/1",
        follower_id=made.ids[f"actor of {FAR}"],
        followee_id=events.id,
        state="accepted",
        created_at=now() - timedelta(days=9),
    )
    session.add(follow)
    await session.flush()
    made.ids["follow"] = follow.id
    error = made.sing("why the past of a server cannot be read")
    session.add(Backfill(follow_id=follow.id, collection="outbox", tried=1, error=error))


async def _areas(made: World, session: AsyncSession) -> None:
    """A channel that passes on whatever it may."""
    title = made.sing("the title of a channel of an area", *EVERYBODY)
    summary = made.sing("what a channel of an area says of itself", *EVERYBODY)
    draft = AreaDraft(name="valley", title=title, summary=summary)
    await areas.make(session, made.hub.services, draft)


async def _channel(session: AsyncSession, name: str) -> Actor:
    return (await session.scalars(select(Actor).where(Actor.local, Actor.name == name))).one()


# --------------------------------------------------------------------------------- replies


async def _replies(made: World, session: AsyncSession) -> None:
    far = await session.get_one(Actor, made.ids[f"actor of {FAR}"])
    offers = await _channel(session, "offers")
    board = await _channel(session, "board")
    public, hub = made.ids["public events"], made.ids["hub events"]
    offer = made.ids["public offers"]
    all_of_them: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
        "a reply": (EVERYBODY, {"entry_id": public}),
        "a reply in the hub": (RESIDENTS, {"entry_id": hub}),
        "a reply that waits": (LOOKING_AFTER, {"entry_id": public, "state": HELD}),
        "a reply that is hidden": (LOOKING_AFTER, {"entry_id": public, "state": HIDDEN}),
        "a private message": (LOOKING_AFTER, {"channel_id": offers.id, "public": False}),
        "a private message to the owner": (
            ("owner",),
            {"entry_id": offer, "public": False, "person_id": made.people["owner"].id},
        ),
        "a private message that was reported": (
            ("owner", *LOOKING_AFTER),
            {
                "entry_id": offer,
                "public": False,
                "person_id": made.people["owner"].id,
                "reported_at": now(),
            },
        ),
        "a post on the board": (EVERYBODY, {"channel_id": board.id}),
    }
    for what, (viewers, given) in all_of_them.items():
        _reply(made, session, far, what, *viewers, **given)
    await session.flush()
    ours = {"from_us": True, "entry_id": public}
    above = {"answers_id": made.ids["a private message"], "public": False}
    author = await _channel(session, "events")
    _reply(made, session, author, "our answer", *EVERYBODY, **ours)
    _reply(made, session, author, "our answer in the hub", *RESIDENTS, **{**ours, "entry_id": hub})
    _reply(made, session, author, "our private answer", *LOOKING_AFTER, **{**ours, **above})
    session.add_all(ReplyTag(reply_id=made.ids[what], tag=WORD) for what in all_of_them)
    row = await session.get_one(Reply, made.ids["a post on the board"])
    session.add(
        Announcement(
            uri=f"{made.hub.url}/announces/{uuid4()}",
            actor_id=board.id,
            object_uri=row.uri,
            author_id=far.id,
            activity=orjson.dumps({"content": made.sing("an activity that was passed on")}),
            said_at=now(),
        )
    )
    session.add(Reaction(uri=f"https://{FAR}/l/1", entry_id=public, actor_uri=far.uri, kind="like"))
    for state in ("public", "hidden"):
        number = made.ids[f"quote of {state}"] = uuid4()
        session.add(
            Quote(
                id=number,
                uri=f"{made.hub.url}/quotes/{number}",
                entry_id=made.ids[f"{state} events"],
                author_id=far.id,
                quoting=f"https://{FAR}/notes/{state}",
            )
        )


def _reply(
    made: World, session: AsyncSession, author: Actor, what: str, *viewers: str, **given: Any
) -> None:
    words = made.sing(what, *viewers)
    number = made.ids[what] = uuid4()
    host = made.hub.url if author.local else f"https://{author.authority}"
    uri = f"{host}/replies/{number}"
    document = {"id": uri, "type": "Note", "content": words, "attributedTo": author.uri}
    row = {"id": number, "uri": uri, "url": uri, "author_id": author.id, "public": True, **given}
    session.add(
        Reply(
            content=f"<p>{words}</p>",
            cleaned_by=RULES_VERSION,
            document=orjson.dumps(document),
            published_at=now(),
            **{"state": SHOWN, **row},
        )
    )


# --------------------------------------------------------------------------------- matches


async def _matches(made: World, session: AsyncSession) -> None:
    want = made.ids["a neighbour's want"]
    agreed, asked = uuid4(), uuid4()
    made.ids |= {"match": agreed, "match with what is hidden": asked}
    session.add(
        Match(
            id=agreed,
            offer_id=made.ids["hub offers"],
            want_id=want,
            score=1,
            state=AGREED,
            asked_by="offer",
            asked_at=now(),
            agreed_at=now(),
            offer_reasons=[made.sing("why a want fits", "owner")],
            want_reasons=[made.sing("why an offer fits", "neighbour")],
        )
    )
    session.add(
        Match(
            id=asked,
            offer_id=made.ids["hidden offers"],
            want_id=want,
            score=1,
            state=ASKED,
            asked_by="want",
            asked_at=now(),
        )
    )
    await session.flush()
    both = ("owner", "neighbour")
    for what, viewers, reported in (
        ("what two say", both, None),
        ("what two say, reported", (*both, "steward"), now()),
    ):
        number = made.ids[what] = uuid4()
        text = made.sing(what, *viewers)
        session.add(
            MatchMessage(id=number, match_id=agreed, side="want", text=text, reported_at=reported)
        )
    session.add(Backer(listing_id=want, person_id=made.people["reader"].id))
    session.add(
        Loan(
            listing_id=made.ids["public offers"],
            borrower=made.sing("who has it", "owner"),
            due_at=LATER,
        )
    )
    await session.execute(
        update(Entry).where(Entry.id == made.ids["public offers"]).values(status="promised")
    )


async def _coming(made: World, session: AsyncSession) -> None:
    event = made.ids["public events"]
    await session.execute(update(Entry).where(Entry.id == event).values(counted=True))
    organisers = ("owner", "steward")
    whose: dict[str, dict[str, Any]] = {
        "guest": {"email": f"{made.sing('the address of who comes', *organisers)}@mail.example"},
        "neighbour": {"person_id": made.people["neighbour"].id},
        "elsewhere": {"actor_id": made.ids[f"actor of {FAR}"]},
        "unconfirmed": {"email": f"{made.sing('who did not confirm')}@mail.example"},
    }
    for who, given in whose.items():
        viewers = NOBODY if who == "unconfirmed" else organisers
        themselves = ("bearer",) if who == "guest" else ()
        secret = made.secrets[f"coming {who}"] = secrets.new_link()
        number = made.ids[f"coming {who}"] = uuid4()
        session.add(
            Attendance(
                id=number,
                event_id=event,
                name="" if "actor_id" in given else made.sing(f"the name of {who}", *viewers),
                message=made.sing(f"what {who} says", *viewers, *themselves),
                state="unconfirmed" if who == "unconfirmed" else "accepted",
                secret=secret,
                **given,
            )
        )


# ----------------------------------------------------------------------------- submissions


async def _submissions(made: World, session: AsyncSession) -> None:
    """A post by somebody without an account, and a draft whose letter was not opened."""
    guest = made.people["guest"]
    deciding = ("guest", "bearer", *LOOKING_AFTER)
    wants = await _channel(session, "wants")
    entry = _entry(
        made, Offer, wants, "a post that waits", "guest", *LOOKING_AFTER,
        title_for=deciding, origin="", owner_id=guest.id, visibility="private",
        own_box=True, item_kind="item", mode="lend", status="open",
    )  # fmt: skip
    entry.uri = entry.url = f"{made.hub.url}/offers/{entry.id}"
    session.add(entry)
    await session.flush()
    link = made.secrets["mine"] = secrets.new_link()
    page, other = secrets.new_link(), secrets.new_link()
    made.secrets["draft"] = page
    submission = made.ids["submission"] = uuid4()
    session.add(
        Submission(
            id=submission,
            kind="offer",
            page_digest=secrets.digest(other),
            link_digest=secrets.digest(link),
            email=f"{made.sing('the address of who posted')}@mail.example",
            expires_at=LATER,
            person_id=guest.id,
            entry_id=entry.id,
            confirmed_at=now(),
        )
    )
    fields = {
        "title": [made.sing("the title of a draft", "bearer")],
        "description": [made.sing("the words of a draft", "bearer")],
        "kind": ["item"],
        "mode": ["lend"],
        "visibility": ["public"],
    }
    session.add(
        Submission(
            kind="offer",
            fields=fields,
            page_digest=secrets.digest(page),
            email=f"{made.sing('the address of who drafts')}@mail.example",
            expires_at=LATER,
        )
    )


async def _letters(made: World, session: AsyncSession) -> None:
    content = {"lines": [made.sing("the words of a letter")], "button": "Look"}
    for what, given in {
        "a letter": {},
        "a letter that failed": {"given_up_at": now(), "last_error": "refused"},
    }.items():
        for_them = ("steward",)
        link = "" if given else f"{made.hub.url}/{made.sing(f'the link of {what}', *for_them)}"
        mail = made.sing(f"the address of {what}", *(NOBODY if given else for_them))
        session.add(
            Mail(
                recipient=f"{mail}@mail.example",
                subject=made.sing(f"the subject of {what}", *for_them),
                link=link,
                content=content,
                expires_at=LATER,
                **given,
            )
        )


# -------------------------------------------------------------------------- feeds, traffic


async def _feeds(made: World, session: AsyncSession) -> None:
    for_them = ("steward",)
    calendar = FollowedCalendar(
        url=f"https://{made.sing('the address of a calendar', *for_them)}.example/a.ics",
        title=made.sing("the title of a calendar", *for_them),
        trouble=made.sing("why a calendar failed", *for_them),
        person_id=made.people["steward"].id,
        next_run_at=LATER,
        needs=[
            {
                "key": "k",
                "title": made.sing("what a calendar needs", *for_them),
                "when": LATER.isoformat(),
                "words": made.sing("why it needs somebody", *for_them),
                "path": "/events",
            }
        ],
        validators={"if-none-match": made.sing("the version of a calendar")},
    )
    run = Import(kind="csv", source=made.sing("the source of an import"))
    session.add_all((calendar, run))
    await session.flush()
    made.ids["calendar"] = calendar.id
    item = ImportedItem(
        source=made.sing("the source of a row"),
        key=made.sing("the key of a row"),
        entry_id=made.ids["public offers"],
        fingerprint="x",
    )
    session.add(item)
    await session.flush()
    session.add(
        ImportChange(
            import_id=run.id,
            item_id=item.id,
            entry_id=made.ids["public offers"],
            before={"title": made.sing("what a row was before")},
        )
    )


async def _traffic(made: World, session: AsyncSession) -> None:
    events = await _channel(session, "events")
    private = OutboxActivity(
        uri=f"{made.hub.url}/actors/events#creates/1",
        actor_id=events.id,
        type="Create",
        object_uri=f"{made.hub.url}/replies/{made.ids['our private answer']}",
        body=orjson.dumps({"content": made.sing("what we said privately")}),
        digest="x",
        public=False,
        listed=False,
        to_followers=False,
        to_receivers=False,
        inboxes=[f"https://{FAR}/inbox"],
        run_at=LATER,
        expanded_at=now(),
    )
    session.add(private)
    await session.flush()
    session.add_all(
        (
            Delivery(
                activity_id=private.id,
                object_uri=private.object_uri,
                inbox=f"https://{FAR}/inbox",
                host=FAR,
                run_at=LATER,
                last_error=made.sing("why a delivery failed", *LOOKING_AFTER),
            ),
            InboxActivity(
                uri=f"https://{FAR}/a/1",
                actor_uri=f"https://{FAR}/people/ada",
                host=FAR,
                trust="signer",
                body=orjson.dumps({"content": made.sing("what came in")}),
                actor_document=made.sing("who sent it").encode(),
                received_at=now(),
                run_at=None,
                state="failed",
                reason=made.sing("why it was not taken"),
            ),
            Job(
                name="made.up",
                arguments={"words": made.sing("what a job is about")},
                run_at=LATER,
                failed_at=now(),
                last_error=made.sing("why a job failed"),
            ),
            Fact(name="made up", value=made.sing("a fact")),
            Setting(name=made.sing("a setting"), value=f'"{made.sing("what was chosen")}"'),
            SettingChange(name=made.sing("which setting was changed", "steward")),
            Receipt(
                object_uri=f"{made.hub.url}/x", inbox=f"https://{FAR}/i", host=FAR,
                delivered_at=now(),
            ),
            Tombstone(uri=f"https://{FAR}/things/gone", former_type="Note"),
        )
    )  # fmt: skip


# ------------------------------------------------- reports, decisions, ways in, kept searches


async def _ways_in(made: World, session: AsyncSession) -> None:
    """The owner signs in by passkey and over Mastodon, and is told on a phone."""
    owner = made.people["owner"].id
    digest = (await session.scalars(select(Session.digest).where(Session.person_id == owner))).one()
    made.secrets["passkey"], made.secrets["phone"] = "a-credential", digest
    session.add_all(
        (
            Passkey(
                id=made.secrets["passkey"],
                person_id=owner,
                name=made.sing("the name of a passkey", "owner"),
                public_key=made.sing("the key of a passkey").encode(),
                sign_count=0,
            ),
            MastodonAccount(
                actor=f"https://{FAR}/people/{made.sing('who somebody is elsewhere')}",
                person_id=owner,
                handle=f"@{made.sing('what somebody is called elsewhere', 'owner', 'steward')}",
            ),
            MastodonApp(
                server=FAR,
                home=f"https://{FAR}",
                client_id="hub",
                client_secret=made.sing("the secret by which a server knows us").encode(),
                redirect_uri=f"{made.hub.url}/sign-in/mastodon/{FAR}",
                scope="profile",
                pkce=True,
            ),
            Begun(
                digest=secrets.digest("begun"),
                kind="mastodon",
                browser=secrets.digest("browser"),
                details={"verifier": made.sing("the secret of a way in that was begun")},
                expires_at=LATER,
            ),
            Subscription(
                session_digest=digest,
                endpoint=f"https://push.example/{made.sing('the address of a phone')}",
                key=made.sing("the key of a phone"),
                secret=made.sing("the secret of a phone"),
            ),
        )
    )


async def _searches(made: World, session: AsyncSession) -> None:
    number = made.ids["search"] = uuid4()
    session.add(
        KeptSearch(
            id=number,
            person_id=made.people["owner"].id,
            name=made.sing("the name of a kept search", "owner"),
            path="/search",
            query=f"q={made.sing('what somebody looks for', 'owner')}",
        )
    )
    await session.flush()
    session.add(SearchHit(search_id=number, entry_id=made.ids["public offers"]))


async def _leavers(made: World, session: AsyncSession) -> None:
    """The owner has a copy of what is theirs, and somebody left."""
    secret = made.secrets["left"] = secrets.new_link()
    number = made.ids["parcel"] = uuid4()
    file = parcels.path(made.hub.services, number)
    file.parent.mkdir()
    file.write_text(made.sing("a copy of all that is the owner's", "owner"))
    session.add(Parcel(id=number, person_id=made.people["owner"].id, made_at=now(), size=9))
    session.add(Farewell(digest=secrets.digest(secret)))
    session.add(ClockRun(name="made.up", ran_at=now(), gone=0))
    await session.flush()
    session.add(FarewellThing(digest=secrets.digest(secret), uri=f"{made.hub.url}/x"))


def counted(seen_by: Mapping[str, frozenset[str]]) -> int:
    """How many canaries there are that somebody must not meet."""
    return sum(1 for viewers in seen_by.values() if viewers < frozenset(EVERYBODY))
