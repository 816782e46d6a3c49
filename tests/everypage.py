"""Every page of a hub, in one list: what must hold on each, and what is photographed.

`furnish` fills a hub so that each has something to show. A page that is missing here fails
`tests/architecture/test_every_page.py`.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import httpx2

from tests.processes import HubProcess, eventually
from tests.visitor import card_in, csrf, path_in

if TYPE_CHECKING:  # the list alone is needed without a browser
    from playwright.async_api import BrowserContext, Page

Who = Literal["anybody", "steward"]
HTML = {"accept": "text/html"}
# Two, since few letters go to one address in an hour.
EVE, IDA = ({"Your e-mail address": f"{name}@mail.example"} for name in ("eve", "ida"))
SEND = "Send me the letter"
PUBLISH = "Publish the answer"
ASK = "E-mail me a link"
HANDLE, GO = "Your own address", "Go to my server"
DENIED = "/sign-in/mastodon/a.example?error=access_denied"
ASKED = "Which Mill Road is it, the one by the canal?"
LADDER = {"kind": "item", "mode": "lend", "location": "Mill Road"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, or a state of one.

    `path` may name things that `furnish` made: `{event}/edit`. `fill` are labels and what is
    entered there, `press` the button that is pressed then; `new` is a hub in which nothing is yet.
    """

    name: str
    path: str
    what: str
    who: Who = "anybody"
    fill: dict[str, str] = field(default_factory=dict)
    press: str = ""
    new: bool = False


