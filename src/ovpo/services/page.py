# SPDX-License-Identifier: Apache-2.0
"""The first page of the query API's address: whether the stores answer, and where to go on."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

FILE = files(__package__) / "page.html"


def router(dagster_port: int) -> APIRouter:
    """Make the route; Dagster's page is linked on the host that the browser used for this one."""
    routes = APIRouter(include_in_schema=False)
    text = FILE.read_text(encoding="utf-8").replace("DAGSTER_PORT", str(dagster_port))

    @routes.get("/")
    async def first_page() -> HTMLResponse:
        """Show the page."""
        return HTMLResponse(text)

    return routes
