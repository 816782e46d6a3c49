"""What `HUB_SMTP_URL` says: which mail server, and how to speak with it. Pure."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

Tls = Literal["implicit", "always", "offered", "never"]

PORTS: Final[dict[str, int]] = {"smtp": 587, "starttls": 587, "smtps": 465}
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server; `tls`: from the first byte, always after a word, where offered, or never."""

    host: str
    port: int
    user: str
    password: str
    tls: Tls

    def context(self, ca_file: Path | None) -> ssl.SSLContext | None:
        """How its certificate is checked; `ca_file` holds further authorities."""
        if self.tls == "never":
            return None
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        return context


def server_of(url: str) -> Server:
    """The server that an address means: smtp://, starttls:// or smtps://[user:password@]host[:port].

    `smtp` takes TLS where it is offered, and never sends a password without it, except to this
    machine.

    Raises:
        ValueError: it is no such address.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("must be an address such as smtp://user:password@mail.example:587")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    tls: Tls = {"smtps": "implicit", "starttls": "always"}.get(parts.scheme, "offered")  # type: ignore[assignment]
    if tls == "offered" and parts.hostname in LOOPBACK:
        tls = "never"
    elif tls == "offered" and user:
        tls = "always"
    return Server(parts.hostname, parts.port or PORTS[parts.scheme], user, password, tls)
