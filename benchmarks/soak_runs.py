"""What a cycle of the soak runs: every verb of the public API on a tiny model, with what goes wrong among it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keeptune
from keeptune.cli.interrupted import RunFolder, stopping_gently
from keeptune.errors import ConfigError, DataError, NonFiniteLoss, RunExists, Stopped
from keeptune.events import Event, StepDone, TrainingStarted, silent

CPU: dict[str, Any] = {"device": "cpu", "dtype": "float32"}
COLOURS = ("red", "green", "blue", "yellow", "black", "white")
NUMBERS = ("one", "two", "three", "four", "five", "six")
OTHER_THINGS = ("table", "chair", "lamp", "spoon")
THINGS = ("house", "river", "stone", "garden", "window", "letter", "bridge", "candle")
KEPT = [(f"{colour} {thing}", f"{thing} {colour}") for colour in COLOURS for thing in (*THINGS, *OTHER_THINGS)]
"""What the base knows, and no training may lose."""
EVALUATION = keeptune.EvaluationConfig(metrics=("rouge1", "token_loss"), max_new_tokens=16)
PARTS = (
    "full_with_the_default_mitigation",
    "lora_plain",
    "stopped_and_resumed",
    "compiled",
    "other_architectures",
    "built_in_task",
    "measured",
    "evaluated",
    "predicted",
    "asked",
    "compared",
    "curve",
    "searched",
    "rescued",
    "mixed",
    "bad_rows",
    "loss_is_no_number",
    "refused",
    "listed_and_deleted",
)


@dataclass
class Cycle:
    """The runs of one cycle, and their observer. Its rows are its own, so that what grows with new rows is seen."""

    number: int
    models: Path
    """Tiny models that all cycles share: ``llama``, ``gpt2``, ``t5``."""
    folder: Path
    """For all that it writes."""
    trainings: int = 0
    """How many have begun or gone on."""
    failures: list[str] = field(default_factory=list)
    """What went otherwise than it was to go."""

    def __call__(self, event: Event, /) -> None:
        self.trainings += isinstance(event, TrainingStarted)

    def run(self, parts: Sequence[str] = PARTS) -> Iterator[tuple[str, float]]:
        """Do these parts; gives the name of each when it is done, and its seconds."""
        self._write_rows()
        for part in parts:
            began = time.monotonic()
            try:
                getattr(self, part)()
            except (AssertionError, keeptune.KeeptuneError) as error:
                self.failures.append(f"cycle {self.number}, {part}: {error}")
            yield part, time.monotonic() - began

    def full_with_the_default_mitigation(self) -> None:
        keeptune.tune(replace(self._config("full", validations_per_epoch=2), method=keeptune.Full()), self)

    def lora_plain(self) -> None:
        keeptune.tune(self._config("lora", plain=True), self)

    def stopped_and_resumed(self) -> None:
        """A signal stops it as Ctrl-C does."""
        config = self._config("stopped")
        folder = RunFolder(self._interrupting)
        try:
            with stopping_gently(folder):
                keeptune.tune(config, folder)
        except Stopped:
            keeptune.tune(replace(config, resume=True), self)
        else:
            raise AssertionError("it did not stop")

    def compiled(self) -> None:
        keeptune.tune(self._config("compiled", plain=True, torch_compile=True), self)

    def other_architectures(self) -> None:
        for kind in ("gpt2", "t5"):
            config = self._config(kind, plain=True)
            keeptune.tune(replace(config, model=self._model(self.models / kind)), self)

    def built_in_task(self) -> None:
        """What `demo` does, by a model that is not downloaded."""
        config = self._config("built_in", epochs=1.0)
        data = keeptune.DataConfig(train="stdlib", limit_train=16, limit_test=8, max_length=256)
        keeptune.tune(replace(config, data=data), self)

    def measured(self) -> None:
        measure = keeptune.MeasureConfig(abilities=("facts", "grammar"), items=20)
        base, tuned = self._model(self.models / "llama"), self._model(self.folder / "full")
        data = keeptune.DataConfig(test=self._file("test"))
        config = keeptune.MeasureRun(base, tuned, data, measure=measure, output=str(self.folder / "measured"))
        keeptune.measure(config, self)

    def evaluated(self) -> None:
        data, output = keeptune.DataConfig(test=self._file("test")), str(self.folder / "evaluated")
        keeptune.evaluate(self._model(self.folder / "lora"), data, EVALUATION, output, self)

    def predicted(self) -> None:
        data, output = keeptune.DataConfig(test=self._file("test")), str(self.folder / "answers.jsonl")
        keeptune.predict(self._model(self.folder / "lora"), data, EVALUATION, output, self)

    def asked(self) -> None:
        chat = keeptune.open_chat(self._model(self.folder / "lora"), self)
        chat.reply("red house")
        chat.reply("and the river?")
        router = keeptune.open_router(self._model(self.folder / "lora"), self)
        for route in ("base", "tuned"):
            router.answer(["red house", "blue stone"], route, 8)

    def compared(self) -> None:
        keeptune.compare(self._config("compared", epochs=0.5), ("lora", "full"), (0, 1), self)

    def curve(self) -> None:
        keeptune.curve(self._config("curve", epochs=0.5), (0, 8, 24), 1, self)

    def searched(self) -> None:
        search = keeptune.MitigationSearchConfig(auto=True, candidates=("interpolation=0.5", "l2sp=0.1"))
        keeptune.tune(replace(self._config("searched"), mitigation_search=search), self)

    def rescued(self) -> None:
        config = self._config("rescued")
        search = keeptune.MitigationSearchConfig(candidates=("interpolation=0.5", "kl=1"))
        keeptune.rescue(replace(config, mitigation_search=search), self._model(self.folder / "full" / "model"), self)

    def mixed(self) -> None:
        sources = tuple(keeptune.MixSource(self._file(name), name) for name in ("train", "kept"))
        keeptune.mix(keeptune.MixRecipe(sources=sources), str(self.folder / "mix"), observer=self)

    def bad_rows(self) -> None:
        file = self.folder / "bad.jsonl"
        file.write_text('{"prompt": "red house"}\n{"prompt": \n', encoding="utf-8")
        config = self._config("bad")
        config = replace(config, data=replace(config.data, train=str(file)))
        keeptune.check(config, self)
        with _refused(DataError):
            keeptune.tune(config, self)

    def loss_is_no_number(self) -> None:
        with _refused(NonFiniteLoss):
            keeptune.tune(self._config("diverged", plain=True, lr=0.5, lr_factor=1e30), self)

    def refused(self) -> None:
        with _refused(RunExists):
            keeptune.tune(self._config("lora", plain=True), self)
        with _refused(ConfigError):
            keeptune.compare(self._config("none"), ("no_such_method",), (0,), self)

    def listed_and_deleted(self) -> None:
        keeptune.runs(str(self.folder))
        keeptune.compare_runs(("lora", "full"), str(self.folder))
        keeptune.delete_run(keeptune.find_run("gpt2", str(self.folder)), str(self.folder))

    def _config(self, output: str, *, plain: bool = False, **training: Any) -> keeptune.TuneConfig:
        settings = {"lr": 0.01, "epochs": 1.0, "batch_size": 4, "torch_compile": False, "seed": self.number}
        keep = (keeptune.Keep("kept", self._file("kept"), "rouge1"),)
        return keeptune.TuneConfig(
            model=self._model(self.models / "llama"),
            data=keeptune.DataConfig(train=self._file("train"), test=self._file("test")),
            method=keeptune.Adapter(rank=4),
            training=keeptune.TrainingConfig(**settings | training),
            evaluation=EVALUATION,
            measure=keeptune.MeasureConfig(keep=keep, abilities=("none",), dev_fraction=0.65),
            mitigation=keeptune.MitigationConfig(plain=plain),
            output=str(self.folder / output),
        )

    def _model(self, path: Path) -> keeptune.ModelConfig:
        return keeptune.ModelConfig(name=str(path), **CPU)

    def _file(self, name: str) -> str:
        return str(self.folder / f"{name}.jsonl")

    def _interrupting(self, event: Event, /) -> None:
        self(event)
        if isinstance(event, StepDone) and event.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    def _write_rows(self) -> None:
        self.folder.mkdir(parents=True)
        pairs = [
            (f"{number} {thing} {self.number}", f"{thing} times {number}") for number in NUMBERS for thing in THINGS
        ]
        random.Random(self.number).shuffle(pairs)
        for name, part in {"train": pairs[:28], "test": pairs[28:36], "kept": KEPT}.items():
            write_rows(Path(self._file(name)), part)


def write_rows(file: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Prompts and completions as JSONL."""
    rows = [{"prompt": prompt, "completion": completion} for prompt, completion in pairs]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def teach(model: Path, folder: Path) -> None:
    """Leave in `folder` what `model` is after it has learnt what the cycles are to keep."""
    rows, others, run = (folder.parent / name for name in ("known.jsonl", "others.jsonl", "taught"))
    write_rows(rows, KEPT)
    write_rows(others, [(f"big {thing}", f"{thing} big") for thing in THINGS])
    config = keeptune.TuneConfig(
        model=keeptune.ModelConfig(name=str(model), **CPU),
        data=keeptune.DataConfig(train=str(rows), test=str(others), validation_fraction=0.0),
        method=keeptune.Full(),
        training=keeptune.TrainingConfig(lr=0.01, epochs=40.0, torch_compile=False),
        evaluation=EVALUATION,
        measure=keeptune.MeasureConfig(extent="none"),
        mitigation=keeptune.MitigationConfig(plain=True),
        output=str(run),
    )
    keeptune.tune(config, silent)
    shutil.copytree(run / "model", folder)


@contextmanager
def _refused(kind: type[keeptune.KeeptuneError]) -> Iterator[None]:
    """The block must end with an error of this kind."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")
