"""What the tests of conformance share: a server elsewhere, on the hub's wire."""

from __future__ import annotations

import pytest

from tests.conftest import Running
from tests.integration.conformance.peer import Peer


@pytest.fixture
def peer(hub: Running) -> Peer:
    """`https://peer.example`, where ada and bob live."""
    return Peer(hub)
