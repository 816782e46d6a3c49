"""The servers that benchmarks compare, each a process.

`bare` verifies mail and keeps nothing, `bytes` gives one document to everybody, `hub` is a hub's
web side without a worker.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from pathlib import Path

import httpx2
import orjson
import uvicorn
import uvloop
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.types import Receive, Scope, Send

from hub import memory, schema
from hub.app import create_app
from hub.bootstrap import Hub, opened
from hub.core.settings import Settings


class Bare:
    """Read, digest, RSA verify, parse, 202: nothing of the hub, nothing kept."""

    def __init__(self) -> None:
        self._key: rsa.RSAPublicKey | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        fields = dict(part.split("=", 1) for part in headers["signature"].split(","))
        digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert digest == headers["digest"]
        values = {**headers, "(request-target)": f"post {scope['path']}"}
        names = fields["headers"].strip('"').split(" ")
        base = "\n".join(f"{name}: {values[name]}" for name in names)
        key = self._key or await self._fetch(fields["keyId"].strip('"'))
        signature = base64.b64decode(fields["signature"].strip('"'))
        key.verify(signature, base.encode(), padding.PKCS1v15(), hashes.SHA256())
        orjson.loads(body)
        await send(
            {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})

    async def _fetch(self, key_id: str) -> rsa.RSAPublicKey:
        async with httpx2.AsyncClient(trust_env=False) as client:
            document = (await client.get(key_id.partition("#")[0])).json()
        key = load_pem_public_key(document["publicKey"]["publicKeyPem"].encode())
        assert isinstance(key, rsa.RSAPublicKey)
        self._key = key
        return key


async def bare(port: int, _: Path) -> None:
    """The yardstick of taking mail."""
    await _serve(Bare(), port)


async def just_bytes(port: int, folder: Path) -> None:
    """The yardstick of reading."""
    await _serve(Bytes(folder), port)


class Bytes:
    """The file `document` of a folder, whatever is asked for."""

    def __init__(self, folder: Path) -> None:
        self._body = (folder / "document").read_bytes()
        self._headers = [
            (b"content-type", b"application/activity+json"),
            (b"content-length", str(len(self._body)).encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


async def hub(port: int, folder: Path) -> None:
    """What is measured is the web side: taking mail, durably, and reading."""
    settings = Settings(
        _env_file=None,
        data_dir=folder,
        port=port,
        url=f"http://127.0.0.1:{port}",
        allow_networks="127.0.0.0/8",
        allow_http=True,
        database_url=os.environ.get("BENCH_DATABASE_URL", ""),
        # The limits are for strangers; here one server sends everything.
        inbox_burst=1_000_000,
        inbox_rate=1_000_000,
    )
    await schema.upgrade(settings)
    async with opened(settings) as opened_hub:
        if (synchronous := os.environ.get("BENCH_SYNCHRONOUS")) is not None:
            await _synchronise(opened_hub, synchronous)
        memory.settle()
        await _serve(create_app(opened_hub), port)


async def _synchronise(opened_hub: Hub, synchronous: str) -> None:
    """Change what the one writing connection of SQLite waits for."""
    async with opened_hub.services.db.writer.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.execute(f"PRAGMA synchronous={synchronous}")


async def _serve(app: object, port: int) -> None:
    config = uvicorn.Config(app, port=port, log_level="warning", lifespan="off", access_log=False)  # type: ignore[arg-type]
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    serve = {"bare": bare, "bytes": just_bytes, "hub": hub}[sys.argv[1]]
    uvloop.run(serve(int(sys.argv[2]), Path(sys.argv[3])))