READING = (
    Shown("home", "/", "The first page"),
    Shown("events", "/events", "Events as a list"),
    Shown("events-week", "/events?view=week&from={soon}", "Events of a week"),
    Shown("events-month", "/events?view=month&from={soon}", "Events of a month"),
    Shown("events-none", "/events?q=nothing-like-it", "No event fits"),
    Shown("event", "{event}", "An event"),
    Shown("event-repeating", "{repeating}", "An event that repeats"),
    Shown("swap", "/swap", "Offers and wants"),
    Shown("swap-offers", "/swap?show=offers", "Offers"),
    Shown("swap-none", "/swap?show=wants&q=nothing-like-it", "No want fits"),
    Shown("offer", "{offer}", "An offer"),
    Shown("want", "{want}", "A want"),
    Shown("news", "/news", "News"),
    Shown("news-none", "/news?q=nothing-like-it", "No news fits"),
    Shown("article", "{article}", "An article"),
    Shown("places", "/places", "Places"),
    Shown("places-none", "/places?access=captions&q=nothing-like-it", "No place fits"),
    Shown("place", "{place}", "A place"),
    Shown("organisations", "/organisations", "Organisations"),
    Shown("organisation", "{organisation}", "An organisation"),
    Shown("network", "/network", "Who works with whom"),
    Shown("network-none", "/network?q=nothing-like-it", "Nobody works together"),
    Shown("map", "/map", "The map"),
    Shown("map-none", "/map?tag=nothing-like-it", "Nothing on the map fits"),
    Shown("search", "/search", "Search"),
    Shown("search-results", "/search?q=linden", "What was found"),
    Shown("search-none", "/search?q=nothing-like-it", "Nothing was found"),
    Shown("channel", "/@events", "A channel that can be followed"),
    Shown("channel-empty", "/@board", "A channel that says nothing yet"),
    Shown("channel-area", "/@valley", "A channel of an area"),
    Shown("about", "/about", "About this hub"),
    Shown("about-moderation", "/about/moderation", "What moderators decided"),
    Shown("live", "/live/summerfair", "What is said under a hashtag"),
    Shown("about-mistake", "/about", "An address that is none", fill={HANDLE: "ann"}, press=GO),
    Shown("follow", "/about", "On to one's own server", fill={HANDLE: "@ann@a.example"}, press=GO),
    Shown("region", "/region", "The region at a glance"),
    Shown("more", "/more", "More"),
    Shown("display", "/display", "Text size and colours"),
    Shown("offline", "/offline", "No connection"),
    Shown("waiting", "/post/waiting", "What waits on this device"),
    Shown("missing", "/nothing-here", "A page that is missing"),
)  # fmt: skip
POSTING = (
    Shown("post", "/post", "What would you like to post?"),
    Shown("post-want", "/post/want", "A want, without an account"),
    Shown("post-offer", "/post/offer", "An offer, without an account"),
    Shown("post-event", "/post/event", "An event, without an account"),
    Shown("post-mistakes", "/post/want", "What is missing is said", press="Go on"),
    Shown("post-preview", "{draft}", "How it will look, here and on Mastodon"),
    Shown("post-sent", "{draft}", "The letter is on its way", fill=EVE, press=SEND),
    Shown("post-confirm", "{unconfirmed}", "The button in the letter"),
    Shown("post-mine", "{mine}", "What becomes of one's post"),
    Shown("coming", "{event}/coming", "I'm coming"),
    Shown("coming-answer", "{answer}", "One's answer"),
    Shown("sign-in", "/sign-in", "Sign in"),
    Shown("sign-in-sent", "/sign-in", "The link is on its way", fill=IDA, press=ASK),
    Shown("sign-in-link", "{link}", "The link in the letter"),
    Shown("sign-in-spent", "/sign-in/spent", "A link that was used"),
    Shown("sign-in-mastodon", DENIED, "Mastodon said no"),
    Shown("unsubscribe", "{stop}", "No more letters?"),
    Shown("unsubscribed", "{stopped}", "No more letters"),
    Shown("unsubscribe-weekly", "{stop}/weekly", "No more weekly letter?"),
    Shown("quiet", "{quiet}", "No more letters about an event?"),
    Shown("report", "{report}", "What is wrong with it?"),
    Shown("report-mistake", "{report}", "No reason is given", press="Report it"),
    Shown("report-sent", "{report}?said=thanks", "Thank you"),
    Shown("appeal", "{appeal}", "One's post was taken down"),
    Shown("question", "{question}", "The moderators ask its author"),
    Shown("still-true", "{true}", "Is it still true?"),
    Shown("claim", "{claim}", "Who looks after it?"),
)  # fmt: skip
PAPER = (
    Shown("paper-week", "/events/print?week={soon}", "A week on paper"),
    Shown(
        "paper-week-large", "/events/print?large=1&week={soon}", "A week on paper, in large print"
    ),
    Shown("paper-poster", "{event}/poster", "A poster"),
    Shown("embed", "/events/embed", "In a frame on another web site"),
)
SIGNED_IN = (
    Shown("me", "/me", "My page", "steward"),
    Shown("me-export", "/me/export", "A copy of all that is mine", "steward"),
    Shown("me-delete", "/me/delete", "Leaving", "steward"),
    Shown("left", "{left}", "One who left sees who deletes it"),
    Shown("welcome", "/welcome", "Somebody new says their name", "steward"),
    Shown("more-steward", "/more", "More, for stewards", "steward"),
    Shown("matches", "/matches", "Matches and requests", "steward"),
    Shown("match", "{match}", "Two people talk about a match", "steward"),
    Shown("my-want", "{my_want}", "One's own want, with what might fit", "steward"),
    Shown("article-steward", "{article}", "An article and its answers, for stewards", "steward"),
    Shown("answering", "{answering}", "An answer for everybody", "steward"),
    Shown("answering-mistake", "{answering}", "Nothing is answered", "steward", press=PUBLISH),
    Shown("event-steward", "{event}", "An event, for stewards", "steward"),
    Shown("event-edit", "{event}/edit", "Changing an event", "steward"),
    Shown("event-cancel", "{repeating}/cancel", "Calling off", "steward"),
    Shown("event-delete", "{event}/delete", "Deleting an event", "steward"),
    Shown("event-form", "/post/event", "Posting an event", "steward"),
    Shown("want-form", "/post/want", "Posting a want", "steward"),
    Shown("offer-edit", "{offer}/edit", "Changing an offer", "steward"),
    Shown("offer-lend", "{offer}/lend", "Lending", "steward"),
    Shown("offer-close", "{offer}/close", "It is settled", "steward"),
    Shown("offer-renew", "{offer}/renew", "Is it still true?", "steward"),
    Shown("offer-delete", "{offer}/delete", "Deleting an offer", "steward"),
    Shown("want-edit", "{want}/edit", "Changing a want", "steward"),
    Shown("want-renew", "{my_want}/renew", "Is it still wanted?", "steward"),
    Shown("want-close", "{want}/close", "It is found", "steward"),
    Shown("want-delete", "{want}/delete", "Deleting a want", "steward"),
    Shown("news-form", "/post/news", "Writing news", "steward"),
    Shown("news-edit", "{article}/edit", "Changing an article", "steward"),
    Shown("news-delete", "{article}/delete", "Deleting an article", "steward"),
    Shown("place-form", "/post/place", "Adding a place", "steward"),
    Shown("place-edit", "{place}/edit", "Changing a place", "steward"),
    Shown("place-delete", "{place}/delete", "Deleting a place", "steward"),
    Shown("organisation-form", "/post/organisation", "Adding an organisation", "steward"),
    Shown("organisation-edit", "{organisation}/edit", "Changing an organisation", "steward"),
    Shown("organisation-delete", "{organisation}/delete", "Deleting one", "steward"),
)
STEWARDS = (
    Shown("admin-today", "/admin", "What waits, and how the hub is", "steward"),
    Shown("admin-moderation", "/admin/moderation", "Something was reported", "steward"),
    Shown("admin-moderation-post", "{later}", "A post waits for a moderator", "steward"),
    Shown("admin-moderation-log", "/admin/moderation/log", "What was decided", "steward"),
    Shown("admin-moderation-rules", "/admin/moderation/rules", "House rules", "steward"),
    Shown("admin-block", "/admin/servers/block?host=bad.example", "Before a block", "steward"),
    Shown("admin-inbox", "/admin/inbox", "What waits for the stewards", "steward"),
    Shown("admin-inbox-all", "/admin/inbox?show=all", "All messages", "steward"),
    Shown("admin-hubs", "/admin/hubs", "Hubs that we follow", "steward"),
    Shown(
        "admin-hubs-wrong",
        "/admin/hubs",
        "A list that names no hub",
        "steward",
        fill={"Their addresses": "the one by the river"},
        press="See what they offer",
    ),
    Shown("admin-words", "/admin/hubs/oak.example/words", "What a hub calls things", "steward"),
    Shown("admin-servers", "/admin/servers", "Other hubs and servers", "steward"),
    Shown("admin-lists", "/admin/servers/lists", "Lists of servers", "steward"),
    Shown("admin-list", "{list}", "A list before it holds", "steward"),
    Shown("admin-waiting", "/admin/servers/waiting", "Servers that wait", "steward"),
    Shown("admin-one", "/admin/servers/one?host=bad.example", "One server", "steward"),
    Shown("admin-mode", "/admin/servers/mode", "How open the hub is", "steward"),
    Shown("admin-follow", "/authorize?uri=acct:events@oak.example", "Following a hub", "steward"),
    Shown("admin-region", "/admin/region", "The region in detail", "steward"),
    Shown("admin-areas", "/admin/areas", "Channels of the region", "steward"),
    Shown("admin-area", "/admin/areas/valley", "Changing a channel", "steward"),
    Shown("admin-area-end", "/admin/areas/valley/end", "Ending a channel", "steward"),
    Shown("admin-people", "/admin/people", "People", "steward"),
    Shown("admin-invitation", "/admin/people", "An invitation", "steward", press="Make a link"),
    Shown("admin-letters", "/admin/letters", "Letters", "steward"),
    Shown("admin-calendars", "/admin/calendars", "Calendars of groups", "steward"),
    Shown("admin-import", "/admin/import", "From a spreadsheet", "steward"),
    Shown("admin-import-none", "/admin/import", "No file", "steward", press="Look at it"),
    Shown("admin-extract", "/admin/extract", "From OpenStreetMap", "steward"),
    Shown("admin-extract-none", "/admin/extract", "No extract", "steward", press="Look at it"),
    Shown("admin-directory", "/admin/directory", "Looking after the directory", "steward"),
    Shown("admin-acts", "/admin/acts", "What was done", "steward"),
    Shown("admin-look", "/admin/look", "The look of the hub", "steward"),
    Shown("admin-closing", "/admin/closing", "Closing the hub", "steward"),
    Shown("admin-settings", "/admin/settings", "Settings", "steward"),
    Shown("admin-settings-mail", "/admin/settings/mail", "Settings: mail", "steward"),
    Shown("admin-settings-posting", "/admin/settings/posting", "Settings: who posts", "steward"),
    Shown(
        "admin-settings-look",
        "/admin/settings/area",
        "Settings, looked at before they are saved",
        "steward",
        fill={"Its middle": "51.4545, -2.5879"},
        press="Look at it first",
    ),
    Shown("admin-setup-begin", "/admin/setup/begin", "Something to begin with", "steward"),
    Shown(
        "admin-setup-invite",
        "/admin/setup/invite",
        "A link for neighbours",
        "steward",
        press="Make a link",
    ),
    Shown("admin-stranger", "/admin/people", "For stewards alone"),
)
NEW = (
    Shown("new-home", "/", "The first page of a new hub", new=True),
    Shown("new-home-steward", "/", "The same for its steward", "steward", new=True),
    Shown("new-events", "/events", "No event yet", new=True),
    Shown("new-swap", "/swap", "No offer or want yet", new=True),
    Shown("new-news", "/news", "No news yet", new=True),
    Shown("new-places", "/places", "No place yet", new=True),
    Shown("new-directory", "/admin/directory", "All was checked", "steward", new=True),
    Shown("new-me", "/me", "My page, before anything was posted", "steward", new=True),
    Shown("new-setup", "/admin/setup", "Setting a hub up", "steward", new=True),
    Shown("new-setup-name", "/admin/setup/name", "Its first step", "steward", new=True),
    Shown("new-today", "/admin", "The steward's first day", "steward", new=True),
    Shown("new-moderation", "/admin/moderation", "All is decided", "steward", new=True),
    Shown("new-moderation-log", "/about/moderation", "Nothing was decided yet", new=True),
    Shown("new-inbox", "/admin/inbox", "Nothing waits", "steward", new=True),
    Shown("new-hubs", "/admin/hubs", "No hub is followed", "steward", new=True),
    Shown("new-letters", "/admin/letters", "No letter waits", "steward", new=True),
)
GROUPS = {
    "Reading": READING,
    "Posting and coming along, without an account": POSTING,
    "On paper, and in a frame": PAPER,
    "Signed in": SIGNED_IN,
    "For stewards": STEWARDS,
    "A new hub": NEW,
}
EVERY = tuple(shown for group in GROUPS.values() for shown in group)


