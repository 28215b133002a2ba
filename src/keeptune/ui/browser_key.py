"""The key of a server, as a browser gives it: once in a form, then in a cookie."""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "keeptune_key"
PARAMETER = "key"
FORM = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>keeptune</title>
<form action="/"><label>Key of this server: <input type="password" name="key" autofocus required></label>
<button>Open</button></form></html>
"""
HEADERS = {"content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'"}


class BrowserKey:
    """Stands before the guard, which alone knows whether a key is right: a browser sends no header of its own with an
    address that is typed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if (given := request.query_params.get(PARAMETER)) is not None:
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, quote(given, safe=""), httponly=True, samesite="strict")
            await answer(scope, receive, send)
            return
        if (cookie := request.cookies.get(COOKIE)) is not None:
            bearer = f"Bearer {unquote(cookie)}".encode()
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", bearer)]}
        refused = False

        async def unless_refused(message: Message) -> None:
            nonlocal refused
            refused = refused or message.get("status") == 401
            if not refused:
                await send(message)

        await self._app(scope, receive, unless_refused)
        if refused:
            await Response(FORM, 401, HEADERS, "text/html")(scope, receive, send)
