"""How much we ask of others on a stranger's word: a key is fetched before anybody is believed.

Whoever posts to an inbox names the server that is asked for the key, so these bounds keep us from
being turned against it, or from being kept busy (SECURITY B8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from federation.errors import KeyUnavailable, Unreachable
from federation.origins import authority
from federation.rates import Rates
from federation.recent import Recent

BURST = 10
PER_SECOND = 1 / 6
"""Ten at once and ten a minute are never more than twenty in a minute towards one server."""
AT_ONCE = 64
"""Questions under way; servers that do not answer hold their places for seconds."""
AWAY = timedelta(seconds=30)
"""How long nothing more is asked of a server that could not be reached."""
MOST_AWAY = 8192


class AskedTooMuch(KeyUnavailable):
    """Too much is being asked already; `wait_s` seconds from now it may be better."""

    retry = True

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many keys are being asked for")
        self.wait_s = wait_s


class Asking:
    """Counts the questions; one for all keys of a site."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._rates = Rates(BURST, PER_SECOND, seconds=lambda: clock().timestamp())
        self._away: Recent[str, datetime] = Recent(MOST_AWAY)
        self._under_way = 0

    @contextmanager
    def about(self, key_id: str) -> Iterator[None]:
        """Within the block the server of this key is asked; one that has it may be asked again.

        Raises:
            AskedTooMuch: not now.
            KeyUnavailable: the server could not be reached a moment ago.
        """
        server = authority(key_id)
        until = self._away.get(server)
        if until is not None and self._clock() < until:
            raise KeyUnavailable("the key's server could not be reached")
        if self._under_way >= AT_ONCE:
            raise AskedTooMuch(1)
        wait = self._rates.take(server)
        if wait is not None:
            raise AskedTooMuch(wait)
        self._under_way += 1
        try:
            yield
        except Unreachable as error:
            if not error.connected:
                self._away.put(server, self._clock() + AWAY)
            raise
        else:
            self._rates.give_back(server)
        finally:
            self._under_way -= 1
