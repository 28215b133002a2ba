"""The endpoint itself: OpenAI's paths and forms over HTTP."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from keeptune.serving.answering import Piece
from keeptune.serving.asked import Asked, read_body, read_chat, read_completion
from keeptune.serving.refused import Refused, failed
from keeptune.serving.service import Reply, Service

MOST_BYTES = 4 << 20
"""Of a body."""
ROUTE_HEADER = "x-keeptune-route"


def make_app(service: Service) -> Starlette:
    """The application; who may ask is not its matter."""

    async def health(_: Request) -> Response:
        alive = service.worker.is_alive
        return JSONResponse({"status": "ok" if alive else "stopping"}, 200 if alive else 503)

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [_model(service, name) for name in service.names]})

    async def model(request: Request) -> Response:
        return JSONResponse(_model(service, service.known(request.path_params["name"])))

    async def chat(request: Request) -> Response:
        return await answer_chat(service, request)

    async def completion(request: Request) -> Response:
        return await _answer(service, request, read_completion, Form(False))

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/v1/models", models),
            Route("/v1/models/{name:path}", model),
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/completions", completion, methods=["POST"]),
        ],
        exception_handlers={
            Refused: _refuse,
            HTTPException: _refuse_http,
            ClientDisconnect: _leave,
            Exception: _fail,
        },
    )


async def answer_chat(service: Service, request: Request) -> Response:
    """What ``/v1/chat/completions`` answers.

    Raises:
        Refused: the request cannot be answered.
    """
    return await _answer(service, request, read_chat, Form(True))


@dataclass(frozen=True, slots=True)
class Form:
    """How answers are written: as those of a chat, or of a text that goes on."""

    is_chat: bool
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time()))

    def whole(self, reply: Reply, text: str, finish: str | None, tokens: int) -> dict[str, Any]:
        """An answer that is there as a whole."""
        said = {"message": {"role": "assistant", "content": text, "refusal": None}} if self.is_chat else {"text": text}
        kind = "chat.completion" if self.is_chat else "text_completion"
        return self._around(reply, kind, [_choice(said, finish)]) | {"usage": _usage(reply, tokens)}

    def part(self, reply: Reply, said: Mapping[str, str], finish: str | None = None) -> dict[str, Any]:
        """A part of one that is told as it is made."""
        choice = {"delta": dict(said)} if self.is_chat else {"text": said.get("content", "")}
        return self._around(reply, self._part, [_choice(choice, finish)])

    def usage(self, reply: Reply, tokens: int) -> dict[str, Any]:
        """The part that ends one for which the count was asked."""
        return self._around(reply, self._part, []) | {"usage": _usage(reply, tokens)}

    @property
    def _part(self) -> str:
        return "chat.completion.chunk" if self.is_chat else "text_completion"

    def _around(self, reply: Reply, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"{'chatcmpl' if self.is_chat else 'cmpl'}-{self.id}",
            "object": kind,
            "created": self.created,
            "model": reply.model,
            "system_fingerprint": reply.fingerprint,
            "choices": choices,
        }


async def _answer(
    service: Service, request: Request, read: Callable[[Mapping[str, Any]], Asked], form: Form
) -> Response:
    asked = read(read_body(await _body(request)))
    reply = await service.ask(asked)
    headers = {ROUTE_HEADER: reply.route}
    if asked.stream:
        events = _events(reply, form, include_usage=asked.include_usage)
        return StreamingResponse(
            events, headers=headers | {"cache-control": "no-cache"}, media_type="text/event-stream"
        )
    found = asyncio.create_task(_whole(reply, form))
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((found, gone), return_when=asyncio.FIRST_COMPLETED)
        return JSONResponse(found.result(), headers=headers) if found.done() else Response(status_code=499)
    finally:
        reply.answering.gone = True
        found.cancel()
        gone.cancel()


async def _whole(reply: Reply, form: Form) -> dict[str, Any]:
    text, last = "", Piece()
    async for last in reply.pieces():
        text += last.text
    return form.whole(reply, text, last.finish, last.tokens)


async def _events(reply: Reply, form: Form, *, include_usage: bool) -> AsyncIterator[str]:
    """Server-sent events, one a part."""
    tokens = 0
    try:
        if form.is_chat:
            yield _event(form.part(reply, {"role": "assistant", "content": ""}))
        async for piece in reply.pieces():
            if piece.text:
                yield _event(form.part(reply, {"content": piece.text}))
            if piece.finish:
                tokens = piece.tokens
                yield _event(form.part(reply, {}, piece.finish))
        if include_usage:
            yield _event(form.usage(reply, tokens))
        yield "data: [DONE]\n\n"
    except Refused as error:
        yield _event(error.body)
    finally:
        reply.answering.gone = True


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # What a page of a stranger may send without asking is of other types.
        raise Refused(415, "the body has to be JSON, with the header Content-Type: application/json")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise Refused(413, f"the body is longer than {MOST_BYTES:,} bytes", code="body_too_large")
        parts.append(part)
    return b"".join(parts)


async def _gone(request: Request) -> None:
    """Return when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _event(content: Mapping[str, Any]) -> str:
    # In ASCII, as some clients take U+2028 and its like for the ends of lines.
    return f"data: {json.dumps(content)}\n\n"


def _choice(said: Mapping[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, **said, "logprobs": None, "finish_reason": finish}


def _usage(reply: Reply, tokens: int) -> dict[str, int]:
    prompt = reply.prompt_tokens
    return {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}


def _model(service: Service, name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": service.started, "owned_by": "keeptune"}


def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse(error.body, error.status)


def _refuse_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refused = Refused(
        error.status_code,
        f"{error.detail}: there are GET /health and /v1/models, and POST /v1/chat/completions and /v1/completions",
    )
    return JSONResponse(refused.body, error.status_code, headers=error.headers)


def _leave(_: Request, __: Exception) -> Response:
    """The client has closed the connection: what is said now reaches nobody."""
    return Response(status_code=499)


def _fail(_: Request, __: Exception) -> Response:
    refused = failed("request")
    return JSONResponse(refused.body, refused.status)
