"""What many integration tests begin with."""

from __future__ import annotations

import pytest

from tests.conftest import MakeHub
from tests.towns import Town, town_of


@pytest.fixture
async def town(make_hub: MakeHub) -> Town:
    """A hub with an event, and a server in another town that knows of it."""
    return await town_of(make_hub)
