"""Fetching documents, over a network that is a dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from federation.client import Answer
from federation.errors import (
    BadUrl,
    FederationError,
    ForbiddenAddress,
    Gone,
    MalformedDocument,
    TooLarge,
    Unauthentic,
    UnexpectedAnswer,
    Unreachable,
    WrongContentType,
)
from federation.fetching import (
    ACCEPT_ACTIVITY,
    MAX_LED_HERE,
    Fetcher,
    is_activity_type,
)
from federation.guard import Guard

AS2 = "https://www.w3.org/ns/activitystreams"
NOTE = "https://peer.example/notes/1"
Reply = Answer | FederationError | Callable[[Mapping[str, str]], Answer]


class Net:
    """A `Getter`: replies by URL, and all that was asked."""

    def __init__(self, replies: Mapping[str, Reply]) -> None:
        self.replies = dict(replies)
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.deadlines: list[float] = []

    async def get(
        self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
    ) -> Answer:
        self.asked.append(url)
        self.headers.append(headers)
        self.deadlines.append(deadline_s)
        await asyncio.sleep(0)
        reply = self.replies.get(url) or Answer(404, {}, b"", url)
        if isinstance(reply, FederationError):
            raise reply
        answer = reply if isinstance(reply, Answer) else reply(headers)
        if len(answer.body) > limit_bytes:
            raise TooLarge("too large")
        return answer


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def note(id_: object = NOTE, kind: str = "application/activity+json", status: int = 200) -> Answer:
    document = {"@context": AS2, "id": id_, "type": "Note", "content": "x"}
    return Answer(status, {"content-type": kind}, orjson.dumps(document), "")


def moved(to: str, status: int = 302) -> Answer:
    return Answer(status, {"location": to}, b"", "")


def fetcher(net: Net, **settings: object) -> Fetcher:
    clock = settings.pop("clock", None) or Clock()
    sign = settings.pop("sign", None)
    return Fetcher(net, Guard(**settings), sign, "Hub/1.0 (+https://hub.example/)", clock)  # type: ignore[arg-type]


async def test_a_document_comes_back_with_the_address_it_was_found_at() -> None:
    found = await fetcher(Net({NOTE: note()})).fetch(NOTE)
    assert found.url == NOTE
    assert found.document["id"] == NOTE


async def test_ap_09_the_request_says_what_it_wants_and_who_asks() -> None:
    net = Net({NOTE: note()})
    await fetcher(net).fetch(NOTE)
    assert net.headers[0]["Accept"] == ACCEPT_ACTIVITY
    assert net.headers[0]["User-Agent"] == "Hub/1.0 (+https://hub.example/)"


@pytest.mark.parametrize(
    "kind",
    [
        "application/activity+json",
        "Application/Activity+JSON; charset=utf-8",
        f'application/ld+json; profile="{AS2}"',
        f'application/ld+json;charset=utf-8;PROFILE="{AS2}"',
        f"application/ld+json; profile={AS2}",
        f'application/ld+json; profile="http://www.w3.org/ns/json-ld#compacted {AS2}"',
    ],
)
async def test_a7_these_types_are_activitystreams(kind: str) -> None:
    assert is_activity_type(kind)
    assert (await fetcher(Net({NOTE: note(kind=kind)})).fetch(NOTE)).document["id"] == NOTE


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "application/json",
        "text/html",
        "application/ld+json",
        'application/ld+json; profile="https://example.com/"',
        f'application/ld+json; x="; profile={AS2}"',
        f'application/ld+json; profile="x{AS2}"',
        "application/activity+json, text/html",
        "image/png; application/activity+json",
    ],
)
async def test_a7_nothing_else_becomes_an_object(kind: str) -> None:
    assert not is_activity_type(kind)
    with pytest.raises(WrongContentType):
        await fetcher(Net({NOTE: note(kind=kind)})).fetch(NOTE)


async def test_a8_a_document_under_an_alias_is_fetched_again_by_its_own_id_once() -> None:
    net = Net({"https://peer.example/@a/1": note(), NOTE: note()})
    found = await fetcher(net).fetch("https://peer.example/@a/1")
    assert found.url == NOTE
    assert net.asked == ["https://peer.example/@a/1", NOTE]


async def test_a8_a_document_with_an_id_of_another_server_is_replaced_by_what_that_serves() -> None:
    victim = "https://victim.example/1"
    net = Net({"https://evil.example/1": note(victim), victim: note(victim)})
    found = await fetcher(net).fetch("https://evil.example/1")
    assert found.url == victim


@pytest.mark.parametrize("second", ["https://peer.example/a", "https://evil.example/3"])
async def test_a8_a_document_whose_id_leads_elsewhere_twice_is_refused(second: str) -> None:
    net = Net({"https://peer.example/a": note(NOTE), NOTE: note(second), second: note(NOTE)})
    with pytest.raises(Unauthentic):
        await fetcher(net).fetch("https://peer.example/a")
    assert len(net.asked) == 2


@pytest.mark.parametrize("id_", [None, 7, "", [NOTE], "acct:a@b", "https://127.0.0.1/x", "urn:x"])
async def test_a_document_without_a_usable_id_is_refused(id_: object) -> None:
    with pytest.raises((MalformedDocument, BadUrl, ForbiddenAddress)):
        await fetcher(Net({NOTE: note(id_)})).fetch(NOTE)


async def test_a_key_is_found_in_the_document_without_its_fragment() -> None:
    actor = "https://peer.example/actors/a"
    net = Net({actor: note(actor)})
    found = await fetcher(net).fetch(f"{actor}#main-key")
    assert (found.url, net.asked) == (actor, [actor])


async def test_an_actor_without_a_path_is_its_own_document() -> None:
    net = Net({"https://a.example/": note("https://a.example")})
    assert (await fetcher(net).fetch("https://a.example")).url == "https://a.example"


async def test_letters_beyond_ascii_are_asked_for_in_percent_encoding() -> None:
    net = Net({"https://xn--bcher-kva.example/stra%C3%9Fe": note("https://bücher.example/straße")})
    assert (await fetcher(net).fetch("https://bücher.example/straße")).document["type"] == "Note"


async def test_b3_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    steps = {f"https://peer.example/{n}": moved(f"/{n + 1}") for n in range(4)}
    net = Net({**steps, "https://peer.example/4": note("https://peer.example/4")})
    assert (await fetcher(net).fetch("https://peer.example/1")).url == "https://peer.example/4"
    with pytest.raises(UnexpectedAnswer):
        await fetcher(net).fetch("https://peer.example/0")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a8_the_last_server_of_a_redirect_is_the_authority(status: int) -> None:
    there = "https://other.example/1"
    net = Net({NOTE: moved(there, status), there: note(there)})
    assert (await fetcher(net).fetch(NOTE)).url == there


async def test_b3_a_circle_of_redirects_ends() -> None:
    other = "https://peer.example/2"
    net = Net({NOTE: moved(other), other: moved(NOTE)})
    with pytest.raises(UnexpectedAnswer):
        await fetcher(net).fetch(NOTE)
    assert len(net.asked) == 2


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
        "http://peer.example/1",
        "https://peer.example:22/",
        "https://hub.example/actors/relay",
        "https://2130706433/",
    ],
)
@pytest.mark.parametrize("how", ["fetch", "fetch_json", "fetch_bytes"])
async def test_ap_78_a_redirect_inside_is_never_followed(target: str, how: str) -> None:
    net = Net({NOTE: moved(target)})
    strict = fetcher(net, own_hosts=frozenset({"hub.example"}))
    calls: dict[str, Coroutine[object, object, object]] = {
        "fetch": strict.fetch(NOTE),
        "fetch_json": strict.fetch_json(NOTE, "*/*"),
        "fetch_bytes": strict.fetch_bytes(NOTE, "*/*", 10),
    }
    call = calls.pop(how)
    for other in calls.values():
        other.close()
    with pytest.raises(ForbiddenAddress):
        await call
    assert net.asked == [NOTE]


@pytest.mark.parametrize("target", ["", "mailto:a@b", "https://[x/", "https://a..b/", "ftp:x"])
async def test_b3_a_redirect_to_no_place_is_an_error_of_ours(target: str) -> None:
    with pytest.raises((BadUrl, UnexpectedAnswer)):
        await fetcher(Net({NOTE: moved(target)})).fetch(NOTE)


@pytest.mark.parametrize(
    ("status", "kind", "retry"),
    [
        (404, Gone, False),
        (410, Gone, False),
        (400, UnexpectedAnswer, False),
        (403, UnexpectedAnswer, False),
        (204, UnexpectedAnswer, False),
        (304, UnexpectedAnswer, False),
        (408, UnexpectedAnswer, True),
        (429, UnexpectedAnswer, True),
        (500, UnexpectedAnswer, True),
        (503, UnexpectedAnswer, True),
    ],
)
async def test_other_statuses_say_whether_later_may_be_better(
    status: int, kind: type[UnexpectedAnswer], retry: bool
) -> None:
    with pytest.raises(kind) as caught:
        await fetcher(Net({NOTE: note(status=status)})).fetch(NOTE)
    assert (caught.value.status, caught.value.retry) == (status, retry)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 5000, b'{"a":1e999}', b"null"])
async def test_what_is_no_document_is_malformed(body: bytes) -> None:
    answer = Answer(200, {"content-type": "application/activity+json"}, body, "")
    with pytest.raises(MalformedDocument):
        await fetcher(Net({NOTE: answer})).fetch(NOTE)


async def test_ap_14_each_hop_is_signed_afresh() -> None:
    signed = []

    def sign(method: str, url: str) -> dict[str, str]:
        signed.append((method, url))
        return {"Host": "h", "Date": str(len(signed)), "Signature": url, "accept": "text/html"}

    there = "https://other.example/1"
    net = Net({NOTE: moved(there), there: note(there)})
    await fetcher(net, sign=sign).fetch(NOTE)
    assert signed == [("GET", NOTE), ("GET", there)]
    assert [headers["Signature"] for headers in net.headers] == [NOTE, there]
    assert all("accept" not in headers for headers in net.headers)


async def test_signing_may_be_done_elsewhere() -> None:
    async def sign(_: str, url: str) -> dict[str, str]:
        await asyncio.sleep(0)
        return {"Signature": url}

    net = Net({NOTE: note()})
    await fetcher(net, sign=sign).fetch(NOTE)
    assert net.headers[0]["Signature"] == NOTE


async def test_a_refused_signature_over_a_query_is_tried_once_over_the_path() -> None:
    url = f"{NOTE}?page=1"
    net = Net({url: lambda headers: note(url, status=200 if headers["Signature"] == NOTE else 401)})
    found = await fetcher(net, sign=lambda _, url: {"Signature": url}).fetch(url)
    assert found.url == url
    assert net.asked == [url, url]


async def test_a_refused_signature_without_query_is_not_tried_again() -> None:
    net = Net({NOTE: note(status=401)})
    with pytest.raises(UnexpectedAnswer):
        await fetcher(net, sign=lambda _, url: {"Signature": url}).fetch(NOTE)
    assert net.asked == [NOTE]


async def test_files_are_asked_for_without_signature() -> None:
    net = Net({NOTE: Answer(200, {}, b"png", "")})
    answer = await fetcher(net, sign=lambda _, url: {"Signature": url}).fetch_bytes(NOTE, "*/*", 9)
    assert answer.body == b"png"
    assert "Signature" not in net.headers[0]


async def test_b8_what_was_refused_is_not_asked_for_again_for_a_quarter_of_an_hour() -> None:
    clock, net = Clock(), Net({})
    remembering = fetcher(net, clock=clock)
    for minutes in (0, 1, 10):
        clock.now += timedelta(minutes=minutes)
        with pytest.raises(Gone):
            await remembering.fetch(NOTE)
    assert len(net.asked) == 1
    clock.now += timedelta(minutes=20)
    net.replies[NOTE] = note()
    await remembering.fetch(NOTE)
    await remembering.fetch(NOTE)
    assert len(net.asked) == 3


async def test_a_host_that_was_away_is_asked_again_within_a_minute() -> None:
    clock, net = Clock(), Net({NOTE: Unreachable("away")})
    remembering = fetcher(net, clock=clock)
    for seconds in (0, 5, 60):
        clock.now += timedelta(seconds=seconds)
        with pytest.raises(Unreachable):
            await remembering.fetch(NOTE)
    assert len(net.asked) == 2


async def test_a_person_who_waits_is_not_put_off_with_an_old_failure() -> None:
    net = Net({})
    remembering = fetcher(net)
    with pytest.raises(Gone):
        await remembering.fetch(NOTE)
    net.replies[NOTE] = note()
    with pytest.raises(Gone):
        await remembering.fetch(NOTE)
    assert await remembering.fetch(NOTE, fresh=True)
    assert await remembering.fetch(NOTE)


async def test_a_server_that_is_heard_of_is_asked_again_at_once() -> None:
    net = Net({})
    remembering = fetcher(net)
    for url in (NOTE, "https://other.example/1"):
        with pytest.raises(Gone):
            await remembering.fetch(url)
    remembering.forget("peer.example")
    for url in (NOTE, "https://other.example/1"):
        with pytest.raises(Gone):
            await remembering.fetch(url)
    assert net.asked == [NOTE, "https://other.example/1", NOTE]


async def test_many_who_want_the_same_at_once_share_one_request() -> None:
    net = Net({NOTE: note()})
    shared = fetcher(net)
    found = await asyncio.gather(*(shared.fetch(NOTE) for _ in range(100)))
    assert len(net.asked) == 1
    assert len({one.url for one in found}) == 1


async def test_b8_a_flood_that_names_one_victim_costs_it_one_request() -> None:
    net = Net({NOTE: Unreachable("away")})
    shared = fetcher(net)
    results = await asyncio.gather(
        *(shared.fetch(NOTE) for _ in range(10_000)), return_exceptions=True
    )
    assert all(isinstance(result, Unreachable) for result in results)
    assert len(net.asked) == 1


async def test_b8_redirects_of_invented_hosts_lead_few_to_their_victim() -> None:
    """A wildcard domain has names without end; each has a redirect of its own."""
    clock = Clock()
    names = [f"https://n{number}.evil.example/" for number in range(500)]
    net = Net({name: moved(f"https://victim.example/{n}") for n, name in enumerate(names)})
    shared = fetcher(net, clock=clock)
    for name in names:
        with pytest.raises((Gone, Unreachable)):
            await shared.fetch(name)
    assert sum("victim" in url for url in net.asked) == MAX_LED_HERE
    clock.now += timedelta(minutes=1)
    with pytest.raises(Gone):
        await shared.fetch("https://n0.evil.example/")


async def test_one_who_gives_up_does_not_take_it_from_the_others() -> None:
    net = Net({NOTE: note()})
    shared = fetcher(net)
    first, second = (asyncio.create_task(shared.fetch(NOTE)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).url == NOTE


async def test_b9_the_number_of_failures_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federation.fetching.MAX_FAILURES_KEPT", 10)
    bounded = fetcher(Net({}))
    for n in range(50):
        with pytest.raises(Gone):
            await bounded.fetch(f"https://h{n}.example/")
    assert len(bounded._failures) == 10


async def test_b5_one_deadline_holds_for_all_hops() -> None:
    there = "https://other.example/1"
    net = Net({NOTE: moved(there), there: note(NOTE)})
    with pytest.raises(Unauthentic):
        await fetcher(net).fetch(NOTE, deadline_s=7)
    assert net.deadlines == sorted(net.deadlines, reverse=True)
    assert net.deadlines[0] <= 7
    with pytest.raises(Unreachable):
        await fetcher(net).fetch(NOTE, deadline_s=0)


urls = st.one_of(
    st.text(max_size=50),
    st.text(max_size=30).map(lambda text: f"https://{text}"),
    st.text(max_size=30).map(lambda text: f"https://peer.example/{text}"),
)


@given(urls, urls, st.one_of(urls, st.none(), st.integers(), st.lists(urls, max_size=2)))
@settings(max_examples=300)
@example("https://xn--/", "https://a..b", "https://peer.example/\ud800")
@example("A://[#", "https://[#", None)
def test_b10_nothing_but_our_own_errors_leaves_a_fetch(url: str, target: str, id_: object) -> None:
    async def ask() -> None:
        class Everywhere(Net):
            async def get(
                self, url: str, headers: Mapping[str, str], *, limit_bytes: int, deadline_s: float
            ) -> Answer:
                self.asked.append(url)
                if len(self.asked) == 1:
                    return moved(target)
                safe = id_.encode("utf-8", "replace").decode() if isinstance(id_, str) else None
                return note(safe)

        anywhere = fetcher(Everywhere({}))
        for call in (
            anywhere.fetch(url),
            anywhere.fetch_json(url, "*/*"),
            anywhere.fetch_bytes(url, "*/*", 9999),
        ):
            try:
                await call
            except FederationError:
                continue

    asyncio.run(ask())
