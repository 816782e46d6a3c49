"""Every route of the hub and for whom it is, read from the program: `python -m tests.routes`.

`docs/routes.md` is written from here, and a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from hub.app import BESIDE, plug_in
from hub.web import static
from hub.web.doors import Audience

PAGE = Path(__file__).parents[1] / "docs" / "routes.md"
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

HEAD = """# Who may use what

Every address of a hub, and for whom it is. The program says it itself: each route has its audience
(`hub.web.doors.Audience`) among its dependencies and is asked there before anything else happens. A
test compares this page with it; others send every role through all of it, and somebody else to all
that is somebody's own.

- **everybody**: what is not public is still shown only to those who may see it
  (`hub/entries/visibility.py`), and to all others it is as if it were not there. A server that is
  blocked gets nothing.
- Where it says **who published it**, or **its two sides**, others are refused whatever their role;
  what they may not even see is not there for them.
- **Stewards** look after the hub, **moderators** after what others say here. **Guests** proved an
  e-mail address and nothing else, **readers** only read.
- HEAD is answered like GET.

| Address | How | For whom |
|---|---|---|
"""


@dataclass(frozen=True)
class Route:
    """One way to ask for one address; `audience` is None where the program does not say it."""

    method: str
    path: str
    audience: Audience | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return PARAMETER.findall(self.path)

    def filled(self, **values: Any) -> str:
        """Its path for these things."""
        return PARAMETER.sub(lambda found: str(values[found[1]]), self.path)


def application() -> FastAPI:
    """The application with every route, of no hub."""
    app = FastAPI(docs_url="/api/docs", openapi_url="/api/openapi.json", redoc_url=None)
    plug_in(app)
    static.mount(app)
    return app


def inside(app: Any) -> FastAPI:
    """The application behind what stands around it."""
    while not isinstance(app, FastAPI):
        app = getattr(app, "app", None) or app._app
    return app


def routes_of(app: FastAPI) -> list[Route]:
    """Every route of an application, and the inboxes that stand before it."""
    found = [route for context in iter_route_contexts(app.routes) for route in _routes(context)]
    inboxes = [name for name in BESIDE if name.startswith("POST ")]
    return found + [Route("POST", name.partition(" ")[2], BESIDE[name]) for name in inboxes]


def _routes(context: Any) -> Iterator[Route]:
    said = [one for one in getattr(context, "dependencies", ()) if isinstance(one, Audience)]
    for method in sorted((context.methods or {"GET"}) - {"HEAD"}):
        beside = BESIDE.get(f"{method} {context.path}")
        yield Route(method, context.path, said[-1] if said else beside)


def page() -> str:
    """docs/routes.md as it should be."""
    rows: dict[tuple[str, str], list[str]] = {}
    for route in routes_of(application()):
        words = route.audience.words if route.audience else "nobody said it"
        methods = rows.setdefault((PARAMETER.sub(r"{\1}", route.path), words), [])
        if route.method not in methods:
            methods.append(route.method)
    lines = [
        f"| `{path}` | {', '.join(methods)} | {words} |"
        for (path, words), methods in sorted(rows.items())
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
