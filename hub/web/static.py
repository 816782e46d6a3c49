"""The static folder, served: what bears a digest in its name may be kept for a year."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from hub.core.services import Services
from hub.web.assets import BUILT, STATIC

LASTING = "public, max-age=31536000, immutable"
PASSING = "public, max-age=300"


def mount(app: FastAPI, _services: Services) -> None:
    """Serve the static folder under `/static`."""
    app.mount("/static", Files(), name="static")


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
