"""One message to one browser, by way of its push service (RFC 8030), and what the answer means."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson

from federation.errors import PASSING_STATUSES, BadUrl, FederationError
from federation.origins import split_url
from hub.core.clock import now
from hub.core.services import Services
from hub.push import vapid
from hub.push.encryption import SECRET_BYTES, encrypt, packed, reader_key, unpacked
from hub.push.models import Subscription

log = logging.getLogger(__name__)

POST_SECONDS: Final = 15.0
LONGEST_ENDPOINT: Final = 1000
LONGEST_TITLE: Final = 150
TOPIC_BYTES: Final = 24  # 32 letters (RFC 8030 §5.4)
SUCCESS: Final = range(200, 300)
GONE: Final = (404, 410)  # RFC 8030 §7.3, and what push services really say
LONGEST_WAIT: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try came to: `dead`, the browser is told no more; `again`, try later.

    `wait` is how long the push service wants to be left alone.
    """

    dead: bool = False
    again: bool = False
    wait: timedelta = timedelta(0)


def check(endpoint: str, key: str, secret: str) -> None:
    """Whether a browser can be told by what it gave; whom we may dial is seen when we do.

    Raises:
        ValueError: it cannot.
    """
    try:
        scheme = split_url(endpoint).scheme
    except BadUrl as error:
        raise ValueError("no address") from error
    if scheme != "https" or len(endpoint) > LONGEST_ENDPOINT:
        raise ValueError("push services are reached by https alone")
    reader_key(key)
    if len(unpacked(secret)) != SECRET_BYTES:
        raise ValueError("a secret has 16 bytes")


async def attempt(
    services: Services, to: Subscription, *, title: str, path: str, about: str, lasts: timedelta
) -> Outcome:
    """One try; of what is `about` the same a push service keeps only the newest for `lasts`."""
    try:
        check(to.endpoint, to.key, to.secret)
    except ValueError:
        return Outcome(dead=True)
    message = orjson.dumps({"title": title[:LONGEST_TITLE], "path": path})
    ours = await vapid.key(services)
    headers = {
        "authorization": vapid.authorization(ours, to.endpoint, services.settings, now()),
        "content-type": "application/octet-stream",
        "content-encoding": "aes128gcm",
        "ttl": str(int(lasts.total_seconds())),
        "topic": packed(hashlib.sha256(about.encode()).digest()[:TOPIC_BYTES]),
        "urgency": "normal",
    }
    body = encrypt(message, reader_key(to.key), unpacked(to.secret))
    try:
        answer = await services.poster.post(to.endpoint, headers, body, deadline_s=POST_SECONDS)
    except FederationError as error:
        # Of an endpoint nothing is logged: whoever knows it may speak to the browser.
        log.info("a push service cannot be used: %s", type(error).__name__)
        return Outcome(again=True) if error.retry else Outcome(dead=True)
    if answer.status in SUCCESS:
        return Outcome()
    if answer.status in GONE:
        return Outcome(dead=True)
    log.warning("a push service answers %s", answer.status)
    return Outcome(again=answer.status in PASSING_STATUSES, wait=_wait(answer.headers))


def _wait(headers: Mapping[str, str]) -> timedelta:
    """What `Retry-After` asks for, in seconds; a date is passed over."""
    asked = headers.get("retry-after", "")
    seconds = int(asked) if re.fullmatch("[0-9]{1,6}", asked) else 0
    return min(timedelta(seconds=seconds), LONGEST_WAIT)
