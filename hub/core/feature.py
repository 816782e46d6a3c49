"""What a room plugs in, declared in one place of its own (`feature.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import APIRouter

    from federation.inbox import Inbox


@dataclass(frozen=True)
class Feature:
    """The routers and inbound handlers of one room.

    Jobs register themselves where they are defined; `bootstrap` imports every room.
    """

    name: str
    routers: tuple[APIRouter, ...] = ()
    inbox: Inbox[Any] | None = None
