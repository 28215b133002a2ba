"""What the pages show of runs, whom they answer, and what they never read."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from filelock import FileLock

from keeptune.cli.main import main
from keeptune.errors import ConfigError, StoreError
from keeptune.events import silent
from keeptune.serving.settings import ServeSettings
from keeptune.ui.server import Ui, start_ui
from keeptune.ui.shown_run import MOST_POINTS, drawings
from keeptune.workspace.course import Course
from keeptune.workspace.search_run import SearchRun
from tests.report.forgetting_reports import forgetting_report, outcome
from tests.report.outline import Outline
from tests.ui.conftest import CPU, HOSTILE, begun, shown, steps, tell
from tests.workspace.many_runs import write_tune


def got(ui: Ui, path: str, method: str = "GET", body: str = "", **headers: str) -> tuple[int, str, Any]:
    """(status, content, headers) of a request as it stands here."""
    address = urlsplit(ui.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=300)
    connection.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
    with connection.getresponse() as response:
        return response.status, response.read().decode(), response.headers


def text(ui: Ui, path: str) -> str:
    status, content, _ = got(ui, path)
    assert status == 200
    return Outline(content).text


def test_the_list_has_every_run_with_its_state_gain_and_verdicts(ui: Ui) -> None:
    page = text(ui, "/")
    assert "6 runs" in page
    for told in ("tickets-1 lora finished +5.1 +3.1 to +7.1", "facts: lost", "facts: kept", "stopped lora unfinished"):
        assert told in page
    assert re.search(r"cut \S+/cut/result.json cannot be read", page)
    assert re.search(r"linked \S+/linked/\S+ is a link to a place outside of its run", page)


def test_names_and_texts_of_runs_are_escaped(ui: Ui) -> None:
    for path in ("/", f"/run/{quote(HOSTILE)}", f"/beside?run=tickets-1&run={quote(quote(HOSTILE))}"):
        _, content, headers = got(ui, path)
        outline = Outline(content)
        assert HOSTILE in outline.text
        assert not any(tag == "img" for tag, _ in outline.tags)
        assert [attrs["src"] for tag, attrs in outline.tags if tag == "script"] == ["/files/page.js", "/files/ui.js"]
        assert "default-src 'none'" in headers["content-security-policy"]


def test_a_finished_run_opens_with_its_report_which_reaches_nothing(ui: Ui, runs: Path) -> None:
    _, content, _ = got(ui, "/report/tickets-1")
    frames = [attrs for tag, attrs in Outline(content).tags if tag == "iframe"]
    assert [(frame["src"], frame["sandbox"]) for frame in frames] == [("/report-file/tickets-1", "allow-scripts")]
    status, report, headers = got(ui, "/report-file/tickets-1")
    assert (status, report) == (200, (runs / "tickets-1" / "report.html").read_text(encoding="utf-8"))
    assert headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
    status, _, headers = got(ui, "/report/stopped")
    assert (status, headers["location"]) == (303, "/run/stopped")


def test_runs_side_by_side_are_not_said_to_be_tested_against_each_other(ui: Ui) -> None:
    page = text(ui, "/beside?run=tickets-1&run=tickets-2")
    assert "gain on the task rouge1 +5.1 +3.1 to +7.1 23.5 → 28.6 +5.2 +3.2 to +7.2" in page
    assert "change of facts exact_match −12.0 −15.0 to −9.0" in page
    assert "training.seed 1 2" in page
    assert "The runs are not tested against each other here" in page
    assert not re.search(r"significant|better than|beats|worse than", page)
    status, content, _ = got(ui, "/beside?run=tickets-1")
    assert status == 400
    assert "a comparison needs two runs or more" in content


def test_a_mitigation_search_is_drawn(ui: Ui) -> None:
    _, content, _ = got(ui, "/search/tickets-1")
    outline = Outline(content)
    assert [attrs["class"] for tag, attrs in outline.tags if tag == "g"] == [
        "method dominated",
        "method dominated",
        "method",
    ]
    assert "The chosen candidate was then scored once" in outline.text
    assert "replay=0.05: rouge1 gain +28.5; ner −1.5 (margin 5) on development items" in outline.text
    assert "No mitigation search has ended" in text(ui, "/search/tickets-2")


def test_a_candidate_without_measured_abilities_is_not_drawn(ui: Ui, runs: Path) -> None:
    search = outcome(forgetting_report()).mitigation_search
    assert search is not None
    plain, interpolation, replay = search.candidates
    bare = replace(plain, drops=())
    routed = replace(interpolation, routed=True)
    run = SearchRun(begun(runs / "searched"))
    run.write_mitigation_search(replace(search, candidates=(replay, bare, routed)))
    page = got(ui, "/search/searched")[1]
    assert page.count('<g class="method') == 1
    assert "Not drawn, as no change of an ability was measured of them: plain, interpolation=0.5." in page
    assert "The chosen candidate is then scored once" in page
    run.write_mitigation_search(replace(search, candidates=(bare,)))
    assert "<figure" not in got(ui, "/search/searched")[1]


def test_a_run_shows_its_course_and_what_is_half_written_is_left_out(ui: Ui, runs: Path) -> None:
    run = begun(runs / "course")
    assert "It ended before it had a curve" in text(ui, "/run/course")
    tell(run, {"first_step": 0, "steps": 40}, {"step": 0, "validation": {"loss": 2.5, "rouge1": 10.0}}, *steps(1, 20))
    with (run / "course.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"step": 21, "lo')
    tell(run, {"step": 20, "validation": {"loss": 1.5, "rouge1": 30.0}}, {"step": "x"}, {"step": 22, "loss": 1e999})
    page = text(ui, "/run/course")
    assert "train 2.000 → 0.100; validation 2.500 → 1.500" in page
    assert "rouge1 on the validation rows, points, by step: validation 10.000 → 30.000" in page
    (run / "course.jsonl").unlink()
    (run / "course.jsonl").mkdir()
    assert "cannot be read" in text(ui, "/run/course")


def test_a_candidate_trains_while_the_run_around_it_is_locked(ui: Ui, runs: Path) -> None:
    candidate = begun(begun(runs / "searching") / "candidates" / "plain")
    tell(candidate, {"first_step": 0, "steps": 40}, *steps(1, 5))
    path = "/run/searching/candidates/plain"
    assert "It ended before it was finished. The command that started it goes on" in text(ui, path)
    with FileLock(runs / "searching" / ".lock"):
        assert "running · step 5 of 40 · 800 tokens/s" in text(ui, path)
        assert 'data-every="1500"' in got(ui, path)[1]


def test_what_a_lock_does_not_tell_is_not_said(ui: Ui, runs: Path) -> None:
    (begun(runs / "unknown") / ".lock").mkdir()
    page = text(ui, "/run/unknown")
    assert "unfinished whether it is being written cannot be told here" in page
    assert "It ended" not in page


def test_a_run_that_trains_no_more_shows_no_step(ui: Ui, runs: Path) -> None:
    done = write_tune(runs / "exported", "tickets", "smollm2", number=4)
    tell(done, {"first_step": 0, "steps": 40}, *steps(1, 5))
    with FileLock(done / ".lock"):
        page = text(ui, "/run/exported")
    assert "running · finished; another command works in its folder" in page
    assert "tokens/s" not in page
    lost = begun(runs / "begin-lost")
    tell(lost, *steps(1, 3))
    with FileLock(lost / ".lock"):
        assert "running · step 3 · 800 tokens/s" in text(ui, "/run/begin-lost")


def test_the_folder_may_be_a_run_itself_and_names_may_look_like_secrets(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    outer = begun(tmp_path / "outer")
    for name in ("token=5", "token=6"):
        write_tune(outer / name, "tickets", "smollm2", number=1)
    with shown(outer) as ui:
        page = got(ui, "/run/outer")[1]
        links = re.findall(r'<li><a href="(/report/[^"]+)">', page)
        assert links == ["/report/token%3D5", "/report/token%3D6"]
        assert all(got(ui, link)[0] in (200, 303) for link in links)
        assert 'href="/report/token%3D5">token=***<' in got(ui, "/")[1]
        assert "gain on the task rouge1 +5.1" in text(ui, "/beside?run=token%3D5&run=token%3D6")


def test_what_is_shown_in_a_frame_may_be_framed_and_what_is_posted_is_answered_in_json(ui: Ui) -> None:
    for path in ("/report-file/stopped", "/report-file/nothing"):
        status, _, headers = got(ui, path)
        assert status == 404
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
    for path in ("/nothing", "/", "/open/nothing"):
        assert json.loads(got(ui, path, "POST", "{}")[1])["error"]["type"] == "invalid_request_error"


def test_a_report_that_is_too_large_is_named(ui: Ui, runs: Path) -> None:
    run = write_tune(runs / "large", "tickets", "smollm2", number=5)
    with (run / "report.html").open("wb") as file:
        file.truncate((1 << 26) + 1)
    assert "67,108,865 bytes are too many to be shown here" in text(ui, "/report/large")


def test_a_long_course_is_drawn_by_means() -> None:
    points = tuple((float(step), 1.0 + step % 2) for step in range(1, 10_001))
    ((_, drawn),) = drawings(Course(10_000, points))
    assert len(drawn.trained.split()) <= MOST_POINTS
    assert drawn.words == "train 1.529 → 1.500"


@pytest.mark.parametrize(
    "path",
    ["nothing", "../secret.json", "..%2fsecret.json", "%2e%2e/outside", "elsewhere", "/etc", "tickets-1/adapter", ""],
)
def test_nothing_outside_the_runs_is_read(ui: Ui, path: str) -> None:
    for page in ("run", "report", "report-file", "search", "chat"):
        status, content, _ = got(ui, f"/{page}/{path}")
        assert status == 404
        assert "another folder" not in content
    assert got(ui, f"/open/{path}", "POST")[0] == 404


def test_a_run_with_a_link_out_is_not_followed(ui: Ui) -> None:
    for page in ("run", "report", "report-file", "search", "chat"):
        status, content, _ = got(ui, f"/{page}/linked")
        assert status == 404
        assert "is a link to a place outside of its run" in content
        assert "of another folder" not in content


def test_strangers_are_refused(ui: Ui) -> None:
    assert got(ui, "/", Host="evil.example")[0] == 403
    for path in ("/open/tickets-1", "/ask/tickets-1"):
        assert got(ui, path, "POST", "{}", Origin="http://evil.example")[0] == 403
        assert got(ui, path)[0] == 405


def test_what_cannot_be_asked_says_so(ui: Ui) -> None:
    status, content, _ = got(ui, "/open/stopped", "POST")
    assert (status, json.loads(content)["error"]["message"]) == (409, "the run stopped has no tuned weights to ask")
    status, content, _ = got(ui, "/open/tickets-1", "POST")
    assert status == 409
    assert "holds no weights" in json.loads(content)["error"]["message"]
    assert got(ui, "/ask/tickets-1", "POST", "{}", Content_Type="application/json")[0] == 409


def test_a_folder_that_is_missing_or_empty_says_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("uvicorn")
    with pytest.raises(StoreError, match="there is no folder"), shown(tmp_path / "none"):
        pass
    assert main(["ui", str(tmp_path / "none")]) == 1
    assert "keeptune demo" in capsys.readouterr().err
    (tmp_path / "runs").mkdir()
    with shown(tmp_path / "runs") as empty:
        assert "There is no run in this folder yet" in text(empty, "/")
        (tmp_path / "runs").rmdir()
        status, content, _ = got(empty, "/")
        assert status == 404
        assert "there is no folder" in content


def test_pages_are_shown_from_a_cell_of_a_notebook_and_only_once(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    ui = start_ui(tmp_path, CPU, ServeSettings(port=0), silent)
    seen: list[str] = []

    def look() -> None:
        try:
            seen.append(text(ui, "/"))
        finally:
            ui.stop()

    async def cell() -> None:
        threading.Thread(target=look).start()
        ui.run()

    asyncio.run(cell())
    assert "There is no run in this folder yet" in seen[0]
    with pytest.raises(ConfigError, match="any more"):
        ui.run()


def test_pages_that_are_not_shown_give_their_port_back(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    ui = start_ui(tmp_path, CPU, ServeSettings(port=0), silent)
    ui.close()
    socket.create_server(("127.0.0.1", int(urlsplit(ui.url).port or 0))).close()


@pytest.mark.parametrize("port", [-1, 65_536, 70_000, "8000", 8000.0, None], ids=str)
def test_what_is_no_port_is_refused(port: Any, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    with pytest.raises(ConfigError, match="is not a port"):
        start_ui(tmp_path, CPU, ServeSettings(port=port), silent)


def test_another_host_needs_a_key_which_a_browser_keeps_in_a_cookie(runs: Path) -> None:
    pytest.importorskip("uvicorn")
    with pytest.raises(ConfigError, match="KEEPTUNE_API_KEY"), shown(runs, host="0.0.0.0"):
        pass
    with shown(runs, api_key="my/key;1") as ui:
        status, form, headers = got(ui, "/")
        assert status == 401
        assert 'type="password"' in form
        assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "same-origin")
        for wrong, origin in (("key=other", ui.url.rstrip("/")), ("key=my%2Fkey%3B1", "http://evil.example")):
            status, _, headers = got(ui, "/key", "POST", wrong, Origin=origin)
            assert (status, headers["set-cookie"]) == (401, None)
        assert got(ui, "/?key=my%2Fkey%3B1")[0] == 401
        status, _, headers = got(ui, "/key", "POST", "key=my%2Fkey%3B1", Origin=ui.url.rstrip("/"))
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"].partition(";")[0]
        assert cookie.startswith(f"keeptune_{urlsplit(ui.url).port}=")
        assert "my" not in cookie
        assert "HttpOnly" in headers["set-cookie"]
        assert got(ui, "/", Cookie=cookie)[0] == 200
        assert got(ui, "/", Cookie=f"{cookie}x")[0] == 401
        assert got(ui, "/", Authorization="Bearer my/key;1")[0] == 200
        status, content, _ = got(ui, "/open/tickets-1", "POST")
        assert (status, json.loads(content)["error"]["code"]) == (401, "invalid_api_key")
