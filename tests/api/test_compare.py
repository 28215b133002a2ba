"""A comparison of tiny models: what it leaves, what it runs again, and what stops it."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.compare import compare
from keeptune.api.tune import tune
from keeptune.config import Full, Keep, MeasureConfig, MitigationConfig, TuneConfig
from keeptune.errors import ConfigError, DataError, ProcessLost, RunExists, RunLocked, StoreError, TrainingError
from keeptune.events import EvaluationDone, Event, Notice, Observer, StepDone, TrainingStarted, silent
from keeptune.experiments.method_study import plan
from keeptune.experiments.trials import Ended, Trial, run_trial
from keeptune.mitigation.default import with_default_mitigation
from keeptune.records import Interval, MethodComparison, Undefined, from_plain
from keeptune.workspace.workspace import Workspace
from tests.api.runs import Told, settings, write_rows

METHODS = ("lora", "lora+smaller=0.1")


def config(model: Path, folder: Path) -> TuneConfig:
    """Trials of a second or two, with one ability of the user's own."""
    found = settings(model, folder, "study", epochs=0.5)
    keep = (Keep("colours", str(folder / "kept.jsonl"), "token_loss"),)
    return dataclasses.replace(found, measure=MeasureConfig(abilities=("none",), keep=keep))


@dataclasses.dataclass(frozen=True)
class Study:
    config: TuneConfig
    report: MethodComparison
    told: Told

    @property
    def path(self) -> Path:
        return Path(self.report.path)


@pytest.fixture(scope="module")
def study(able_bases: None, tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder, told = tmp_path_factory.mktemp("compare"), Told()
    write_rows(folder)
    given = config(tiny("llama"), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(folder / "cache"))
        return Study(given, compare(given, METHODS, (0, 1), told), told)


def test_every_trial_is_a_run_of_its_own(study: Study) -> None:
    found = {path.name for path in (study.path / "trials").iterdir()}
    assert found == {f"{method}-s{seed}" for method in METHODS for seed in (0, 1)}
    for trial in study.report.trials:
        result = Workspace(Path(trial.path)).tune_result()
        assert result.config["training"]["seed"] == trial.seed
        assert result.config["method"]["kind"] == trial.method.partition("+")[0]
        assert trial.error == ""
        assert trial.gain == pytest.approx(result.comparisons[0].difference.estimate)  # type: ignore[union-attr]


def test_the_record_is_on_disk_with_its_page(study: Study) -> None:
    plain = json.loads((study.path / "compare.json").read_text(encoding="utf-8"))
    assert from_plain(MethodComparison, plain) == study.report
    assert plain["schema_version"] == 1
    assert "<title>2 methods compared" in (study.path / "compare.html").read_text(encoding="utf-8")


def test_from_a_tuned_model_it_goes_on_too(study: Study, tmp_path: Path) -> None:
    """By its run's folder, or by its adapter, which each trial folds in first."""
    write_rows(tmp_path)
    for model in (study.path / "trials" / "lora-s0", study.path / "trials" / "lora-s0" / "adapter"):
        given = dataclasses.replace(config(model, tmp_path), output=str(tmp_path / model.name))
        compare(given, ("lora",), (0,))
        again = Told()
        assert len(compare(given, ("lora",), (0, 1), again).trials) == 2
        assert len(again.of(TrainingStarted)) == 1


def test_from_a_run_with_full_weights_it_goes_on_too(study: Study, tmp_path: Path) -> None:
    write_rows(tmp_path)
    first = config(Path(study.config.model.name), tmp_path)
    tune(dataclasses.replace(first, method=Full(), output=str(tmp_path / "a")))
    given = dataclasses.replace(config(tmp_path / "a", tmp_path), output=str(tmp_path / "b"))
    compare(given, ("lora",), (0,))
    again = Told()
    assert len(compare(given, ("lora",), (0, 1), again).trials) == 2
    assert len(again.of(TrainingStarted)) == 1


def test_means_are_those_of_the_trials(study: Study) -> None:
    results = {(t.method, t.seed): Workspace(Path(t.path)).tune_result() for t in study.report.trials}
    for row in study.report.methods:
        mine = [results[row.method, seed] for seed in (0, 1)]
        assert row.seeds == (0, 1)
        assert row.score == pytest.approx(sum(r.scores["tuned"]["rouge1"] for r in mine) / 2)
        assert row.minutes == pytest.approx(sum(r.training.seconds for r in mine) / 120)
        drops = [r.forgetting.abilities[0].drop.estimate for r in mine]  # type: ignore[union-attr]
        assert isinstance(row.forgetting, Interval)
        assert row.forgetting.estimate == pytest.approx(sum(drops) / 2)
        assert row.worst == "colours"
        assert [a.name for a in row.abilities] == ["colours"]
    assert len(study.report.pairs) == 1
    assert study.report.forgetting_of == "colours"
    assert "There are too few items for a verdict." in study.report.sentences
    assert len(study.report.advice) == 1


def test_the_base_is_asked_once(study: Study) -> None:
    asked = [e.cached for e in study.told.of(EvaluationDone) if e.name == "base"]
    assert asked == [False, True, True, True]


def test_finished_trials_stand_and_more_may_be_added(study: Study) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.path.rglob("trials/*/result.json")}
    # As of a start that was killed right after the result of a trial.
    left = study.path / "trials" / "lora-s0" / "checkpoint-3"
    left.mkdir()
    told = Told()
    report = compare(study.config, ("full", "lora"), (0,), told)
    assert not left.exists()
    assert len(told.of(TrainingStarted)) == 1
    assert [row.method for row in report.methods] == ["full", "lora"]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    again = compare(study.config, METHODS, (0, 1), Told(stop_at=lambda e: isinstance(e, TrainingStarted)))
    assert (again.methods, again.pairs, again.trials) == (
        study.report.methods,
        study.report.pairs,
        study.report.trials,
    )


