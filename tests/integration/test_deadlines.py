"""Slow sockets lose their places, whoever is honest keeps theirs (SECURITY B11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from hub.web.deadlines import Deadlines
from tests.processes import free_port

HANG_S = 6  # nothing here takes so long; a test that does has failed
SLOW = 300


class Hasty(Deadlines):
    """The same, thirty times as fast."""

    head_s = 0.5
    body_s = 0.9
    stall_s = 0.5


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the number of bytes that came, or with many."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"x" * 50_000_000 if scope["path"] == "/much" else str(length).encode()
    size = str(len(body)).encode()
    if scope["path"] == "/slow":
        await asyncio.sleep(2)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", size)]}
    )
    await send({"type": "http.response.body", "body": body})


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANG_S):
        while not true():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def served(**given: Any) -> AsyncIterator[uvicorn.Server]:
    port = free_port()
    config = uvicorn.Config(
        echo,
        port=port,
        http=Hasty,
        timeout_keep_alive=1,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
        **given,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server
    finally:
        server.should_exit = True
        await task


async def said(server: uvicorn.Server, *parts: bytes) -> bytes:
    """All that comes back until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
    for part in parts:
        writer.write(part)
    try:
        async with asyncio.timeout(HANG_S):
            return await reader.read()
    finally:
        writer.close()


GET = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n"


@pytest.mark.parametrize(
    ("begun", "answer"),
    [
        (b"", b"408"),
        (b"G", b"408"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ", b"408"),
        (POST, b"408"),
        (POST + b"x" * 20, b"408"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe", b"408"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP", b"200"),
    ],
    ids=["silent", "a letter", "half a head", "no body", "some body", "chunks", "blank", "second"],
)
async def test_b11_who_begins_and_does_not_go_on_is_hung_up_on(begun: bytes, answer: bytes) -> None:
    async with served() as server:
        reply = await said(server, begun)
    assert reply.startswith(b"HTTP/1.1 " + answer)


async def drip(server: uvicorn.Server, begun: bytes, byte: bytes) -> bytes:
    """A byte now and then, as long as the other side puts up with it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
    writer.write(begun)
    answer = asyncio.create_task(reader.read())
    try:
        async with asyncio.timeout(HANG_S):
            while not answer.done():
                writer.write(byte)
                await asyncio.wait([answer], timeout=0.1)
        return answer.result()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_b11_hundreds_of_slow_sockets_do_not_keep_honest_ones_out() -> None:
    drips = [(b"GET / HTTP/1.1\r\nhost: x\r\n", b"x"), (POST, b"x"), (b"", b"\r\n")]
    async with served() as server:
        slow = [asyncio.create_task(drip(server, *drips[n % len(drips)])) for n in range(SLOW)]
        honest = 0
        while not all(task.done() for task in slow):
            reply = await said(server, GET)
            assert reply.startswith(b"HTTP/1.1 200")
            honest += 1
        assert honest > 1
        for task in slow:
            assert b" 200 " not in task.result()
        assert (await said(server, GET)).startswith(b"HTTP/1.1 200")


async def test_b11_who_does_not_read_is_hung_up_on() -> None:
    async with served() as server:
        port = server.config.port
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /much HTTP/1.1\r\nhost: x\r\n\r\n")
        await until(lambda: bool(server.server_state.total_requests))
        await until(lambda: not server.server_state.connections)
        writer.close()


async def test_who_waits_long_for_an_answer_gets_it() -> None:
    async with served() as server:
        reply = await said(
            server, b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n\r\n"
        )
    assert reply.startswith(b"HTTP/1.1 200")


async def test_a_large_body_that_comes_steadily_may_take_longer() -> None:
    body = b"x" * 40_000
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 400000\r\n\r\n"
    async with served() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
        writer.write(head)
        for _ in range(10):
            await asyncio.sleep(0.2)  # two seconds: twice the deadline
            writer.write(body)
        async with asyncio.timeout(HANG_S):
            reply = await reader.read()
        writer.close()
    assert reply.endswith(b"400000")


async def test_more_connections_than_there_are_places_get_503_and_those_before_go_on() -> None:
    async with served(limit_concurrency=20) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.config.port) for _ in range(19)]
        assert (await said(server, GET)).startswith(b"HTTP/1.1 503")
        for _, writer in held:
            writer.close()
        await until(lambda: not server.server_state.connections)
        assert (await said(server, GET)).startswith(b"HTTP/1.1 200")
