"""The static folder, served: what bears a digest in its name may be kept for a year."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from hub.web.assets import BUILT, STATIC, asset

LASTING = "public, max-age=31536000, immutable"
PASSING = "public, max-age=300"
WORKERS = (
    "offline-worker.js",
    "push-worker.js",
    "waiting-worker.js",
)  # each by itself: what the service worker does


def mount(app: FastAPI) -> None:
    """Serve the static folder under `/static`, and the service worker of all pages."""
    app.add_route("/sw.js", worker)
    app.mount("/static", Files(), name="static")


async def worker(_request: Request) -> Response:
    """The service worker: it must lie on top, and takes in what it does from the static folder."""
    script = "".join(f'importScripts("{asset(name)}");\n' for name in WORKERS)
    headers = {"cache-control": "no-cache"}
    return Response(script, headers=headers, media_type="text/javascript")


class Files(StaticFiles):
    """The files, with how long they may be kept."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC, check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file.

        Raises:
            HTTPException: there is none.
        """
        response = await super().get_response(path, scope)
        built = path.replace("\\", "/").startswith(f"{BUILT}/")
        response.headers["cache-control"] = LASTING if built else PASSING
        return response
