"""A load of signed activities, and an actor server to go with it; run as a process of its own.

Reads one line of JSON: `{"url": …, "count": …, "connections": …, "as_mastodon": …}`. Signs
beforehand, then sends over keep-alive connections and prints one line: `{"accepted": …,
"seconds": …}`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from federation.signatures.http import sign_request
from federation.signatures.keys import SigningKeys, generate_keys
from tests.interop import installing

SIGNING = Path(__file__).with_name("signing.mjs")
# What Mastodon says of its posts in every public one.
CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    {
        "ostatus": "http://ostatus.org#",
        "atomUri": "ostatus:atomUri",
        "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
        "conversation": "ostatus:conversation",
        "sensitive": "as:sensitive",
        "toot": "http://joinmastodon.org/ns#",
        "votersCount": "toot:votersCount",
    },
]


def activity(home: str) -> bytes:
    """A Create of a Note in Mastodon's shape, 2.8 kB."""
    number = uuid4().hex
    note = {
        "id": f"{home}/notes/{number}",
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": "2026-11-22T09:00:00Z",
        "url": f"{home}/@alice/{number}",
        "attributedTo": f"{home}/alice",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "cc": [f"{home}/alice/followers"],
        "sensitive": False,
        "content": "<p>" + "What is on in the neighbourhood this week? " * 40 + "</p>",
        "contentMap": {"en": "<p>" + "What is on this week? " * 8 + "</p>"},
        "attachment": [],
        "tag": [],
    }
    return orjson.dumps(
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{home}/activities/{number}",
            "type": "Create",
            "actor": f"{home}/alice",
            "published": "2026-11-22T09:00:00Z",
            "to": note["to"],
            "cc": note["cc"],
            "object": note,
        }
    )


async def signed(bodies: list[bytes], keys: SigningKeys) -> list[bytes]:
    """The same as Mastodon sends what is public: with its vocabulary, and signed in themselves."""
    folder = installing.fedify()
    script = folder / SIGNING.name
    shutil.copy(SIGNING, script)
    secret = keys.rsa.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    given: list[dict[str, object]] = [
        {"key": base64.b64encode(secret).decode(), "keyId": keys.rsa_id}
    ]
    given += [{**orjson.loads(body), "@context": CONTEXT} for body in bodies]
    signer = await asyncio.create_subprocess_exec(
        str(installing.node()), str(script), cwd=folder, stdin=PIPE, stdout=PIPE
    )
    answer, _ = await signer.communicate(b"\n".join(map(orjson.dumps, given)))
    made = answer.splitlines()
    assert len(made) == len(bodies), "the documents could not be signed"
    return made


async def main() -> None:
    """Serve the actor, sign, send, report."""
    task = json.loads(sys.stdin.readline())
    made: list[SigningKeys] = []

    async def actor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        keys = made[0]
        body = orjson.dumps(
            {
                "@context": [
                    "https://www.w3.org/ns/activitystreams",
                    "https://w3id.org/security/v1",
                ],
                "id": keys.actor,
                "type": "Person",
                "preferredUsername": "alice",
                "inbox": f"{home}/alice/inbox",
                "publicKey": {
                    "id": keys.rsa_id,
                    "owner": keys.actor,
                    "publicKeyPem": keys.public_pem,
                },
            }
        )
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(actor, "127.0.0.1", 0)
    home = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    keys = generate_keys(f"{home}/alice")
    made.append(keys)
    moment = datetime.now(UTC)
    parts = urlsplit(task["url"])
    bodies = [activity(home) for _ in range(task["count"])]
    if task["as_mastodon"]:
        bodies = await signed(bodies, keys)
    requests = []
    for body in bodies:
        headers = sign_request(
            keys, "POST", task["url"], body, now=moment, content_type="application/activity+json"
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {parts.path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        requests.append(head.encode() + body)
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    begun = time.monotonic()
    accepted = await send(requests, parts.hostname or "", parts.port or 80, task["connections"])
    print(json.dumps({"accepted": accepted, "seconds": time.monotonic() - begun}), flush=True)


async def send(requests: list[bytes], host: str, port: int, connections: int) -> int:
    """How many were answered with 202."""
    accepted = 0

    async def one() -> None:
        nonlocal accepted
        reader, writer = await asyncio.open_connection(host, port)
        while requests:
            writer.write(requests.pop())
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.partition(b":")[2]))
            if status == 202:
                accepted += 1
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return accepted


if __name__ == "__main__":
    asyncio.run(main())
