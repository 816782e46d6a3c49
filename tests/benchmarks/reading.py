"""Reads the same address over and over, over 32 connections that stay open.

Reads one line of JSON: `{"port": …, "path": …, "accept": …, "count": …}`, and answers with one:
`{"bytes": …}` of all bodies. Anything but 200 ends it.
"""

from __future__ import annotations

import asyncio
import json
import sys

CONNECTIONS = 32


async def main() -> None:
    """Read until stdin ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps({"bytes": await _read(json.loads(line))}), flush=True)


async def _read(task: dict[str, object]) -> int:
    left, size = [int(str(task["count"]))], 0
    request = (
        f"GET {task['path']} HTTP/1.1\r\nHost: localhost:{task['port']}\r\n"
        f"Accept: {task['accept']}\r\n\r\n"
    ).encode()

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(str(task["port"])))
        size = 0
        while left[0] > 0:
            left[0] -= 1
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            at = head.lower().index(b"content-length:") + 15
            length = int(head[at : head.index(b"\r\n", at)])
            await reader.readexactly(length)
            size += length
        writer.close()
        return size

    sizes = await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return size + sum(sizes)


if __name__ == "__main__":
    asyncio.run(main())
