"""What single pieces of work cost, for the arithmetic of docs/scale.md: `python -m` prints them.

CPU seconds of the process under test; the other end of a connection is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from hub import demo, schema
from hub.bootstrap import opened
from hub.core.settings import Settings
from hub.fediverse.fanout import expand
from tests.benchmarks.hubs import a_hub, follow_from, inboxes, say
from tests.benchmarks.rig import (
    answer_of,
    cpu_s,
    free_port,
    own_cpu_s,
    process,
    rss_mb,
    wait_for_port,
)
from tests.interop.certificates import issue

HANDSHAKES, PAGES, FOLLOWERS = 300, 300, 10_000
PATHS = ("/", "/events", "/actors/events")


async def serve_tls(chain: str, key: str) -> None:
    """Shake hands with whoever comes, until the process is stopped."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stay, "127.0.0.1", 0, ssl=context, backlog=1000)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


async def _connections(port: int, authority: Path) -> tuple[float, float]:
    """CPU seconds and MB of one new TLS connection."""
    context = ssl.create_default_context(cafile=str(authority))
    kept = []
    for number in range(HANDSHAKES + 20):
        if number == 20:  # what is loaded once is loaded
            used, memory = own_cpu_s(), rss_mb(os.getpid())
        kept.append(
            await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname="peer.example"
            )
        )
    used, memory = own_cpu_s() - used, rss_mb(os.getpid()) - memory
    for _, writer in kept:
        writer.transport.abort()
    return used / HANDSHAKES, memory / HANDSHAKES


async def _expansion() -> float:
    """CPU seconds to write one delivery row."""
    async with a_hub() as hub:
        services = hub.services
        await follow_from(hub, "events", inboxes(1, FOLLOWERS), answered=True)
        await say(hub)
        used = own_cpu_s()
        while await expand(services):
            pass
        return (own_cpu_s() - used) / FOLLOWERS


async def _fill(folder: Path) -> None:
    settings = Settings(_env_file=None, data_dir=folder, url="http://127.0.0.1:1")
    await schema.upgrade(settings)
    async with opened(settings) as hub:
        await demo.fill(hub.services)


async def _get(port: int, path: str, times: int) -> int:
    """Bytes of the last answer."""
    head = b""
    for _ in range(times):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n"
        writer.write((asked + "Connection: close\r\n\r\n").encode())
        head = await reader.read(-1)
        writer.close()
        assert b" 200 " in head[:20], head[:200]
    return len(head)


@contextmanager
def _a_server() -> Iterator[tuple[int, int]]:
    """Port and process of a hub with the made-up neighbourhood in it."""
    folder, port = tempfile.mkdtemp(prefix="bench-"), free_port()
    uvloop.run(_fill(Path(folder)))
    with process("-m", "tests.benchmarks.servers", "hub", str(port), folder) as server:
        wait_for_port(port)
        yield port, server.pid


def main() -> None:
    """Measure each once and print it."""
    made = issue(["peer.example"], Path(tempfile.mkdtemp(prefix="bench-")))
    with process("-m", "tests.benchmarks.costs", str(made.chain), str(made.key)) as server:
        port = answer_of(server)["port"]
        seconds, memory = uvloop.run(_connections(port, made.authority))
    print(f"new TLS connection: {seconds * 1000:.2f} ms, {memory * 1000:.0f} kB")
    print(f"delivery written by fan-out: {uvloop.run(_expansion()) * 1000:.3f} ms")
    with _a_server() as (port, pid):
        for path in PATHS:
            uvloop.run(_get(port, path, 20))
            before = cpu_s(pid)
            size = uvloop.run(_get(port, path, PAGES))
            print(f"{path}: {(cpu_s(pid) - before) / PAGES * 1000:.1f} ms, {size / 1000:.1f} kB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        uvloop.run(serve_tls(*sys.argv[1:3]))
    else:
        main()
