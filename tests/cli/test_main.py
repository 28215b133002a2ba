"""The command line from outside: help, exit codes, messages without tracebacks."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from keeptune.cli.main import VERBS, main
from keeptune.config.schema import TuneConfig
from keeptune.errors import NonFiniteLoss, StoreError
from keeptune.events import Notice, Observer, RunStarted
from tests.report.results import RESULT

HEAVY = ("torch", "transformers", "pydantic", "numpy", "rich", "yaml")


@pytest.fixture
def tuned(monkeypatch: pytest.MonkeyPatch) -> list[TuneConfig]:
    """`tune` replaced: it keeps its settings and gives a result made by hand."""
    calls: list[TuneConfig] = []

    def tune(config: TuneConfig, observer: Observer) -> Any:
        calls.append(config)
        observer(Notice("test", "a notice"))
        return RESULT

    monkeypatch.setattr("keeptune.api.tune.tune", tune)
    monkeypatch.setattr("keeptune.api.demo.run_tuning", tune)
    return calls


def raises(monkeypatch: pytest.MonkeyPatch, error: BaseException, *events: Any) -> None:
    def tune(config: TuneConfig, observer: Observer) -> Any:
        for event in events:
            observer(event)
        raise error

    monkeypatch.setattr("keeptune.api.tune.tune", tune)


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for verb in VERBS:
        assert f"\n  {verb} " in shown


@pytest.mark.parametrize(
    ("verb", "flags"),
    [
        (
            "tune",
            "--config --model --revision --train --test --prompt --completion --system --group --method --rank --alpha "
            "--dropout --target-modules --lr --epochs --batch-size --limit-train --limit-test --max-length --too-long "
            "--loss-on --max-minutes --select-by --metric --max-new-tokens --few-shot --validation-fraction "
            "--test-fraction --seed --device --dtype --output --resume --keep-duplicates --allow-pickle "
            "--allow-remote-code --quiet --json",
        ),
        ("demo", "--limit-train --limit-test --output --seed --epochs --max-minutes --quiet --json"),
        ("check", "--train --test --model --max-length --too-long --prompt --completion --group --json"),
        ("eval", "--model --test --train --metric --few-shot --limit-test --output --json"),
        ("predict", "--model --max-new-tokens --limit-test --output --json"),
        ("chat", "--model --device --dtype --allow-remote-code"),
    ],
)
def test_help_names_every_flag(verb: str, flags: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    shown = capsys.readouterr().out.split()
    for flag in flags.split():
        assert flag in [word.rstrip(",") for word in shown], flag


def test_help_imports_nothing_heavy() -> None:
    code = (
        f"import sys; from keeptune.cli.main import main; main(['--help']); main(['tune', '--help']); "
        f"sys.exit(','.join(m for m in {HEAVY} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_training_waits_for_no_diagnosis() -> None:
    code = "import sys, keeptune.api.tune; sys.exit(','.join({'sklearn', 'scipy.stats'} & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settings_reach_tune(tuned: list[TuneConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("lr: 1e-3\nseed: 4\n", encoding="utf-8")
    arguments = ["tune", "--config", str(file), "--train", "a.jsonl", "--learning_rate", "1e-4", "--lora-r", "4"]
    assert main([*arguments, "--metric", "rouge1", "--metric", "bleu", "--keep-duplicates"]) == 0
    config = tuned[0]
    assert (config.training.lr, config.training.seed, config.data.train) == (1e-4, 4, "a.jsonl")
    assert config.method.rank == 4  # type: ignore[union-attr]
    assert config.evaluation.metrics == ("rouge1", "bleu")
    assert not config.data.drop_duplicates
    out, err = capsys.readouterr()
    assert "rouge1 rose from 23.5 to 39.1" in out
    assert "a notice" in err
    assert "a notice" not in out


def test_json_is_alone_on_stdout(tuned: list[TuneConfig], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--train", "a.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["primary_metric"] == "rouge1"


def test_quiet_is_quiet(tuned: list[TuneConfig], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--train", "a.jsonl", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_the_demo_has_its_own_defaults(tuned: list[TuneConfig]) -> None:
    assert main(["demo", "--limit-train", "10", "--seed", "2"]) == 0
    config = tuned[0]
    assert (config.model.name, config.data.train, config.data.limit_train) == ("smollm2", "stdlib", 10)
    assert (config.data.limit_test, config.training.seed, config.evaluation.few_shot) == (120, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "must_say"),
    [
        (["tun"], "did you mean tune?"),
        (["tune", "--lerning-rate", "1"], "--learning-rate"),
        (["tune", "--train", "a.jsonl", "--lr", "fast"], "--lr is 'fast', not a number"),
        (["tune", "--train", "a.jsonl", "--report_to", "wandbb"], "did you mean wandb?"),
        (["tune", "--train", "a.jsonl", "--use-peft", "--rank", "0"], "--rank is 0"),
        (["tune", "--config", "none.yaml"], "there is no config file none.yaml"),
        (["tune", "--logging-steps", "3"], "leave it out"),
        (["check"], "no data to check"),
        (["predict", "--model", "m"], "no rows to answer"),
        (["predict", "a.jsonl", "--test", "b.jsonl"], "keep one of them"),
        (["eval", "--metric", "rogue1"], "did you mean rouge1?"),
        (["chat", "--device", "tpu"], "--device cannot be 'tpu'"),
    ],
)
def test_mistakes_end_in_a_message(arguments: list[str], must_say: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert must_say in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(
    ("error", "code"), [(StoreError("it is full", "make room"), 1), (NonFiniteLoss(3, float("nan"), ["a"], "lower"), 1)]
)
def test_expected_errors_have_their_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raises(monkeypatch, error)
    assert main(["tune", "--train", "a.jsonl"]) == code
    err = capsys.readouterr().err
    assert str(error) in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
)
def test_too_little_memory_is_said(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raises(monkeypatch, error)
    assert main(["tune", "--train", "x.jsonl"]) == 1
    said = capsys.readouterr().err
    assert "not enough memory" in said
    assert "--batch-size" in said


def test_an_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    raises(monkeypatch, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        main(["tune", "--train", "a.jsonl"])


def test_an_interrupted_run_says_how_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    raises(monkeypatch, KeyboardInterrupt(), RunStarted(str(tmp_path)))
    assert main(["tune", "--train", "a.jsonl"]) == 130
    assert f"keeptune tune --output {tmp_path} --resume" in capsys.readouterr().err


def test_interrupted_before_anything_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raises(monkeypatch, KeyboardInterrupt())
    assert main(["tune", "--train", "a.jsonl"]) == 130
    assert "--resume" not in capsys.readouterr().err


def test_check_ends_with_2_where_a_run_would_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.jsonl").write_text('{"prompt": "a b c", "completion": "d"}\n' * 2, encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text('{"prompt": "a"\n', encoding="utf-8")
    model = ["--model", str(tmp_path / "no-model")]
    assert main(["check", "--train", str(tmp_path / "good.jsonl"), *model]) == 2
    out, err = capsys.readouterr()
    assert "The rows are readable, but a run would be refused: there is no model at" in out
    assert "lengths in tokens are left out" in err
    assert main(["check", "--train", str(tmp_path / "bad.jsonl"), *model]) == 2
    assert "bad.jsonl:1" in capsys.readouterr().out


def test_a_verb_that_does_not_handle_it_stops_at_sigterm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def check(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr("keeptune.api.check.check", check)
    assert main(["check", "--train", "rows.jsonl"]) == 143
    assert capsys.readouterr().err.strip() == "stopped"
    assert signal.getsignal(signal.SIGTERM) is before
