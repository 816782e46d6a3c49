"""Every route says for whom it is, and the page about it says the same (SECURITY E5)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import Route as Plain

from hub.app import BESIDE
from tests.routes import PAGE, application, page, routes_of


def test_e5_every_route_says_for_whom_it_is() -> None:
    routes = routes_of(application())
    assert len(routes) > 180
    assert [route.name for route in routes if route.audience is None] == []


def test_e5_a_route_that_does_not_say_it_is_found_by_name() -> None:
    app = application()
    router = APIRouter()
    router.add_api_route("/forgotten/{entry_id}", lambda: None, methods=["PUT"])
    app.include_router(router)
    app.router.routes.append(Plain("/plain", lambda request: None))
    missing = [route.name for route in routes_of(app) if route.audience is None]
    assert missing == ["PUT /forgotten/{entry_id}", "GET /plain"]


def test_e5_nothing_is_declared_that_is_not_there() -> None:
    assert set(BESIDE) <= {route.name for route in routes_of(application())}


def test_the_page_about_routes_says_what_the_program_does() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again: python -m tests.routes"
