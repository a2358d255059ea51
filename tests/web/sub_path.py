"""A reverse proxy that serves a host below a path, as JupyterHub, RunPod and nginx do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

#: Of one connection alone, not of what is carried over it.
_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-encoding", "content-length"}
_MOST_BYTES = 1 << 28


@dataclass
class Proxy:
    """target: address of the host. path: below which it is served, as /some/path. outside: other paths."""

    target: str
    path: str
    address: str = ""
    outside: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == self.path:
            raise web.HTTPFound(f"{self.path}/")
        if not request.path.startswith(f"{self.path}/"):
            self.outside.append(request.path)
            raise web.HTTPNotFound
        inner = self.target + request.raw_path.removeprefix(self.path)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request, inner)
        sent = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {*_HOP, "host", "origin", "accept-encoding"}
        }
        async with request.app[SESSION].request(
            request.method, inner, headers=sent, data=await request.read(), allow_redirects=False
        ) as answer:
            told = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return web.Response(status=answer.status, headers=told, body=await answer.read())

    async def _socket(self, request: web.Request, inner: str) -> web.WebSocketResponse:
        outer = web.WebSocketResponse(max_msg_size=_MOST_BYTES)
        await outer.prepare(request)
        async with request.app[SESSION].ws_connect(inner, max_msg_size=_MOST_BYTES) as host:
            await asyncio.wait(
                [asyncio.ensure_future(_pass_on(host, outer)), asyncio.ensure_future(_pass_on(outer, host))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        return outer


SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)


async def _pass_on(source, target) -> None:
    async for message in source:
        if message.type == aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)


@contextlib.contextmanager
def below(target: str, path: str) -> Iterator[Proxy]:
    """The proxy while the block runs; its `address` has the path and no slash at the end."""
    proxy, loop = Proxy(target, path), asyncio.new_event_loop()
    runner: list[web.AppRunner] = []

    async def start() -> None:
        application = web.Application(client_max_size=_MOST_BYTES)

        async def session(app: web.Application):
            async with aiohttp.ClientSession(auto_decompress=True) as opened:
                app[SESSION] = opened
                yield

        application.cleanup_ctx.append(session)
        application.router.add_route("*", "/{path:.*}", proxy.answer)
        runner.append(web.AppRunner(application))
        await runner[0].setup()
        site = web.TCPSite(runner[0], "127.0.0.1", 0, shutdown_timeout=1)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # noqa: SLF001 - aiohttp tells it nowhere else
        proxy.address = f"http://127.0.0.1:{port}{path}"

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(30)
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(runner[0].cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
