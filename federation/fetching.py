"""Documents of other servers, fetched so that what comes back is what its origin serves.

Every document that counts comes through `Fetcher.fetch`: each hop is shown to the guard and
signed afresh, the content type must be ActivityStreams, and the document must bear the id under
which it was found. What failed is remembered for a while, so that a flood of mail that names one
victim does not become a flood of requests.
"""

from __future__ import annotations

import asyncio
import inspect
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import orjson

from federation.client import (
    BACKGROUND_FETCH_SECONDS,
    FETCH_SECONDS,
    MAX_DOCUMENT_BYTES,
    MAX_REDIRECTS,
    Answer,
    Getter,
)
from federation.errors import (
    BadUrl,
    FederationError,
    Gone,
    MalformedDocument,
    Unauthentic,
    UnexpectedAnswer,
    Unreachable,
    WrongContentType,
)
from federation.guard import Guard
from federation.origins import split_url
from federation.rates import Rates
from federation.recent import Recent
from federation.vocab.loading import loads, loads_bare

# Method and URL to the headers of a signature; RSA may be done elsewhere than on the loop.
Sign = Callable[[str, str], Mapping[str, str] | Awaitable[Mapping[str, str]]]

AS2 = "https://www.w3.org/ns/activitystreams"
# GoToSocial answers 406 unless one of these two proper forms is asked for.
ACCEPT_ACTIVITY = f'application/activity+json, application/ld+json; profile="{AS2}"'

