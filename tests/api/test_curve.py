"""A learning curve of a tiny model that learns a rule: nested sizes, the base at 0, resumed where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.curve import curve
from keeptune.cli.main import main
from keeptune.config import (
    DataConfig,
    EvaluationConfig,
    Full,
    Keep,
    MeasureConfig,
    MitigationSearchConfig,
    ModelConfig,
    TuneConfig,
)
from keeptune.data.task_rows import load_rows
from keeptune.errors import ConfigError, RunExists, StoreError
from keeptune.events import Observer, TrainingStarted, silent
from keeptune.experiments.size_study import _settled
from keeptune.experiments.trials import Ended, Trial, run_in_turn
from keeptune.records import Backtest, Interval, LearningCurve, TuneResult, Undefined, from_plain
from keeptune.workspace.run_entry import read_entry
from tests.api.runs import COLOURS, THINGS, Told, settings

SIZES = (0, 8, 16, 32, 64)
DRAWS = 2


@pytest.fixture(scope="module")
def config(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> TuneConfig:
    """One rule, "red house" → "red", over words in three places; 64 rows to learn it from and 40 to show it on."""
    folder = tmp_path_factory.mktemp("curve")
    rows = [
        {"id": f"{c}-{t}-{n}", "prompt": f"{n} {c} {t}", "completion": c}
        for n in ("one", "two", "my")
        for c in COLOURS
        for t in THINGS
    ]
    rows.sort(key=lambda row: hash_of(row["id"]))
    for name, part in (("train", rows[:64]), ("test", rows[64:104]), ("old", rows[104:144])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part), encoding="utf-8")
    made = settings(tiny("llama"), folder, "study", epochs=2.0, lr=0.01, batch_size=4)
    keep = (Keep("old", str(folder / "old.jsonl"), "token_loss"),)
    return replace(
        made,
        method=Full(),
        evaluation=EvaluationConfig(metrics=("token_loss",)),
        measure=MeasureConfig(keep=keep),
    )


def hash_of(text: str) -> int:
    import zlib

    return zlib.crc32(text.encode())


@pytest.fixture(scope="module")
def learnt(able_bases: None, config: TuneConfig, tmp_path_factory: pytest.TempPathFactory) -> LearningCurve:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(tmp_path_factory.mktemp("curve-cache")))
        return curve(config, SIZES, DRAWS)


def rows_of(config: TuneConfig, size: int, draw: int) -> set[str]:
    rows = load_rows(replace(config, data=replace(config.data, limit_train=size, draw=draw)), silent)
    assert len(rows.train) + len(rows.validation) == size
    return {example.id for example in (*rows.train, *rows.validation)}


def test_fewer_rows_are_a_part_of_more_and_draws_differ(config: TuneConfig) -> None:
    for draw in range(3):
        chosen = [rows_of(config, size, draw) for size in SIZES if size]
        assert all(fewer < more for fewer, more in pairwise(chosen))
    assert rows_of(config, 16, 0) != rows_of(config, 16, 1)


def test_draws_of_the_embedded_task_differ_and_sizes_may_be_added(tiny: Callable[..., Path]) -> None:
    config = TuneConfig(model=ModelConfig(name=str(tiny("llama"))), data=DataConfig(train="stdlib"))
    assert rows_of(config, 100, 1) < rows_of(config, 500, 1)
    shared = rows_of(config, 500, 1) & rows_of(config, 500, 2)
    assert 80 < len(shared) < 260
    few, more = (_settled(config, [0, 20, size])[0].evaluation.max_new_tokens for size in (50, 500))
    assert few == more


def test_by_default_the_sizes_are_those_that_train_can_fill(config: TuneConfig) -> None:
    assert _settled(config, None)[1] == [0, 50]
    with pytest.raises(ConfigError, match="fewer than two sizes"):
        curve(config)


def test_more_examples_teach_more(learnt: LearningCurve) -> None:
    assert [point.size for point in learnt.points] == list(SIZES)
    base, *trained = learnt.points
    assert base.score == learnt.base
    assert base.gain == Undefined("the base itself")
    assert trained[-1].score < trained[0].score < learnt.base
    assert isinstance(trained[-1].gain, Interval)
    assert trained[-1].gain.estimate > 0
    assert [ability.name for ability in trained[0].abilities] == ["old"]
    assert isinstance(trained[-1].abilities[0].drop, Interval)
    assert trained[-1].abilities[0].drop.estimate < 0


def test_the_advice_stands_or_falls_with_the_backtest(learnt: LearningCurve) -> None:
    assert learnt.more == 32
    assert isinstance(learnt.backtest, Backtest)
    assert learnt.backtest.size == 64
    assert learnt.sentences[0].startswith(
        ("32 more examples would bring", "What 32 more examples would bring is unknown")
    )
    assert isinstance(learnt.advice, Undefined) == (learnt.fitted == ())
    if not learnt.backtest.holds:
        assert isinstance(learnt.advice, Undefined)


def test_trials_are_ordinary_runs_and_the_study_is_one(learnt: LearningCurve) -> None:
    folder = Path(learnt.path)
    assert {entry.name for entry in folder.iterdir()} == {".lock", "config.json", "curve.json", "curve.html", "trials"}
    assert len(learnt.trials) == 8
    for trial in learnt.trials:
        run = read_entry(Path(trial.path), Path(trial.path).name)
        assert (run.state, run.name) == ("finished", f"n{trial.size}-d{trial.draw}")
        assert (run.settings["data"]["limit_train"], run.settings["data"]["draw"]) == (trial.size, trial.draw)
        result = from_plain(TuneResult, json.loads((Path(trial.path) / "result.json").read_text(encoding="utf-8")))
        assert trial.gain == pytest.approx(-result.comparisons[0].difference.estimate)  # type: ignore[union-attr]
    assert read_entry(folder, "study").kind == "study"
    assert from_plain(LearningCurve, json.loads((folder / "curve.json").read_text(encoding="utf-8"))) == learnt
    page = (folder / "curve.html").read_text(encoding="utf-8")
    assert page.count('role="img"') == 2
    assert "<script" not in page
    assert learnt.sentences[0] in page


def test_finished_trials_are_not_run_again(learnt: LearningCurve, config: TuneConfig) -> None:
    told = Told()
    again = curve(config, SIZES, DRAWS, told)
    assert told.of(TrainingStarted) == []
    assert (again.points, again.advice) == (learnt.points, learnt.advice)


def test_a_study_goes_on_where_it_was_stopped(config: TuneConfig, tmp_path: Path) -> None:
    config = replace(config, output=str(tmp_path / "study"), measure=MeasureConfig(extent="none"))
    done: list[str] = []

    def one_and_stop(trials: Sequence[Trial], observer: Observer) -> Iterator[Ended]:
        yield from run_in_turn(trials[:1], observer)
        done.append(trials[0].config.output)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curve(config, (8, 16), 1, execute=one_and_stop)
    first = (Path(done[0]) / "result.json").stat().st_mtime_ns
    told = Told()
    report = curve(config, (8, 16), 1, told)
    assert len(told.of(TrainingStarted)) == 1
    assert (Path(done[0]) / "result.json").stat().st_mtime_ns == first
    assert isinstance(report.advice, Undefined)
    assert "one draw" in report.advice.reason or "2 sizes" in report.advice.reason
    with pytest.raises(StoreError, match="other settings"):
        curve(replace(config, training=replace(config.training, lr=0.5)), (8, 16), 1)


@pytest.mark.parametrize(
    ("sizes", "draws", "said"),
    [
        ((0, 50), 3, "fewer than two sizes"),
        ((), 3, "fewer than two sizes"),
        ((10, 10), 3, "does not rise"),
        ((20, 10), 3, "does not rise"),
        ((-1, 10, 20), 3, "below 0"),
        ((8, 16), 0, "--draws is 0"),
        ((8, 65), 1, "goes to 65, and train has 64 rows"),
        ((8.5, 16), 1, "not whole numbers"),
        (("8", "16"), 1, "not whole numbers"),
        (16, 1, "not whole numbers"),
    ],
)
def test_sizes_that_make_no_curve(config: TuneConfig, tmp_path: Path, sizes: Any, draws: int, said: str):
    with pytest.raises(ConfigError, match=said):
        curve(replace(config, output=str(tmp_path / "none")), sizes, draws)
    assert not (tmp_path / "none").exists()


def test_what_a_curve_sets_itself_and_other_runs_are_refused(config: TuneConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a curve sets limit_train and draw itself"):
        curve(replace(config, data=replace(config.data, limit_train=5)), (8, 16), 1)
    with pytest.raises(ConfigError, match="cannot run a mitigation search"):
        curve(replace(config, mitigation_search=MitigationSearchConfig(auto=True)), (8, 16), 1)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunExists, match="not a learning curve"):
        curve(replace(config, output=str(tmp_path / "run")), (8, 16), 1)


def test_the_command_shows_it(
    learnt: LearningCurve, config: TuneConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["curve", "--config", str(Path(learnt.path) / "config.json"), "--output", learnt.path, "--draws", "2"]
    assert main([*words, "--sizes", "0,8,16,32,64", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert learnt.sentences[0] in " ".join(out.split())
    assert "change of old" in out
    assert "backtest: " in out
    assert main([*words, "--sizes", "0,8,16,32,64", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["more"] == 32