@dataclass
class Furnished:
    """A hub with something on every page: the paths of what is in it, and a steward's cookie."""

    url: str
    paths: dict[str, str]
    session: str

    async def sign_in(self, context: BrowserContext) -> None:
        """Let a browser be the steward's."""
        cookie: Any = {"name": "hub", "value": self.session, "url": self.url}
        await context.add_cookies([cookie])

    async def open(self, page: Page, shown: Shown) -> None:
        """Go to a page and bring it into its state."""
        answer = await page.goto(self.url + shown.path.format(**self.paths))
        assert answer is not None
        assert answer.status < 500, shown.name
        for label, value in shown.fill.items():
            await page.get_by_label(label).fill(value)
        if shown.press:
            await page.get_by_role("button", name=shown.press).first.click()
            await page.wait_for_load_state("load")


def furnish(hub: HubProcess, *, empty: bool = False) -> Furnished:
    """Move a neighbourhood in, and let somebody come by; `empty` lets only a steward in."""
    steward = _browser(hub)
    _sign_in(steward, hub.command("setup").split()[-1], "Ann")
    session = steward.cookies["hub"]
    if empty:
        return Furnished(hub.url, {}, session)
    hub.command("demo")
    paths = _entries(hub) | _posts(hub, steward) | _coming(hub, steward) | _match(hub, steward)
    paths |= _directory(hub, steward, paths)
    paths |= _report(hub, steward, paths["offer"])
    names = "bad.example\nworse.example\nb*d.example\n"
    paths["answering"] = paths["article"].replace("/news/", "/answer/")
    _press(steward, paths["answering"], text="I have a bench, too.")
    paths["list"] = _press(steward, "/admin/servers/lists", text=names).url.path
    _press(steward, "/search?q=repair", "/keep", address="/search?q=repair", name="repair")
    _press(steward, "/admin/areas", name="valley", title="The valley", tags="repair, garden")
    paths["left"] = _left(hub, steward)
    paths["link"] = urlsplit(hub.command("setup", "--link").split()[-1]).path
    _end_letters(hub)
    # Whatever the day: a week and a month in which something of the neighbourhood is on.
    paths["soon"] = f"{datetime.now(UTC).date() + timedelta(days=4)}"
    paths |= {"stop": "/unsubscribe/stop", "stopped": "/unsubscribe/stopped"}
    return Furnished(hub.url, paths, session)


