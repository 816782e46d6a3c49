"""A POST that bears an `Idempotency-Key` has its effect once, however often it is sent.

The answer is kept in the transaction of the effect, so that after a crash either both are there
or neither (SETTLED 12). A key belongs to its caller and lives for a day.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.errors import HubError, Invalid, NotSignedIn
from hub.core.services import Services
from hub.people.models import Idempotency
from hub.people.service import ANSWERS_LAST
from hub.web.doors import Caller

LONGEST_KEY: Final = 255
CREATED: Final = 201


class Once:
    """One request: `new` if its effect is still to come; else `response` is the first answer."""

    def __init__(self, session: AsyncSession, response: Response | None = None) -> None:
        self.session = session
        self._response = response

    @property
    def new(self) -> bool:
        """Whether there is something to do."""
        return self._response is None

    @property
    def response(self) -> Response:
        """The answer, of now or of the first time.

        Raises:
            HubError: nobody has answered.
        """
        if self._response is None:
            raise HubError("The request was not answered.")
        return self._response

    def answer(
        self, body: BaseModel | Mapping[str, Any], *, status: int = CREATED, location: str = ""
    ) -> None:
        """Say what the caller gets."""
        data = body.model_dump(mode="json") if isinstance(body, BaseModel) else dict(body)
        self._response = _response(status, orjson.dumps(data), location or None)


@asynccontextmanager
async def once(services: Services, request: Request, caller: Caller) -> AsyncIterator[Once]:
    """The transaction in which a POST has its effect.

        async with once(services, request, caller) as unit:
            if unit.new:
                event = await service.publish(unit.session, …)
                unit.answer(view(event), location=f"/api/v1/events/{event.id}")
        return unit.response

    Raises:
        Invalid: the key was used for another request, or is too long.
        NotSignedIn: keys belong to somebody, and we do not know who asks.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        async with services.db.write() as session:
            yield Once(session)
        return
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid(f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
    if caller.person_id is None:
        raise NotSignedIn("Please sign in or send a token: an Idempotency-Key belongs to somebody.")
    fingerprint = _fingerprint(request, await request.body())
    mine = (Idempotency.key == key, Idempotency.person_id == caller.person_id)
    async with services.db.write() as session:
        unit = await _claim(session, key, caller, fingerprint)
        was_new = unit.new
        yield unit
        if was_new:
            said = unit.response
            await session.execute(
                update(Idempotency)
                .where(*mine)
                .values(
                    status=said.status_code,
                    body=bytes(said.body),
                    location=said.headers.get("location"),
                )
            )


async def _claim(session: AsyncSession, key: str, caller: Caller, fingerprint: str) -> Once:
    """The key for this request alone; who comes second waits here, and gets the first answer."""
    mine = (Idempotency.key == key, Idempotency.person_id == caller.person_id)
    moment = now()
    await session.execute(
        delete(Idempotency).where(*mine, Idempotency.created_at <= moment - ANSWERS_LAST)
    )
    inserted = await session.execute(
        insert_for(session, Idempotency)
        .values(
            key=key,
            person_id=caller.person_id,
            request_digest=fingerprint,
            status=0,
            body=b"",
            created_at=moment,
        )
        .on_conflict_do_nothing()
        .returning(Idempotency.key)
    )
    if inserted.scalar_one_or_none() is not None:
        return Once(session)
    row = (await session.scalars(select(Idempotency).where(*mine))).one()
    if row.request_digest != fingerprint:
        raise Invalid("This Idempotency-Key was used for another request. Please use a new one.")
    return Once(session, _response(row.status, row.body, row.location))


def _fingerprint(request: Request, body: bytes) -> str:
    head = f"{request.method} {request.url.path}\n".encode()
    return hashlib.sha256(head + body).hexdigest()


def _response(status: int, body: bytes, location: str | None) -> Response:
    headers = {"cache-control": "private, no-store"}
    if location:
        headers["location"] = location
    return Response(body, status, headers=headers, media_type="application/json")