def test_one_seed_speaks_of_one_checkpoint(study: Study) -> None:
    report = compare(study.config, ("lora",), (0,))
    (row,) = report.methods
    assert isinstance(row.gain, Interval)
    assert row.gain.method.startswith("one seed: applies to one checkpoint only; ")
    result = Workspace(Path(report.trials[0].path)).tune_result()
    own = result.comparisons[0].difference
    assert isinstance(own, Interval)
    assert (row.gain.low, row.gain.high) == (own.low, own.high)
    assert any("these checkpoints only" in sentence for sentence in report.sentences)


def test_other_settings_are_refused(study: Study) -> None:
    other = dataclasses.replace(study.config, training=dataclasses.replace(study.config.training, lr=0.01))
    with pytest.raises(StoreError, match=r"training\.lr was 0\.03 and is now 0\.01"):
        compare(other, METHODS, (0, 1))


def test_a_setting_left_out_is_another(study: Study) -> None:
    for change, said in (
        ({"lr": None}, r"training\.lr was 0\.03 and is now left out"),
        ({"max_minutes": 1e-4}, "was trained with another max_minutes, None"),
    ):
        other = dataclasses.replace(study.config, training=dataclasses.replace(study.config.training, **change))
        with pytest.raises(StoreError, match=said):
            compare(other, METHODS, (0, 1))


def test_trials_of_other_rows_or_weights_are_refused(study: Study, tmp_path: Path) -> None:
    own = shutil.copytree(study.path.parent, tmp_path / "own")
    data = dataclasses.replace(study.config.data, train=str(own / "train.jsonl"), test=str(own / "test.jsonl"))
    for config in own.glob("study/trials/*/*.json"):
        config.write_text(config.read_text().replace(str(study.path.parent), str(own)))
    keep = dataclasses.replace(study.config.measure.keep[0], data=str(own / "kept.jsonl"))
    measure = dataclasses.replace(study.config.measure, keep=(keep,))
    given = dataclasses.replace(study.config, data=data, measure=measure, output=str(own / "study"))
    assert compare(given, METHODS, (0,)).trials
    rows = (own / "test.jsonl").read_text()
    (own / "test.jsonl").write_text("\n".join(reversed(rows.splitlines())) + "\n")
    with pytest.raises(StoreError, match=r"study/trials/lora-s0 was run with other test rows"):
        compare(given, METHODS, (0, 1, 2))
    (own / "test.jsonl").write_text(rows)
    file = own / "study" / "trials" / "lora-s1" / "result.json"
    result = json.loads(file.read_text())
    result["manifest"]["model_hash"] = "other"
    file.write_text(json.dumps(result))
    with pytest.raises(StoreError, match=r"lora-s1 began with other weights than .*lora-s0"):
        compare(given, METHODS, (0, 1))


