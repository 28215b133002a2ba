"""The addresses of the pages. Who may ask is not its matter, but for requests that pages of strangers send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from keeptune.errors import ConfigError, KeeptuneError, StoreError
from keeptune.serving.refused import Refused, failed
from keeptune.ui import pages
from keeptune.ui.folder import RunsFolder
from keeptune.ui.open_chat import OpenChat
from keeptune.ui.shown_run import ShownRun
from keeptune.workspace.json_file import read_regular
from keeptune.workspace.run_comparison import compare_entries

HEADERS = {
    "content-security-policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
OF_REPORTS = HEADERS | {
    "content-security-policy": "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; frame-ancestors 'self'"
}
"""Whoever wrote a report that lies in a folder: it reaches neither these pages nor anything else."""
ICON = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='-8 -8 16 16'><circle r='7' fill='#00705a'/></svg>"


def make_app(folder: RunsFolder, chat: OpenChat) -> Starlette:
    """The application over a folder."""

    def shown(request: Request) -> ShownRun:
        return ShownRun(folder.entry(request.path_params["name"]))

    def page(render: Callable[[Request], str]) -> Callable[[Request], Awaitable[Response]]:
        """Reading a folder takes time in which others are answered."""

        async def answer(request: Request) -> Response:
            return _html(await run_in_threadpool(render, request))

        return answer

    def run(request: Request) -> str:
        found = shown(request)
        return pages.run_page(found, folder.inside(found.entry))

    def beside(request: Request) -> str:
        names = [unquote(name) for name in request.query_params.getlist("run")]
        return pages.beside_page(compare_entries(folder.named(names)))

    async def report(request: Request) -> Response:
        found = await run_in_threadpool(shown, request)
        if found.page is None:
            return RedirectResponse(f"/run/{pages.address(found.entry.name)}", 303)
        return _html(await run_in_threadpool(pages.report_page, found))

    async def report_file(request: Request) -> Response:
        found = await run_in_threadpool(shown, request)
        return Response(await run_in_threadpool(_page_of, found), media_type="text/html", headers=OF_REPORTS)

    async def open_chat(request: Request) -> Response:
        _refuse_strangers(request)
        found = await run_in_threadpool(shown, request)
        if not found.can_chat:
            raise Refused(409, f"the run {found.entry.name} has no tuned weights to ask", code="not_loaded")
        service = await chat.open(found.weights, Path(found.entry.path))
        return JSONResponse({"names": list(service.sides)}, headers=HEADERS)

    async def ask(request: Request) -> Response:
        from keeptune.serving.app import answer_chat

        _refuse_strangers(request)
        found = await run_in_threadpool(shown, request)
        return await answer_chat(chat.opened(found.weights), request)

    async def file(request: Request) -> Response:
        content, kind = pages.files().get(request.path_params["name"], ("", ""))
        if not kind:
            raise HTTPException(404)
        return Response(content, media_type=kind, headers=HEADERS)

    async def icon(_: Request) -> Response:
        return Response(ICON, media_type="image/svg+xml", headers=HEADERS)

    return Starlette(
        routes=[
            Route("/", page(lambda _: pages.list_page(folder.entries(), str(folder.path)))),
            Route("/beside", page(beside)),
            Route("/report/{name:path}", report),
            Route("/report-file/{name:path}", report_file),
            Route("/run/{name:path}", page(run)),
            Route("/search/{name:path}", page(lambda request: pages.search_page(shown(request)))),
            Route("/chat/{name:path}", page(lambda request: pages.chat_page(shown(request)))),
            Route("/open/{name:path}", open_chat, methods=["POST"]),
            Route("/ask/{name:path}", ask, methods=["POST"]),
            Route("/files/{name}", file),
            Route("/favicon.ico", icon),
        ],
        exception_handlers={
            Refused: _refuse,
            KeeptuneError: _tell,
            HTTPException: _tell_http,
            ClientDisconnect: _leave,
            Exception: _fail,
        },
    )


def _page_of(run: ShownRun) -> bytes:
    if run.page is None:
        raise StoreError(f"{run.entry.name} has no report yet", "it is written when the run is finished")
    try:
        return read_regular(run.page)
    except (OSError, ValueError) as error:
        raise StoreError(f"{run.page} cannot be read: {error}", "open the file itself") from error


def is_of_a_stranger(request: Request) -> bool:
    """Whether it comes from a page of another server, as a browser tells."""
    origin = request.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != request.headers.get("host")


def _refuse_strangers(request: Request) -> None:
    if is_of_a_stranger(request):
        raise Refused(403, "the request comes from a page of another server", code="wrong_origin")


def _html(text: str, status: int = 200, headers: Mapping[str, str] = HEADERS) -> Response:
    # What half a surrogate pair stands for is written out by the templates.
    return Response(text.encode("utf-8", "replace"), status, headers, "text/html")


def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse(error.body, error.status, HEADERS)


async def _tell(request: Request, error: Exception) -> Response:
    assert isinstance(error, KeeptuneError)
    if request.method == "POST":
        return _refuse(request, Refused(404, str(error)))
    return _error_page(request, error, 400 if isinstance(error, ConfigError) else 404)


async def _tell_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.method == "POST":
        return _refuse(request, Refused(error.status_code, error.detail))
    told = KeeptuneError(f"there is no such page: {error.detail}", "the list of runs has all pages")
    return _error_page(request, told, error.status_code)


async def _leave(_: Request, __: Exception) -> Response:
    """The client has closed the connection: what is said now reaches nobody."""
    return Response(status_code=499)


async def _fail(request: Request, __: Exception) -> Response:
    if request.method == "POST":
        return _refuse(request, failed("request"))
    told = KeeptuneError("this page cannot be shown", "the terminal in which `keeptune ui` runs has the reason")
    return _error_page(request, told, 500)


def _error_page(request: Request, error: KeeptuneError, status: int) -> Response:
    # In a frame only what may be framed is shown.
    framed = request.url.path.startswith("/report-file/")
    return _html(pages.error_page(error), status, OF_REPORTS if framed else HEADERS)