# A refusal will be the same in a quarter of an hour; a host that was away is perhaps restarting.
REFUSED_SECONDS = 15 * 60.0
AWAY_SECONDS = 30.0
# So that what was refused together is not asked for together.
JITTER = 0.2
MAX_FAILURES_KEPT = 4096
# A wildcard domain has names without end, and each may lead to the same victim (SECURITY B8).
MAX_LED_HERE = 10
MAX_HOSTS_COUNTED = 4096

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = 200
_NOT_MODIFIED = 304
_BARE = "#bare"
_UNAUTHORISED = 401
_GONE = frozenset({404, 410})
_PARAMETER = re.compile(r';\s*([a-z0-9!#$&^_.+-]+)\s*=\s*("[^"\\]*"|[^\s;"]*)\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document and the URL that it was found at, after all redirects, without fragment."""

    document: dict[str, Any]
    url: str


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked of each hop; `end` is on the monotonic clock."""

    accept: str
    limit: int
    end: float
    signed: bool = True
    known: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Failure:
    error: FederationError
    until: datetime


def is_activity_type(content_type: str) -> bool:
    """Whether a Content-Type is that of ActivityStreams (ActivityPub §3.2).

    `application/activity+json`, or `application/ld+json` with the profile; other parameters
    do not matter. Plain JSON is refused: a server may let people upload that.
    """
    kind, _, rest = content_type.partition(";")
    kind = kind.strip().lower()
    if kind != "application/ld+json":
        return kind == "application/activity+json"
    parameters = _PARAMETER.findall(f";{rest}")
    profiles = next((value for name, value in parameters if name.lower() == "profile"), "")
    return AS2 in profiles.strip('"').lower().split()


class Fetcher:
    """Fetches for one server, in the name of its instance actor.

    `sign` gives the headers of a signature for method and URL; None sends requests unsigned.
    `clock` gives the time now, as an aware moment.
    """

    def __init__(
        self,
        getter: Getter,
        guard: Guard,
        sign: Sign | None,
        user_agent: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.guard = guard
        self._getter = getter
        self._sign = sign
        self._user_agent = user_agent
        self._clock = clock
        self._failures: Recent[str, _Failure] = Recent(MAX_FAILURES_KEPT)
        self._under_way: dict[str, asyncio.Task[Fetched]] = {}
        self._led_here = Rates(
            MAX_LED_HERE,
            MAX_LED_HERE / 60,
            most=MAX_HOSTS_COUNTED,
            seconds=lambda: clock().timestamp(),
        )

    async def fetch(
        self,
        uri: str,
        *,
        deadline_s: float = FETCH_SECONDS,
        fresh: bool = False,
        bare: bool = False,
    ) -> Fetched:
        """The object, actor or collection whose id is `uri`.

        Many who ask for the same at once share one request. `fresh` asks even if it failed a
        short while ago: for people who wait before the page, not for what mail names. `bare` takes
        a document without the context of ActivityStreams: keys have one of their own (FEP-521a).

        Raises:
            BadUrl, ForbiddenAddress: it is not for us to fetch.
            Unreachable, UnexpectedAnswer, Gone: there is no answer of use.
            TooLarge, WrongContentType, MalformedDocument: it is no document that we read.
            Unauthentic: it bears another id than the address that it was found at.
        """
        key = f"{_plain(uri)}{_BARE if bare else ''}"  # what is no object may be a key
        if fresh:
            self._failures.drop(key)
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._fetch(uri, key, deadline_s, bare=bare))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        return await asyncio.shield(task)

    async def fetch_json(
        self, url: str, accept: str, *, deadline_s: float = FETCH_SECONDS, fresh: bool = False
    ) -> dict[str, Any]:
        """A JSON document that is no object of ActivityStreams: WebFinger, NodeInfo.

        Raises:
            FederationError: as `fetch`, but for content type and id, which are not looked at.
        """
        key = _plain(url)
        if fresh:
            self._failures.drop(key)
        with self._remembering(key):
            ask = _Ask(accept, MAX_DOCUMENT_BYTES, time.monotonic() + deadline_s)
            return _json_object(await self._follow(url, ask))

    async def fetch_bytes(
        self,
        url: str,
        accept: str,
        limit: int,
        *,
        deadline_s: float = BACKGROUND_FETCH_SECONDS,
        known: Mapping[str, str] | None = None,
    ) -> Answer:
        """A file: a picture, a calendar; unsigned, since it mostly lies with a third party.

        `known` are headers that name the version we have (RFC 9110 §13.1): then the answer may be
        304, without a body.

        Raises:
            FederationError: as `fetch`, but for content type and id, which are not looked at.
        """
        end = time.monotonic() + deadline_s
        ask = _Ask(accept, limit, end, signed=False, known=known or {})
        return await self._follow(url, ask)

    async def fetch_private(
        self, url: str, token: str, *, deadline_s: float = FETCH_SECONDS
    ) -> dict[str, Any]:
        """A JSON document for the bearer of `token` alone (RFC 6750 §2.1).

        No redirect is followed, since the token is for this one server.

        Raises:
            FederationError: as `fetch`, but for content type and id, which are not looked at.
        """
        target = self.guard.check_url(url).url
        headers = {
            "Accept": "application/json",
            "User-Agent": self._user_agent,
            "Authorization": f"Bearer {token}",
        }
        answer = await self._getter.get(
            target, headers, limit_bytes=MAX_DOCUMENT_BYTES, deadline_s=deadline_s
        )
        return _json_object(_success(answer))

    def forget(self, authority: str) -> None:
        """Forget what failed at this server: it has just been heard of."""
        homes = (f"https://{authority}/", f"http://{authority}/")
        for key in [key for key, _ in self._failures.items() if key.startswith(homes)]:
            self._failures.drop(key)

    async def _fetch(self, uri: str, key: str, deadline_s: float, *, bare: bool) -> Fetched:
        ask = _Ask(ACCEPT_ACTIVITY, MAX_DOCUMENT_BYTES, time.monotonic() + deadline_s)
        with self._remembering(key):
            answer = await self._follow(uri, ask)
            document = _activity_document(answer, bare=bare)
            if not _same(document["id"], answer.url):
                # An alias, or a lie: its own id decides, once (FEP-fe34).
                answer = await self._follow(document["id"], ask)
                document = _activity_document(answer, bare=bare)
            if not _same(document["id"], answer.url):
                raise Unauthentic("the document bears another id than its address")
            return Fetched(document, answer.url)

    async def _follow(self, url: str, ask: _Ask) -> Answer:
        """The 200 at the end of at most three redirects, each judged anew."""
        seen: set[str] = set()
        asked: set[str] = set()
        while True:
            parts = self.guard.check_url(url)
            url = url.partition("#")[0]
            led = asked and parts.authority not in asked
            if led and self._led_here.take(parts.authority) is not None:
                raise Unreachable("too many were led there within a minute")
            asked.add(parts.authority)
            seen.add(parts.url)
            answer = await self._one(url, ask)
            if answer.status not in _REDIRECTS:
                unchanged = answer.status == _NOT_MODIFIED and ask.known
                return answer if unchanged else _success(answer)
            url = _target(answer)
            if len(seen) > MAX_REDIRECTS or split_url(url).url in seen:
                raise UnexpectedAnswer("redirects without end", answer.status)

    async def _one(self, url: str, ask: _Ask) -> Answer:
        """One hop; a refused signature over a query is tried once over the path alone."""
        plain = split_url(url).url
        answer = await self._get(url, plain, ask)
        if answer.status == _UNAUTHORISED and ask.signed and self._sign and "?" in plain:
            answer = await self._get(url, plain.partition("?")[0], ask)
        return answer

    async def _get(self, url: str, signed_url: str, ask: _Ask) -> Answer:
        headers = {"Accept": ask.accept, "User-Agent": self._user_agent, **ask.known}
        if ask.signed and self._sign is not None:
            given = self._sign("GET", signed_url)
            signature = await given if inspect.isawaitable(given) else given
            headers |= {
                name: value for name, value in signature.items() if name.title() not in headers
            }
        left = ask.end - time.monotonic()
        if left <= 0:
            raise Unreachable("no time left for another request")
        answer = await self._getter.get(
            split_url(url).url, headers, limit_bytes=ask.limit, deadline_s=left
        )
        return Answer(answer.status, answer.headers, answer.body, url)

    @contextmanager
    def _remembering(self, key: str) -> Iterator[None]:
        """Raise at once what failed a short while ago, and remember what fails now."""
        now = self._clock()
        failure = self._failures.get(key)
        if failure is not None and now < failure.until:
            raise failure.error.with_traceback(None)
        try:
            yield
        except FederationError as error:
            wait = AWAY_SECONDS if error.retry else REFUSED_SECONDS
            wait *= 1 + JITTER * random.uniform(-1, 1)  # noqa: S311 (nothing secret)
            self._failures.put(key, _Failure(_twin(error), now + timedelta(seconds=wait)))
            raise
        self._failures.drop(key)

    def _finished(self, key: str, task: asyncio.Task[Fetched]) -> None:
        self._under_way.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, even if nobody waits for it any more


def _plain(url: str) -> str:
    """The URL by which failures and requests under way are known."""
    return split_url(url).url


def _same(a: str, b: str) -> bool:
    """Whether two addresses ask the same server for the same thing (RFC 3986 §6.2.3)."""
    return split_url(a).url == split_url(b).url


def _target(answer: Answer) -> str:
    """Where a redirect leads.

    Raises:
        UnexpectedAnswer: it leads nowhere.
        BadUrl: it leads to something that is no URL.
    """
    location = answer.headers.get("location", "")
    if not location:
        raise UnexpectedAnswer("a redirect to nowhere", answer.status)
    try:
        return urljoin(answer.url, location)
    except ValueError as error:
        raise BadUrl("a redirect to something that is no URL") from error


def _success(answer: Answer) -> Answer:
    if answer.status == _OK:
        return answer
    kind = Gone if answer.status in _GONE else UnexpectedAnswer
    raise kind(f"{split_url(answer.url).authority} answered {answer.status}", answer.status)


def _json_object(answer: Answer) -> dict[str, Any]:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise MalformedDocument("not JSON") from error
    if not isinstance(document, dict):
        raise MalformedDocument("not a JSON object")
    return document


def _activity_document(answer: Answer, *, bare: bool) -> dict[str, Any]:
    """The document in an answer, which must be ActivityStreams and have an id."""
    if not is_activity_type(answer.headers.get("content-type", "")):
        raise WrongContentType("not ActivityStreams")
    document = loads_bare(answer.body) if bare else loads(answer.body)
    if not isinstance(document.get("id"), str):
        raise MalformedDocument("a document without id")
    return document


def _twin(error: FederationError) -> FederationError:
    """The same error without its traceback, which holds on to whole answers."""
    twin = type(error).__new__(type(error), *error.args)
    twin.args = error.args
    twin.__dict__.update(error.__dict__)
    return twin