def _browser(hub: HubProcess) -> httpx2.Client:
    return httpx2.Client(
        base_url=hub.url, headers=HTML, trust_env=False, follow_redirects=True, timeout=60
    )


def _press(web: httpx2.Client, path: str, to: str = "", **fields: Any) -> httpx2.Response:
    """Open a page and send its form."""
    answer = web.post(to or path, data={"csrf": csrf(web.get(path)), **fields})
    assert answer.status_code == 200, answer.text
    return answer


def _sign_in(web: httpx2.Client, link: str, name: str) -> None:
    _press(web, urlsplit(link).path)
    _press(web, "/welcome", name=name)


def _entries(hub: HubProcess) -> dict[str, str]:
    """The first of each kind that has the most to show."""

    def path(kind: str, *members: str, **filters: str) -> str:
        items = hub.get(f"/{kind}", limit="100", **filters)["items"]
        found = next(item for item in items if all(item.get(member) for member in members))
        return urlsplit(str(found["url"])).path

    return {
        "event": path("events", "image", "capacity"),
        "repeating": path("events", "recurrence"),
        "offer": path("offers", "description", mode="lend"),
        "want": path("wants", "description"),
        "article": path("news", "image"),
        "place": path("places", "opening_hours", "email"),
        "organisation": path("organisations", "lacks"),
    }


