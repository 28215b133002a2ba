"""Who may ask: names of this server alone, and where it has a key, those that know it."""

from __future__ import annotations

import hmac
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from keeptune.serving.refused import Refused

OPEN = "/health"
"""Answered without a key: it tells nothing."""


class Guard:
    """Stands before an application."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], api_key: str | None) -> None:
        """
        Args:
            hosts: the names in the header Host by which a browser may have come: a page of a stranger whose own name
                leads here would come by that. None at all: any name, where a key keeps strangers out.
        """
        self._app = app
        self._hosts = hosts
        self._wanted = None if api_key is None else f"Bearer {api_key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refused := self._refused(Headers(scope=scope), scope["path"])):
            await JSONResponse(refused.body, refused.status)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refused(self, headers: Headers, path: str) -> Refused | None:
        if self._hosts and _name(headers.get("host", "")) not in self._hosts:
            return Refused(403, "the header Host names another server than this one", code="wrong_host")
        given = headers.get("authorization", "").encode("latin-1")
        if self._wanted is not None and path != OPEN and not hmac.compare_digest(given, self._wanted):
            return Refused(401, "the API key is missing or wrong", code="invalid_api_key")
        return None


def _name(host: str) -> str:
    """Without the port: ``[::1]:8000`` is ``[::1]``."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