def test_it_goes_on_where_train_held_a_kept_item_and_asks_as_before(fresh: TuneConfig, tmp_path: Path) -> None:
    kept = (tmp_path / "kept.jsonl").read_text().splitlines()
    with (tmp_path / "train.jsonl").open("a") as rows:
        rows.write(kept[0].replace('"id": "', '"id": "again-') + "\n")
    given = dataclasses.replace(fresh, measure=config(Path(fresh.model.name), tmp_path).measure)
    compare(given, ("lora",), (0,))
    again = Told()
    assert len(compare(given, ("lora",), (0, 1), again).trials) == 2
    assert len(again.of(TrainingStarted)) == 1
    narrower = dataclasses.replace(given.measure.keep[0], margin=0.01)
    with pytest.raises(StoreError, match="lora-s0 was evaluated with another keep"):
        compare(
            dataclasses.replace(given, measure=MeasureConfig(abilities=("none",), keep=(narrower,))), ("lora",), (0,)
        )


@pytest.fixture
def fresh(tiny: Callable[..., Path], tmp_path: Path) -> TuneConfig:
    write_rows(tmp_path)
    return dataclasses.replace(config(tiny("llama"), tmp_path), measure=MeasureConfig(extent="none"))


def test_a_broken_off_trial_goes_on(fresh: TuneConfig) -> None:
    often = dataclasses.replace(fresh, training=dataclasses.replace(fresh.training, checkpoint_minutes=0.0))

    def stop(event: Any) -> bool:
        if isinstance(event, StepDone) and event.step == 3:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        compare(often, ("lora",), (0,), Told(stop_at=stop))
    told = Told()
    report = compare(often, ("lora",), (0,), told)
    assert told.of(TrainingStarted)[0].first_step == 2
    assert isinstance(report.methods[0].forgetting, Undefined)


def test_a_trial_that_goes_on_records_what_it_is_asked(tiny: Callable[..., Path], tmp_path: Path) -> None:
    write_rows(tmp_path)
    given = config(tiny("llama"), tmp_path)
    with pytest.raises(TrainingError, match="stopped by the test"):
        compare(given, ("lora",), (0,), Told(stop_at=lambda e: isinstance(e, StepDone) and e.step == 2))
    keep = (dataclasses.replace(given.measure.keep[0], margin=0.5),)
    wider = dataclasses.replace(given, measure=dataclasses.replace(given.measure, keep=keep))
    trial = Path(compare(wider, ("lora",), (0,)).trials[0].path)
    for kept in (Workspace(trial).result()["config"], json.loads((trial / "config.json").read_text())):
        assert kept["measure"]["keep"][0]["margin"] == 0.5
    compare(wider, ("lora",), (0,), Told(stop_at=lambda e: isinstance(e, TrainingStarted)))
    with pytest.raises(StoreError, match="was evaluated with another keep"):
        compare(given, ("lora",), (0,))