def _directory(hub: HubProcess, steward: httpx2.Client, paths: dict[str, str]) -> dict[str, str]:
    """Two that nobody looked at for long, the contact of one is asked, and somebody claims one."""
    with closing(sqlite3.connect(hub.folder / "hub.db", timeout=30)) as database, database:
        for title in ("Friends of the library", "St Anne’s hall"):
            change = "UPDATE entry SET happens_at = '2026-01-05 10:00:00.000000' WHERE title = ?"
            assert database.execute(change, (title,)).rowcount == 1
    _press(steward, "/admin/directory", record="all", deed="ask")
    page = _press(steward, "/admin/people", "/admin/people/links", role="member", uses="1")
    ida = _browser(hub)
    _sign_in(ida, hub.url + path_in(page.text, "sign-in"), "Ida")
    _press(ida, paths["place"], f"{paths['place']}/claim", words="I keep the keys.")
    letters = steward.get("/admin/letters").text
    return {"true": path_in(letters, "still-true"), "claim": path_in(letters, "claims")}


def _posts(hub: HubProcess, steward: httpx2.Client) -> dict[str, str]:
    """A guest's draft, one whose letter is written, and one published, one taken down."""
    guest = _browser(hub)

    def draft(title: str) -> str:
        page = _press(guest, "/post/want", title=title, **LADDER)
        return page.url.path

    paths = {"draft": draft("A stepladder for the hall")}
    titles = {"unconfirmed": "A drill", "refused": "Cheap pills", "mine": "A tent for four"}
    for name, title in titles.items():
        _press(guest, draft(title), email=f"{name}@mail.example")
        letter = steward.get("/admin/letters").text
        paths[name] = path_in(letter.partition(f"{name}@mail.example")[2], "mine")
    _press(guest, paths["refused"])
    page = steward.get("/admin/moderation")
    _press(steward, "/admin/moderation", card_in(page), deed="refuse", rule="0", tell="yes")
    paths["appeal"] = path_in(steward.get("/admin/letters").text, "appeal")
    _press(guest, paths["mine"])
    page = steward.get("/admin/moderation")
    _press(steward, "/admin/moderation", card_in(page), deed="ask", note=ASKED)
    paths["question"] = path_in(steward.get("/admin/letters").text, "question")
    return paths


