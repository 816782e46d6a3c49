"""What a running hub has at hand; built once in `bootstrap`, handed to everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from federation.client import Poster
from federation.fetching import Fetcher
from federation.rates import Rates
from federation.signatures.keys import SigningKeys
from hub.core.db import Database
from hub.core.settings import Settings
from hub.core.wake import Wake

MOST_GATHERED: Final = 42  # of one server at once: twenty replies above one, and their authors
GATHERED_A_MINUTE: Final = 20  # and then (SECURITY B8)


@dataclass
class Services:
    """The hub's settings, database and ways to the outside.

    `settings` are those in force. They are replaced whole when a steward changes some, so nobody
    keeps them (`hub/setup/chosen.py` alone does that); `given` are those that the machine gave.
    `keys` are those of our own actors, by actor uri, parsed once. `wake` rings when there may be
    work; a missed ring costs a second, never the work. `gathered` counts, for each server, what was
    fetched from there because of threads; `rates` are how often residents may do what costs
    something, by name.
    """

    settings: Settings
    db: Database
    fetcher: Fetcher
    poster: Poster
    keys: dict[str, SigningKeys] = field(default_factory=dict)
    gathered: Rates = field(default_factory=lambda: Rates(MOST_GATHERED, GATHERED_A_MINUTE / 60))
    wake: Wake = field(default_factory=Wake)
    rates: dict[str, Rates] = field(default_factory=dict)
    given: Settings = field(init=False)

    def __post_init__(self) -> None:
        """At first nothing is changed."""
        self.given = self.settings

    @property
    def media(self) -> Path:
        """The folder of uploaded pictures."""
        return self.settings.data_dir / "media"

    @property
    def is_ours(self) -> Callable[[str], bool]:
        """Whether an authority is this hub."""
        return self.settings.authorities.__contains__
