"""Every setting of the hub, in one frozen class.

Read from the environment (prefix `HUB_`) and from `hub.env` in the data folder; the environment
wins. `deploy/hub.env.example` is generated from this class.
"""

from __future__ import annotations

import os
import re
import ssl
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from federation.errors import FederationError
from federation.origins import authority
from hub.core.clock import zones
from hub.core.licences import CC_BY, is_licence
from hub.core.smtp import server_of
from hub.core.words import languages, later

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
LAST_PORT = 65_535
SENDER = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*", re.ASCII)
LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*")  # BCP 47, as far as form goes


def machine_timezone() -> str:
    """The IANA name of this machine's zone; `UTC` where it cannot be told."""
    name = os.environ.get("TZ", "").lstrip(":")
    if not name:
        link = os.path.realpath("/etc/localtime")
        name = link.partition("/zoneinfo/")[2]
    return name if name in zones() else "UTC"


class Settings(BaseSettings):
    """How this hub is set up."""

    model_config = SettingsConfigDict(env_prefix="HUB_", frozen=True, extra="ignore")

    url: str = Field(
        "", description="Public origin, e.g. https://hub.example; empty: http://localhost:PORT"
    )
    former_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses that this hub had before (`hub move`), comma-separated"
    )
    data_dir: Path = Field(Path("data"), description="Database, media and keys")
    database_url: str = Field(
        "", description="sqlite:///FILE or postgresql://…; empty: SQLite in DATA_DIR"
    )
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=1, le=LAST_PORT, description="Port to listen on")
    socket: Path | None = Field(None, description="Unix socket to listen on instead of HOST:PORT")
    trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses whose forwarded headers count, comma-separated"
    )
    smtp_url: str = Field(
        "",
        description="smtp://user:pass@host:587 (also starttls://, smtps://); empty: letters wait",
    )
    mail_from: str = Field("", description="Whom mail comes from; empty: hub@ and the domain")
    allow_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="CIDRs that requests may reach although they are not public, for tests"
    )
    allow_http: bool = Field(False, description="Plain http and odd ports to peers, for tests")
    ca_file: Path | None = Field(None, description="Extra trusted certificate authorities (PEM)")
    federation: Literal["open", "limited", "allow-list"] = Field(
        "limited",
        description="limited: replies from unknown servers wait for a steward",
    )
    hold_posts: bool = Field(
        False, description="Posts without an account wait for a steward before anybody sees them"
    )
    posting: Literal["everybody", "members"] = Field(
        "everybody", description="members: whoever has no account here posts nothing"
    )
    guest_posts: int = Field(
        3,
        ge=0,
        le=50,
        description="Posts of a guest in a day that stand until a moderator let one of them stand",
    )
    name: str = Field(
        "Our neighbourhood", min_length=1, max_length=80, description="The hub's name"
    )
    strapline: str = Field(
        later("your neighbourhood hub"), max_length=80, description="Under the name"
    )
    language: str = Field("en", description="Main language (BCP 47)")
    languages: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Languages to choose from, comma-separated; empty: all that the pages speak",
    )
    timezone: str = Field(
        default_factory=machine_timezone, description="IANA zone; default: the machine's"
    )
    area: str = Field("", max_length=120, description="What the area is called")
    latitude: float | None = Field(None, ge=-90, le=90, description="Centre of the area, WGS 84")
    longitude: float | None = Field(None, ge=-180, le=180, description="Centre of the area, WGS 84")
    radius_m: int = Field(2000, ge=100, le=200_000, description="Radius of the area in metres")
    contact: str = Field("", max_length=200, description="How to reach the stewards")
    about: str = Field("", max_length=4000, description="What this hub is for (Markdown)")
    imprint: str = Field("", max_length=2000, description="Who is responsible for this hub")
    licence: str = Field(
        CC_BY,
        description="Terms for what is published here: a licence's address; empty: none is named",
    )
    hue: int = Field(42, ge=0, le=360, description="The hub's colour, a hue in degrees")
    inbox_burst: int = Field(100, ge=1, description="Requests at once from a server we do not know")
    inbox_rate: float = Field(10, gt=0, description="Requests per second from such a server")
    peer_burst: int = Field(1000, ge=1, description="Requests at once from a followed server")
    peer_rate: float = Field(50, gt=0, description="Requests per second from a followed server")
    in_flight: int = Field(256, ge=1, le=2000, description="Deliveries on their way at once")
    backup_daily: bool = Field(
        True, description="The hub saves itself each day, in DATA_DIR/backups"
    )
    backups_kept: int = Field(
        7, ge=1, le=30, description="How many of these are kept; older ones are deleted"
    )
    backup_before_upgrade: Literal["always", "sqlite", "never"] = Field(
        "always", description="Save the rows before a new version changes the tables"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Log level")
    log_format: Literal["text", "json"] = Field("text", description="Log format")

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",") if part.strip()]
        try:
            return tuple(ip_network(part) for part in parts)
        except ValueError as error:
            raise ValueError(f"must be networks such as 127.0.0.0/8; {error}") from None

    @field_validator("languages", mode="before")
    @classmethod
    def _tongues(cls, value: object) -> object:
        return tuple(re.findall(r"[^\s,]+", value)) if isinstance(value, str) else value

    @field_validator("languages")
    @classmethod
    def _spoken(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - set(languages())):
            spoken = ", ".join(languages())
            raise ValueError(f"{unknown[0]} is not spoken by the pages; they speak {spoken}")
        return value

    @field_validator("language")
    @classmethod
    def _tongue(cls, value: str) -> str:
        if not LANGUAGE.fullmatch(value):
            raise ValueError(f"{value} is not a language such as en, de or pt-BR")
        return value

    @field_validator("licence")
    @classmethod
    def _terms(cls, value: str) -> str:
        if value and not is_licence(value):
            raise ValueError("must be the address of a licence, such as " + CC_BY)
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: str) -> str:
        if value:
            server_of(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        if value and not SENDER.fullmatch(value):
            raise ValueError(f"{value} is not an address such as hub@oak.example")
        return value

    @field_validator("ca_file")
    @classmethod
    def _authorities(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except OSError as error:
                raise ValueError(f"{value} cannot be used: {error.strerror or error}") from None
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in zones():
            raise ValueError(f"{value} is not an IANA time zone such as Europe/Berlin")
        return value

    @model_validator(mode="before")
    @classmethod
    def _address(cls, data: dict[str, object]) -> dict[str, object]:
        if not data.get("url"):
            port = str(data.get("port") or 8000)
            # A port that makes no sense is told by its own name, and once.
            fits = port.isascii() and port.isdigit() and 0 < int(port) <= LAST_PORT
            data["url"] = f"http://localhost:{port if fits else 8000}"
        return data

    @field_validator("former_urls", mode="before")
    @classmethod
    def _former(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",") if part.strip()]
        return tuple(cls._origin(part) for part in parts)

    @field_validator("url")
    @classmethod
    def _origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an address such as https://hub.example")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("must be a whole domain: a hub cannot live under a path")
        try:
            return f"{parts.scheme}://{authority(value)}"
        except FederationError as error:
            raise ValueError(f"must be an address such as https://hub.example: {error}") from None

    @cached_property
    def authority(self) -> str:
        """`host` or `host:port` of this hub."""
        return authority(self.url)

    @cached_property
    def authorities(self) -> frozenset[str]:
        """Every authority that is this hub, or was.

        On loopback its three names are one (SETTLED 1).
        """
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        if host not in LOOPBACK_NAMES:
            return frozenset({self.authority}) | self.former
        port = self.authority[len(host or "") :]
        return frozenset(f"{name}{port}" for name in LOOPBACK_NAMES) | self.former

    @cached_property
    def former(self) -> frozenset[str]:
        """The authorities that this hub had before."""
        return frozenset(authority(url) for url in self.former_urls)

    @cached_property
    def secure(self) -> bool:
        """Whether residents reach the hub by https."""
        return self.url.startswith("https://")

    @cached_property
    def mail_address(self) -> str:
        """Whom letters of this hub come from."""
        return self.mail_from or f"hub@{urlsplit(self.url).hostname}"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The clock on the neighbourhood's wall."""
        return ZoneInfo(self.timezone)

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy address of the database, with its asynchronous driver."""
        address = self.database_url or f"sqlite:///{self.data_dir / 'hub.db'}"
        address = address.replace("postgres://", "postgresql://", 1)
        address = address.replace("postgresql://", "postgresql+asyncpg://", 1)
        return address.replace("sqlite:///", "sqlite+aiosqlite:///", 1)


def load_settings(**given: object) -> Settings:
    """Settings from the environment and `hub.env`; `given` wins over both.

    Raises:
        pydantic.ValidationError: a value makes no sense.
    """
    folder = given.get("data_dir") or os.environ.get("HUB_DATA_DIR") or "data"
    return Settings(_env_file=Path(str(folder)) / "hub.env", **given)  # type: ignore[arg-type]