def test_trials_scored_by_a_metric_that_was_mended_since_are_refused(fresh: TuneConfig, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("def score(output, references, example):\n    return len(output) > 3\n")
    own = dataclasses.replace(fresh, evaluation=dataclasses.replace(fresh.evaluation, metrics=(f"{file}:score",)))
    compare(own, ("lora",), (0,))
    compare(own, ("lora",), (0,), Told(stop_at=lambda e: isinstance(e, TrainingStarted)))
    file.write_text("def score(output, references, example):\n    return len(output) > 4\n")
    with pytest.raises(StoreError, match="scored by a metric whose file has changed since"):
        compare(own, ("lora",), (0,))


def test_a_trial_that_goes_on_is_scored_by_the_metric_of_now(fresh: TuneConfig, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    own = dataclasses.replace(fresh, evaluation=dataclasses.replace(fresh.evaluation, metrics=(f"{file}:score",)))
    file.write_text("def score(output, references, example):\n    return len(output) > 3\n")
    with pytest.raises(TrainingError, match="stopped by the test"):
        compare(own, ("lora",), (0,), Told(stop_at=lambda e: isinstance(e, StepDone) and e.step == 2))
    file.write_text("def score(output, references, example):\n    return len(output) > 4\n")
    compare(own, ("lora",), (0,))
    compare(own, ("lora",), (0,), Told(stop_at=lambda e: isinstance(e, TrainingStarted)))


def test_what_was_broken_off_before_it_was_a_run_starts_anew(fresh: TuneConfig) -> None:
    (trial,) = plan(fresh, ("lora",), (0,))
    trial.run.path.mkdir(parents=True)
    (trial.run.path / "rows.json").write_text("{", encoding="utf-8")
    assert run_trial(trial) == ""
    assert trial.finished
    assert run_trial(trial) == ""


def test_a_failed_trial_is_told_and_tried_again(fresh: TuneConfig) -> None:
    broken = dataclasses.replace(fresh, method=dataclasses.replace(fresh.method, target_modules="no_such_layer"))
    told = Told()
    report = compare(broken, ("lora", "full"), (0,), told)
    failed, finished = report.trials
    assert "no_such_layer" in failed.error
    assert (failed.gain, failed.minutes) == (None, None)
    assert finished.error == ""
    assert [row.method for row in report.methods] == ["full"]
    assert any("lora, seed 0 failed" in e.message for e in told.events if hasattr(e, "message"))
    again = compare(fresh, ("lora", "full"), (0,))
    assert [t.error for t in again.trials] == ["", ""]


@pytest.mark.parametrize(
    ("error", "said"),
    [(MemoryError(), "not enough memory"), (OSError(errno.ENOSPC, "No space left on device"), "cannot be written")],
)
def test_what_the_machine_lacks_is_told_without_a_traceback(fresh: TuneConfig, error: Exception, said: str) -> None:
    def fail(_event: Event) -> None:
        raise error

    (trial,) = plan(fresh, ("lora",), (0,))
    told = run_trial(trial, fail)
    assert said in told
    assert "Traceback" not in told


def test_a_lost_process_ends_the_comparison(fresh: TuneConfig) -> None:
    def fail(_event: Event) -> None:
        raise ProcessLost("a process of this run is gone", "start again")

    (trial,) = plan(fresh, ("lora",), (0,))
    with pytest.raises(ProcessLost):
        run_trial(trial, fail)


def test_an_unforeseen_error_keeps_its_traceback(fresh: TuneConfig) -> None:
    (trial,) = plan(fresh, ("lora",), (0,))
    error = run_trial(trial, Told(stop_at=lambda event: isinstance(event, StepDone)))
    assert error.startswith("InterruptedError: stopped by the test\nTraceback")
    assert run_trial(trial, silent) == ""


def test_no_finished_trial_is_an_error(fresh: TuneConfig) -> None:
    def fails(trials: Sequence[Trial], observer: Observer) -> Iterator[Ended]:
        yield from (Ended(trial, "it is full") for trial in trials)

    with pytest.raises(TrainingError, match="none of the 2 trials finished; the first: it is full"):
        compare(fresh, ("lora",), (0, 1), silent, fails)


def test_all_is_checked_before_the_first_training(fresh: TuneConfig) -> None:
    def never(trials: Sequence[Trial], observer: Observer) -> Iterator[Ended]:
        raise AssertionError("a trial was started")

    for methods, seeds, said in (
        (("full", "lroa"), (0,), "did you mean lora"),
        (("lora", "accept"), (0,), "lora and accept are the same settings"),
        (("lora+replay=0.1",), (0,), "name them with --replay"),
        (("lora", "prompt+interpolation=0.5"), (0,), "prompt"),
        (("lora",), (0, 0), "a seed is named twice in 0, 0"),
        ((), (0,), "nothing to compare"),
        (("lora",), (), "nothing to compare"),
    ):
        with pytest.raises(ConfigError, match=said):
            compare(fresh, methods, seeds, silent, never)
    searching = dataclasses.replace(fresh, mitigation_search=dataclasses.replace(fresh.mitigation_search, auto=True))
    with pytest.raises(ConfigError, match="auto runs a mitigation search"):
        compare(searching, ("lora",), (0,), silent, never)
    held = dataclasses.replace(fresh, mitigation=dataclasses.replace(fresh.mitigation, kl=0.1))
    with pytest.raises(ConfigError, match=r"kl stands for kl=0\.5, and kl is given as 0\.1"):
        compare(held, ("lora+kl",), (0,), silent, never)
    replayed = dataclasses.replace(fresh, mitigation=dataclasses.replace(fresh.mitigation, replay=("none.jsonl",)))
    with pytest.raises(DataError, match=r"none\.jsonl"):
        compare(replayed, ("lora", "lora+replay=0.1"), (0,), silent, never)
    with pytest.raises(ConfigError, match="name it with --output"):
        compare(dataclasses.replace(fresh, output=""), ("lora",), (0,), silent, never)
    with pytest.raises(ConfigError, match="no training data"):
        compare(dataclasses.replace(fresh, data=dataclasses.replace(fresh.data, train=None)), ("lora",), (0,))
    assert not Path(fresh.output).exists()


@pytest.mark.parametrize(
    ("methods", "rates", "notice"),
    [
        (("full", "full+interpolation=0.5"), [2e-5, 2e-5], ""),
        (("lora", "dora"), [2e-5, 2e-5], ""),
        (("full", "lora"), [None, 2e-5], "lr 2e-05 is for adapters: full by the default"),
    ],
)
def test_a_rate_that_is_given_is_used_or_told(
    fresh: TuneConfig, methods: tuple[str, ...], rates: list[float | None], notice: str
) -> None:
    told = Told()
    given = dataclasses.replace(fresh, training=dataclasses.replace(fresh.training, lr=2e-5))
    assert [trial.config.training.lr for trial in plan(given, methods, (0,), told)] == rates
    assert [event.message for event in told.of(Notice)] == ([notice] if notice else [])


def test_a_method_names_all_that_it_does_in_settings_of_a_default_run_too(fresh: TuneConfig) -> None:
    copied = with_default_mitigation(dataclasses.replace(fresh, mitigation=MitigationConfig()))
    assert copied.mitigation.kl
    full, held = (trial.config.mitigation for trial in plan(copied, ("full", "full+kl=0.5"), (0,)))
    assert (full.kl, full.interpolation, full.by_default) == (0.0, 1.0, False)
    assert (held.kl, held.interpolation) == (0.5, 1.0)


def test_a_folder_with_other_things_is_left_alone(fresh: TuneConfig) -> None:
    folder = Path(fresh.output)
    folder.mkdir()
    (folder / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(RunExists, match="something other than a comparison"):
        compare(fresh, ("lora",), (0,))
    assert [entry.name for entry in folder.iterdir()] == ["thesis.tex"]


def test_two_processes_do_not_compare_in_one_folder(fresh: TuneConfig) -> None:
    def once_more(trials: Sequence[Trial], observer: Observer) -> Iterator[Ended]:
        with pytest.raises(RunLocked):
            compare(fresh, ("lora",), (0,))
        yield from ()

    with pytest.raises(TrainingError, match="ended without a result"):
        compare(fresh, ("lora",), (0,), silent, once_more)
