"""The key of a server, as a browser gives it: once in a form, then a token in a cookie."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keeptune.ui.app import is_of_a_stranger

FORM = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>keeptune</title>
<form action="/key" method="post">
<label>Key of this server: <input type="password" name="key" autofocus required></label>
<button>Open</button></form></html>
"""
HEADERS = {
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "cache-control": "no-store",
    # With no-referrer a browser would not tell from whose page the form comes.
    "referrer-policy": "same-origin",
}
MOST_BYTES = 1 << 14
"""Of a form."""


class BrowserKey:
    """Stands before the guard: a browser sends no header of its own with an address that is typed. Who gave the key
    once has a token in a cookie, which ends with the server."""

    def __init__(self, app: ASGIApp, api_key: str, port: int) -> None:
        """
        Args:
            port: cookies of all servers of a machine go to each of them.
        """
        self._app = app
        self._key = api_key.encode()
        self._cookie = f"keeptune_{port}"
        self._token = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if request.method == "POST" and request.url.path == "/key":
            await (await self._let_in(request))(scope, receive, send)
            return
        if _same(request.cookies.get(self._cookie, "").encode(), self._token.encode()):
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", b"Bearer " + self._key)]}
        refused = False

        async def unless_refused(message: Message) -> None:
            nonlocal refused
            refused = refused or (message.get("status") == 401 and request.method == "GET")
            if not refused:
                await send(message)

        await self._app(scope, receive, unless_refused)
        if refused:
            await _form()(scope, receive, send)

    async def _let_in(self, request: Request) -> Response:
        content = b""
        try:
            async for part in request.stream():
                content += part
                if len(content) > MOST_BYTES:
                    return _form()
        except ClientDisconnect:
            return Response(status_code=499)
        given = parse_qs(content.decode("latin-1")).get("key", [""])[0]
        if is_of_a_stranger(request) or not _same(given.encode(), self._key):
            return _form()
        answer = RedirectResponse("/", 303, {"cache-control": "no-store"})
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return answer


def _same(given: bytes, wanted: bytes) -> bool:
    return hmac.compare_digest(given, wanted)


def _form() -> Response:
    return Response(FORM, 401, HEADERS, "text/html")
