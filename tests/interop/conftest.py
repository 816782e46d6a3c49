"""Worlds for interoperability tests, and what happened in them when one fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop import installing
from tests.interop.town import Town, town

TOWN = pytest.StashKey[Town]()


@pytest.fixture(scope="session")
def _peers() -> None:
    """The peers are there, or the test fails in a sentence."""
    missing = ""
    try:
        installing.fedify()
        installing.relay()
    except installing.PeerMissing as error:
        missing = str(error)
    if missing:
        pytest.fail(missing, pytrace=False)


@pytest.fixture(scope="module")
def world(
    _peers: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A small world for the tests of one file."""
    with town(tmp_path_factory.mktemp("world")) as made:
        request.node.stash[TOWN] = made
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show what went over the wire when a test fails."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed:
        for node in item.listchain():
            if TOWN in node.stash:
                report.sections.append(("the small world", node.stash[TOWN].story()))
    return report  # type: ignore[return-value]
