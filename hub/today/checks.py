"""One check: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from hub.core.words import say

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found.

    `title` and `message` are English, said in the reader's language when it is known; `values` are
    named in the message. `href` is the page where something can be done, if there is one.
    """

    name: str
    title: str
    state: State
    message: str
    values: dict[str, Any] = field(default_factory=dict)
    href: str = ""

    def told(self, moment: Callable[[datetime], str]) -> str:
        """The message; `moment` says how its times are written."""
        values = {
            name: moment(value) if isinstance(value, datetime) else value
            for name, value in self.values.items()
        }
        return say(self.message) % values
