"""A peer that takes everything, on every loopback address; says when it got the first.

    python -m tests.benchmarks.sink [FILE]      with TLS, if given certificates

FILE is JSON: for each address to listen at, its chain and its key. As in the world, each server has
a certificate of its own: one for a thousand names is 30 kB, and the dialler keeps it every time.

Prints `{"port": …, "hole": …}`; nobody ever answers at `hole`. At each line on stdin it prints how
many requests came since the last one, the monotonic time of the first of them, and, of the hosts
that were addressed, how many and how many requests they got beyond one each. The line `keep`
leaves the hosts' count as it is.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
import time
from collections import Counter
from pathlib import Path
from typing import ClassVar

ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class Sink(asyncio.Protocol):
    """Answers 202 to each request as soon as it is whole."""

    count = 0
    first_at: float | None = None
    hosts: ClassVar[Counter[bytes]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Count whole requests."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            length = int(_header(head, b"content-length:") or 0)
            if len(self._read) < end + 4 + length:
                return
            self._read = self._read[end + 4 + length :]
            if Sink.first_at is None:
                Sink.first_at = time.monotonic()
            Sink.count += 1
            Sink.hosts[_header(head, b"host:")] += 1
            self._transport.write(ANSWER)  # type: ignore[attr-defined]


def _header(head: bytes, name: bytes) -> bytes:
    at = head.find(b"\n" + name)
    return head[at + 1 + len(name) :].split(b"\r\n", 1)[0].strip() if at >= 0 else b""


def _hole() -> tuple[int, list[socket.socket]]:
    """A port whose queue of connections is full: whoever dials it waits for ever."""
    listener = socket.create_server(("0.0.0.0", 0), backlog=0)
    port: int = listener.getsockname()[1]
    held = [listener]
    for _ in range(4):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", port))
        held.append(one)
    return port, held


def _tls(chain: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


async def main(places: dict[str, list[str]]) -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    port, servers = 0, []
    for address, files in places.items():
        tls = _tls(*files) if files else None
        server = await loop.create_server(Sink, address, port, backlog=4096, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        servers.append(server)
    hole, held = _hole()
    print(json.dumps({"port": port, "hole": hole}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        hosts = Sink.hosts
        told = {
            "count": Sink.count,
            "first_at": Sink.first_at,
            "hosts": len(hosts),
            "twice": hosts.total() - len(hosts),
        }
        print(json.dumps(told), flush=True)
        Sink.count, Sink.first_at = 0, None
        if line.strip() != "keep":
            Sink.hosts = Counter()
    for one in held:
        one.close()


if __name__ == "__main__":
    told = Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else '{"0.0.0.0": []}'
    asyncio.run(main(json.loads(told)))
