"""The classroom as a page for a projector: cards that blink when a node dies. Served on the loopback interface only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.resources import files

import orjson
from aiohttp import web

from kubesim.bridge.address import BrokerAddress
from kubesim.bridge.listening import listen
from kubesim.bridge.roster import Roster

HOST = "127.0.0.1"
REFRESH_SECONDS = 0.5


async def serve_page(address: BrokerAddress, roster: Roster, port: int, say: Callable[[str], None]) -> None:
    """Serves until cancelled."""
    failure = [f"connecting to {address} …"]
    listening = asyncio.create_task(listen(address, roster, lambda text: failure.__setitem__(0, text)))
    runner = web.AppRunner(app_of(roster, failure), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    try:
        await site.start()
        chosen = runner.addresses[0][1]
        say(f"The classroom of {address} is at http://{HOST}:{chosen}; Ctrl-C ends it.")
        await asyncio.get_running_loop().create_future()
    finally:
        listening.cancel()
        await runner.cleanup()


def app_of(roster: Roster, failure: list[str]) -> web.Application:
    """The page, and what it reads: the rows as JSON, and as events whenever they change."""
    content = files("kubesim.bridge").joinpath("classroom.html").read_text()

    def state() -> bytes:
        return orjson.dumps({"failure": failure[0], "clusters": roster.rows()})

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=content, content_type="text/html")

    async def rows(_: web.Request) -> web.Response:
        return web.Response(body=state(), content_type="application/json")

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        told = b""
        while True:
            if (now := state()) != told:
                told = now
                await response.write(b"data: " + now + b"\n\n")
            await asyncio.sleep(REFRESH_SECONDS)

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/clusters", rows), web.get("/events", events)])
    return app
