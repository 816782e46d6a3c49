"""Group commit: many who wait, few transactions, and each answered for itself."""

from __future__ import annotations

import asyncio

import pytest

from hub.core import batch
from hub.core.batch import GroupCommit


class Disk:
    """Notes what was written together; refuses transactions that hold a bad item."""

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.written: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.begun = asyncio.Event()

    async def write(self, items: list[str]) -> None:
        self.begun.set()
        await self.open.wait()
        if self.bad & set(items):
            raise ValueError("refused")
        self.written.append(items)


async def test_what_arrives_together_is_written_together() -> None:
    disk = Disk()
    commits = GroupCommit[str](disk.write)
    await asyncio.gather(*(commits.add(item) for item in "abc"))
    assert disk.written == [["a", "b", "c"]]


async def test_what_arrives_during_a_transaction_shares_the_next_one() -> None:
    disk = Disk()
    disk.open.clear()
    commits = GroupCommit[str](disk.write)
    first = asyncio.create_task(commits.add("a"))
    await disk.begun.wait()
    others = [asyncio.create_task(commits.add(item)) for item in "bc"]
    await asyncio.sleep(0)
    assert not first.done()
    disk.open.set()
    await asyncio.gather(first, *others)
    assert disk.written == [["a"], ["b", "c"]]


async def test_one_bad_item_does_not_take_its_neighbours() -> None:
    disk = Disk("b")
    commits = GroupCommit[str](disk.write)
    done = await asyncio.gather(*(commits.add(item) for item in "abc"), return_exceptions=True)
    assert disk.written == [["a"], ["c"]]
    assert [type(one) for one in done] == [type(None), ValueError, type(None)]


async def test_one_who_waits_no_more_does_not_hold_up_the_others() -> None:
    disk = Disk()
    disk.open.clear()
    commits = GroupCommit[str](disk.write)
    impatient, patient = (asyncio.create_task(commits.add(item)) for item in "ab")
    await disk.begun.wait()
    impatient.cancel()
    disk.open.set()
    await patient
    assert disk.written == [["a", "b"]]


async def test_a_crowd_is_written_in_transactions_of_bounded_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "MOST", 2)
    disk = Disk()
    commits = GroupCommit[str](disk.write)
    await asyncio.gather(*(commits.add(item) for item in "abcde"))
    assert disk.written == [["a", "b"], ["c", "d"], ["e"]]