def _report(hub: HubProcess, steward: httpx2.Client, offer: str) -> dict[str, str]:
    """Something was reported; it is the first that waits, a post the next."""
    guest = _browser(hub)
    report = _found(r'href="(/report/[^"]+)"', guest.get(offer))
    _press(guest, report, rule="0", words="It is for sale, not for lending.")
    later = _found(r'href="(/admin/moderation[?]after=[^"]+)"', steward.get("/admin/moderation"))
    return {"report": report, "later": later}


def _found(pattern: str, page: httpx2.Response) -> str:
    found = re.search(pattern, page.text)
    assert found is not None, page.text
    return found[1]


def _coming(hub: HubProcess, steward: httpx2.Client) -> dict[str, str]:
    guest = _browser(hub)
    items = hub.get("/events", limit="100")["items"]
    event = next(item for item in items if item["capacity"] and item["image"])
    path = urlsplit(event["url"]).path + "/coming"
    _press(guest, path, name="Eve", email="coming@mail.example", people="2", message="We like tea.")
    letter = steward.get("/admin/letters").text.partition("coming@mail.example")[2]
    answer = path_in(letter, "events")
    _press(guest, answer, deed="confirm")
    return {"answer": answer, "quiet": answer.replace("/coming/", "/quiet/")}


def _left(hub: HubProcess, steward: httpx2.Client) -> str:
    """Somebody came, posted, and left."""
    page = _press(steward, "/admin/people", "/admin/people/links", role="member", uses="1")
    web = _browser(hub)
    _sign_in(web, hub.url + path_in(page.text, "sign-in"), "Dan")
    _press(web, "/post/offer", title="A wheelbarrow", kind="item", mode="lend")
    return _press(web, "/me/delete").url.path


def _match(hub: HubProcess, steward: httpx2.Client) -> dict[str, str]:
    """Ben offers what the steward wants, and both said yes."""
    page = _press(steward, "/admin/people", "/admin/people/links", role="member", uses="1")
    ben = _browser(hub)
    _sign_in(ben, hub.url + path_in(page.text, "sign-in"), "Ben")
    _press(ben, "/post/offer", title="Projector, with cables", kind="item", mode="lend")
    wanted = {"title": "A projector for the film night", "kind": "item", "mode": "lend"}
    want = _press(steward, "/post/want", **wanted).url.path
    eventually(lambda: "/ask" in steward.get(want).text, "the match is found")
    path = _found(r'action="(/matches/[0-9a-f-]{36})/ask"', steward.get(want))
    _press(steward, want, f"{path}/ask")
    _press(ben, "/matches", f"{path}/accept")
    _press(steward, path, f"{path}/say", text="Would Friday at six suit you?")
    _press(ben, path, f"{path}/say", text="Yes. It stands in the cupboard by the door.")
    return {"my_want": want, "match": path}


def _end_letters(hub: HubProcess) -> None:
    """Choose where letters end, for a guest and for Ben: else that is said in letters alone."""
    with closing(sqlite3.connect(hub.folder / "hub.db", timeout=30)) as database, database:
        for change in (
            "UPDATE person SET stop_secret = 'stop' WHERE email = 'mine@mail.example'",
            "UPDATE person SET stop_secret = 'stopped', notices = 'none' WHERE name = 'Ben'",
        ):
            assert database.execute(change).rowcount == 1
