"""How much we ask of others on a stranger's word: a key is fetched before anybody is believed.

Whoever posts to an inbox names the server that is asked for the key, so these bounds keep us from
being turned against it, or from being kept busy (SECURITY B8).
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from federation.errors import KeyUnavailable, Unreachable
from federation.origins import authority
from federation.rates import Rates

BURST = 15
PER_SECOND = 5 / 60
"""Fifteen at once and five a minute are never more than twenty in a minute towards one server."""
AT_ONCE = 64
"""Questions under way; servers that do not answer hold their places for seconds."""
AWAY = timedelta(seconds=30)
"""How long nothing more is asked of a server that could not be reached."""
MOST_AWAY = 8192
PAUSE_S = 0.02
PROOF_S = 0.2
"""How long after an answer it may still turn out that the question was worth it."""


class AskedTooMuch(KeyUnavailable):
    """Too much is being asked already; `wait_s` seconds from now it may be better."""

    retry = True

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many keys are being asked for")
        self.wait_s = wait_s


class Asking:
    """Counts the questions; one for all keys of a site.

    Only those count in the end that were in vain: a key that fits gives its question back, so a
    server of a thousand actors is heard, and one that others name is left in peace.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._rates = Rates(BURST, PER_SECOND)
        self._away: OrderedDict[str, datetime] = OrderedDict()
        self._under_way = 0
        self._waiting = 0
        self._hopeful: Counter[str] = Counter()

    def fitted(self, key_id: str) -> None:
        """The key that was asked for made the signature."""
        self._rates.give_back(authority(key_id))

    @asynccontextmanager
    async def about(self, key_id: str) -> AsyncIterator[None]:
        """Within the block the server of this key is asked.

        Raises:
            AskedTooMuch: not now.
            KeyUnavailable: the server could not be reached a moment ago.
        """
        server = authority(key_id)
        until = self._away.get(server)
        if until is not None and self._clock() < until:
            raise KeyUnavailable("the key's server could not be reached")
        await self._turn(server)
        if self._under_way >= AT_ONCE:
            raise AskedTooMuch(1)
        self._under_way += 1
        self._hopeful[server] += 1
        try:
            yield
        except Unreachable as error:
            if not error.connected:
                self._away[server] = self._clock() + AWAY
                self._away.move_to_end(server)
                if len(self._away) > MOST_AWAY:
                    self._away.popitem(last=False)
            raise
        finally:
            self._under_way -= 1
            asyncio.get_running_loop().call_later(PROOF_S, self._over, server)

    async def _turn(self, server: str) -> None:
        """Wait while answers under way may give a question back."""
        while (wait := self._rates.take(server)) is not None:
            if not self._hopeful[server] or self._waiting >= AT_ONCE:
                raise AskedTooMuch(wait)
            self._waiting += 1
            try:
                await asyncio.sleep(PAUSE_S)
            finally:
                self._waiting -= 1

    def _over(self, server: str) -> None:
        self._hopeful[server] -= 1
        if not self._hopeful[server]:
            del self._hopeful[server]
