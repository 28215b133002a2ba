"""What the pages show of runs, whom they answer, and what they never read."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from keeptune.cli.main import main
from keeptune.errors import ConfigError, StoreError
from keeptune.ui.server import Ui
from keeptune.ui.shown_run import MOST_POINTS, drawings
from keeptune.workspace.course import Course
from tests.report.outline import Outline
from tests.ui.conftest import HOSTILE, begun, shown, steps, tell


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
    assert "replay=0.05: rouge1 gain +28.5; ner −1.5 (margin 5) on development items" in outline.text
    assert "No mitigation search has ended" in text(ui, "/search/tickets-2")


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


def test_another_host_needs_a_key_which_a_browser_keeps_in_a_cookie(runs: Path) -> None:
    pytest.importorskip("uvicorn")
    with pytest.raises(ConfigError, match="KEEPTUNE_API_KEY"), shown(runs, host="0.0.0.0"):
        pass
    with shown(runs, api_key="my/key;1") as ui:
        status, form, _ = got(ui, "/")
        assert status == 401
        assert 'type="password"' in form
        status, _, headers = got(ui, "//evil.example/x?key=my%2Fkey%3B1")
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"].partition(";")[0]
        assert "HttpOnly" in headers["set-cookie"]
        assert got(ui, "/", Cookie=cookie)[0] == 200
        assert got(ui, "/", Cookie=f"{cookie}x")[0] == 401
