"""Lists in pages: a cursor says where the last page ended, and stays good while rows come and go.

Rows are ordered by a moment and, where moments are equal, by id. Pure but for `after`.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from hub.core.errors import Invalid
from hub.core.words import later

T = TypeVar("T")

DEFAULT_LIMIT: Final = 30
MAX_LIMIT: Final = 100
MAX_CURSOR: Final = 64
NO_CURSOR: Final = later(
    "The cursor cannot be read. Take it from `next` of the page before, or leave it out."
)

# As parameters of a door: `limit: Limit = DEFAULT_LIMIT, cursor: CursorText = None`.
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items per page")]
CursorText = Annotated[
    str | None, Query(max_length=MAX_CURSOR, description="`next` of the page before")
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAYOUT = struct.Struct(">q16s")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of the last row that was shown."""

    at: datetime
    id: UUID

    def encode(self) -> str:
        """The cursor as it stands in addresses."""
        packed = _LAYOUT.pack((self.at - _EPOCH) // _MICROSECOND, self.id.bytes)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str | None) -> Cursor | None:
        """The cursor of an address; None where there is none.

        Raises:
            Invalid: it is not one of ours.
        """
        if not text:
            return None
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            micros, id_bytes = _LAYOUT.unpack(packed)
            return cls(_EPOCH + micros * _MICROSECOND, UUID(bytes=id_bytes))
        except (binascii.Error, struct.error, OverflowError, ValueError) as error:
            raise Invalid(NO_CURSOR, {"cursor": NO_CURSOR}) from error


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One page of a list; `next` is the cursor of the following one, None at the end."""

    items: tuple[T, ...]
    next: str | None = None


def after(
    at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[UUID],
    cursor: Cursor,
    *,
    descending: bool = False,
) -> ColumnElement[bool]:
    """Rows that come behind the cursor."""
    if descending:
        return or_(at < cursor.at, and_(at == cursor.at, row_id < cursor.id))
    return or_(at > cursor.at, and_(at == cursor.at, row_id > cursor.id))


def page(rows: list[T], limit: int, at: str = "happens_at") -> Listed[T]:
    """One page of rows that were asked for with `limit + 1`; `at` is the moment's attribute."""
    if len(rows) <= limit:
        return Listed(tuple(rows))
    shown = rows[:limit]
    last: Any = shown[-1]
    return Listed(tuple(shown), Cursor(getattr(last, at), last.id).encode())


def next_link(request: Request, listed: Listed[Any]) -> dict[str, str]:
    """The `Link` header to the next page (RFC 8288); none at the end."""
    if listed.next is None:
        return {}
    path = str(request.url.include_query_params(cursor=listed.next))
    return {"link": f'<{path}>; rel="next"'}
