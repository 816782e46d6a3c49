"""How long a connection may take over what it has to say, with or without a proxy in front.

uvicorn closes what is idle between two requests, and nothing else; a few hundred sockets that send
a byte now and then would hold every place there is (SECURITY B11).
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S: Final = 10.0
BODY_S: Final = 30.0
STALL_S: Final = 30.0  # how long nobody reads what is written
LEAST_RATE: Final = 1000  # bytes a second that every body brings, on average
LARGE_RATE: Final = 16_000  # bytes for which a body gets a second more: 12 MB may take 13 minutes
LATE: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Deadlines(HttpToolsProtocol):
    """One connection, on the clock from its first moment."""

    head_s = HEAD_S
    body_s = BODY_S
    stall_s = STALL_S

    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _begun = 0.0
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A head is due from now on."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._stop()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Whatever comes between two requests begins the next one, empty lines too."""
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self._timer is None:
            self._await_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """A body is due from now on, if there is one."""
        self._stop()
        self._begun, self._received = self.loop.time(), 0
        self._timer = self.loop.call_later(self.body_s / 3, self._look_at_body)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count it."""
        self._received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole; how long the answer takes is up to us."""
        self._stop()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The other side does not read as fast as we write."""
        self._stalled = self.loop.call_later(self.stall_s, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(self.head_s, self._late)

    def _look_at_body(self) -> None:
        """Three times in its deadline, and on: is it fast enough, and not yet too late?"""
        took = self.loop.time() - self._begun
        slow = self._received < LEAST_RATE * took
        over = took > self.body_s + self._received / LARGE_RATE
        if (slow or over) and not self.flow.read_paused:  # paused: it is we who are slow
            self._late()
            return
        self._timer = self.loop.call_later(self.body_s / 3, self._look_at_body)

    def _late(self) -> None:
        """Say so, if nothing was said yet, and hang up."""
        self._stop()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(LATE)
        self.transport.close()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
