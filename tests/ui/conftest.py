"""The pages on a socket of this machine, over runs that were written by hand."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from keeptune.config import DataConfig, ModelConfig, TuneConfig
from keeptune.events import silent
from keeptune.records import to_plain
from keeptune.report.html import write_html
from keeptune.serving.settings import ServeSettings
from keeptune.ui.server import Ui, start_ui
from keeptune.workspace.atomic import write_json
from keeptune.workspace.search_run import SearchRun
from tests.report.forgetting_reports import ability_pairs, forgetting_report, outcome, task_pairs
from tests.running import running
from tests.workspace.many_runs import write_tune

HOSTILE = "<img src=x onerror=alert(1)>"
CPU = ModelConfig(device="cpu", dtype="float32")


@contextlib.contextmanager
def shown(folder: Path, **settings: Any) -> Iterator[Ui]:
    """Pages over `folder` while the block runs."""
    ui = start_ui(folder, CPU, ServeSettings(port=0, **settings), silent)
    with running(ui):
        yield ui


def begun(folder: Path) -> Path:
    """A run that has its settings, as one has that trains."""
    write_json(folder / "config.json", to_plain(TuneConfig(data=DataConfig(train="data/tickets/train.jsonl"))))
    return folder


def tell(run: Path, *lines: Mapping[str, Any]) -> None:
    """Append to the course of a run, as its training does."""
    with (run / "course.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(f"\n{json.dumps(line)}\n" for line in lines)


def steps(first: int, last: int) -> list[dict[str, Any]]:
    """The lines of these steps."""
    rate = {"tokens_per_second": 800.0, "seconds_left": 60.0}
    return [{"step": step, "loss": 2.0 / step, **rate} for step in range(first, last + 1)]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs, one of them with a page and a mitigation search, one with hostile names, and others that did
    not end well."""
    folder = tmp_path_factory.mktemp("ui") / "runs"
    done = write_tune(folder / "tickets-1", "tickets", "smollm2", number=1, lost=True)
    write_html(forgetting_report(), ability_pairs(), done / "report.html", task_pairs())
    search = outcome(forgetting_report()).mitigation_search
    assert search is not None
    SearchRun(done).write_mitigation_search(search)
    write_tune(folder / "tickets-2", "tickets", "smollm2", number=2)
    write_tune(folder / HOSTILE, "<script>alert(2)<script>", "smollm2", number=3)
    begun(folder / "stopped")
    (begun(folder / "cut") / "result.json").write_text('{"type": "TuneResult", "comp', encoding="utf-8")
    secret = folder.parent / "secret.json"
    secret.write_text('{"secret": "of another folder"}', encoding="utf-8")
    for name in ("result.json", "report.html", "course.jsonl"):
        (begun(folder / "linked") / name).symlink_to(secret)
    (folder / "elsewhere").symlink_to(begun(folder.parent / "outside"), target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def ui(runs: Path) -> Iterator[Ui]:
    pytest.importorskip("uvicorn")
    with shown(runs) as found:
        yield found


@pytest.fixture(scope="session")
def chatty(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    """A folder of two runs whose tuned weights are an adapter on a tiny base."""
    from tests.serving.models import adapted, varied

    home = tmp_path_factory.mktemp("chatty")
    base = varied(home / "base")
    for number in (1, 2):
        run = write_tune(home / "runs" / f"tiny-{number}", "tickets", str(base), number=number)
        shutil.rmtree(run / "adapter")
        adapted(base, run / "adapter")
    return home / "runs"
