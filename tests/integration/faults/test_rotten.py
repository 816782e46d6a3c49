"""R32: pages of the database rot on the disk, and no hub goes on with them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from hub.core.errors import CommandFailed
from hub.core.settings import Settings
from hub.keeping import restoring, saving, soundness, tables, upgrading
from tests.conftest import ENGINE, MakeHub, Running
from tests.integration.faults.scale import noted, patience, scaled
from tests.integration.faults.test_saved import elsewhere, key_of
from tests.towns import EVENT

PAGE = 4096  # bytes
ROTS = scaled(24, 2_000)

pytestmark = pytest.mark.skipif(
    ENGINE != "sqlite", reason="PostgreSQL looks after its files itself"
)


def _rotten(page: bytes, dice: random.Random) -> bytes:
    """The page lost, or with one bit of its first byte the other way: what kind of page it is."""
    if dice.random() < 0.5:
        return b"\xff" * len(page)
    return bytes([page[0] ^ 1 << dice.randrange(8)]) + page[1:]


async def _refused(settings: Settings) -> str:
    """What a hub that starts says, if it does not start."""
    try:
        await upgrading.upgrade(settings)
    except CommandFailed as error:
        return str(error)
    return ""


async def _rows(settings: Settings) -> dict[str, tables.Tally]:
    async with tables.snapshot(settings.database) as snapshot:
        return await snapshot.tallies()


@pytest.mark.timeout(patience(120, 3600))
async def test_r32_whatever_page_rots_the_hub_refuses_and_says_how_to_restore(
    make_hub: MakeHub, tmp_path: Path
) -> None:
    """Only a page that holds nothing may rot unseen; then every row is as before."""
    hub: Running = await make_hub()
    settings = hub.services.settings
    for number in range(12):
        event = {**EVENT, "title": f"Event {number}", "description": "Long. " * 900}
        answer = await hub.web.post("/api/v1/events", json=event, headers=hub.steward)
        assert answer.status_code == 201
    saved = await saving.save(settings)
    # A file without a log beside it, as a hub leaves it that was stopped.
    rotting = elsewhere(settings, tmp_path / "rotting", f"sqlite:///{tmp_path}/rotting/hub.db")
    await restoring.restore(rotting, saved, key_of(settings), only_try=False)
    await soundness.refuse_damage(rotting)
    before, file = await _rows(rotting), rotting.data_dir / "hub.db"
    kept = (await saving.save(rotting)).name
    whole, dice = await asyncio.to_thread(file.read_bytes), random.Random(32)
    seen = empty = 0
    with noted("R32", "pages that rot") as figures:
        for _ in range(ROTS):
            start = dice.randrange(len(whole) // PAGE) * PAGE
            page = _rotten(whole[start : start + PAGE], dice)
            await asyncio.to_thread(file.write_bytes, whole[:start] + page + whole[start + PAGE :])
            if why := await _refused(rotting):
                assert "is damaged" in why
                away = f"{tmp_path}/rotting-damaged"
                assert f"hub restore {away}/backups/{kept} --key-file {away}/secret.key" in why
                with pytest.raises(CommandFailed, match="is damaged"):
                    await saving.save(rotting)
                seen += 1
            else:
                assert await _rows(rotting) == before, f"page {start // PAGE}"
                empty += 1
        assert seen > empty
        figures.update({"pages that rotted": ROTS, "seen": seen, "empty": empty, "unseen": 0})
