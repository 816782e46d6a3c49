"""A hub of ours as a process, as a test drives it: by its API, its pages and its command."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any, Literal

import httpx2

from tests.interop.installing import ROOT
from tests.interop.processes import running, until
from tests.interop.world import Places, World

COMMAND_S = 60.0
ANSWER_S = 30.0
AS2 = "application/activity+json"
Json = dict[str, Any]
Client = Literal["aiohttp", "libcurl"]
"""With what a hub delivers (0026)."""
# A hub takes libcurl where it is installed; without the extra `fast` it is not.
WITHOUT_LIBCURL = "import sys; sys.modules['pycurl'] = None; from hub.cli import main; main()"
PROGRAMS: dict[Client, tuple[str, ...]] = {
    "aiohttp": (sys.executable, "-c", WITHOUT_LIBCURL),
    "libcurl": (sys.executable, "-m", "hub"),
}
_LINK = re.compile(r"https://\S+/sign-in/\S+(?=\n)")
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_MESSAGE = re.compile(r'id="message-([0-9a-f-]{36})"(.*?)(?=id="message-|\Z)', re.DOTALL)


@dataclass
class Hub:
    """A running hub; `web` is a stranger's browser, `steward` that of a steward."""

    host: str
    pid: int
    env: Mapping[str, str]
    web: httpx2.Client
    steward: httpx2.Client
    token: str = field(default="")

    @property
    def url(self) -> str:
        """Its origin."""
        return f"https://{self.host}"

    def actor(self, name: str) -> str:
        """The id of one of its actors."""
        return f"{self.url}/actors/{name}"

    def command(self, *words: str) -> str:
        """What `hub …` says, beside the running hub."""
        done = subprocess.run(
            [sys.executable, "-m", "hub", *words],
            cwd=ROOT,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, f"hub {' '.join(words)}: {done.stderr or done.stdout}"
        return done.stdout

    def api(self, method: str, path: str, body: Json | None = None) -> Any:
        """An answer of the API to a steward's program."""
        answer = self.web.request(
            method,
            f"/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def post(self, folder: str, /, **members: Any) -> Json:
        """Publish something, as a program does."""
        posted: Json = self.api("POST", folder, members)
        return posted

    def listed(self, kind: str) -> list[Json]:
        """What stands in one of the public lists, from here and elsewhere."""
        answer = self.web.get(f"/api/v1/{kind}", params={"origin": "all"})
        items: list[Json] = answer.json()["items"]
        return items

    def follows(self) -> list[Json]:
        """Whom it follows."""
        items: list[Json] = self.api("GET", "follows")["items"]
        return items

    def accepted(self) -> Json:
        """The latest of its follows that the other side accepted, in time."""

        def look() -> list[Json]:
            return [row for row in self.follows() if row["state"] == "accepted"]

        return until(look, "an Accept")[-1]

    def document(self, uri: str) -> Json:
        """An object of this hub, as a server that asks for it gets it."""
        answer = self.web.get(uri, headers={"Accept": AS2})
        assert answer.status_code == 200, f"{uri}: {answer.status_code}"
        document: Json = answer.json()
        return document

    def replies(self, entry: Json) -> list[str]:
        """The ids of the public replies under an entry."""
        found = self.document(f"{entry['url']}/replies")
        page = found.get("first", found)
        ids: list[str] = (page if isinstance(page, dict) else found).get("items", [])
        return ids

    def page(self, path: str) -> str:
        """A page as a stranger sees it."""
        answer = self.web.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def message(self, words: str) -> str | None:
        """The id of the message with these words that waits for the stewards."""
        answer = self.steward.get("/admin/inbox")
        assert answer.status_code == 200, answer.status_code
        for found in _MESSAGE.finditer(answer.text):
            if words in unescape(found.group(2)):
                return found.group(1)
        return None

    def click(self, message: str, deed: str, **fields: str) -> None:
        """Press a steward's button at a message."""
        page = self.steward.get("/admin/inbox", params={"show": "all"}).text
        self._send(page, f"/admin/inbox/{message}/{deed}", fields)

    def sign_in(self, log: Path) -> None:
        """Make the steward's browser one, by the link that a new hub prints."""
        found = until(lambda: _LINK.search(log.read_text(encoding="utf-8")), "the first link")
        link = found.group()
        self._send(self.steward.get(link).text, link, {})

    def _send(self, page: str, action: str, fields: Mapping[str, str]) -> None:
        found = _CSRF.search(page)
        assert found, f"no form on the page before {action}"
        answer = self.steward.post(action, data={**fields, "csrf": found.group(1)})
        assert answer.status_code == 303, f"{action}: {answer.status_code} {answer.text[:500]}"


class Door(httpx2.HTTPTransport):
    """Leads a browser of the test to where the proxy listens, whatever the name in the address."""

    def __init__(self, places: Places, authority: Path) -> None:
        super().__init__(verify=ssl.create_default_context(cafile=authority))
        self._places = places

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask the proxy; `Host` and the certificate's name stay what they were."""
        host = request.url.host
        address, port = self._places[host]
        led = httpx2.Request(
            request.method,
            request.url.copy_with(host=address, port=port),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return super().handle_request(led)


@contextmanager
def hub(
    host: str,
    *,
    port: int,
    folder: Path,
    world: World,
    authority: Path,
    client: Client,
    **settings: str,
) -> Iterator[Hub]:
    """A fresh hub, behind the proxy of `world` as `https://{host}`."""
    folder.mkdir(parents=True)
    env = {
        "HUB_URL": f"https://{host}",
        "HUB_PORT": str(port),
        "HUB_DATA_DIR": str(folder / "data"),
        "HUB_NAME": host.partition(".")[0].title(),
        "HUB_TIMEZONE": "Europe/Berlin",
        "HUB_ALLOW_NETWORKS": "127.0.0.0/8",
        "HUB_CA_FILE": str(authority),
        **world.env,
        **settings,
    }
    command = [*world.before, *PROGRAMS[client], "serve"]
    log = folder / f"{host}.log"
    with (
        running(command, folder=ROOT, log=log, env=env, port=port) as process,
        _browser(host, world.places, authority) as web,
        _browser(host, world.places, authority) as steward,
    ):
        made = Hub(host, process.pid, env, web, steward)
        made.token = made.command("token", "create", "tests", "--role", "steward").split()[-1]
        made.sign_in(log)
        yield made


def _browser(host: str, places: Places, authority: Path) -> httpx2.Client:
    return httpx2.Client(
        base_url=f"https://{host}", transport=Door(places, authority), timeout=ANSWER_S
    )
