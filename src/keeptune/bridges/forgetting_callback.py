"""`keeptune.ForgettingCallback`: measures forgetting in any run of a `transformers` Trainer, TRL's among them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback

from keeptune.bridges.logged_ability import logged_ability
from keeptune.bridges.look_times import Looks, Unit, read_look_times
from keeptune.bridges.measured_training import MeasuredTraining, measured_training
from keeptune.bridges.named_keeps import named_keeps
from keeptune.config.given import Given
from keeptune.config.keep import HARNESS, read_keep
from keeptune.config.schema import Keep, MeasureConfig, MeasureRun, ModelConfig
from keeptune.errors import ConfigError, StoreError
from keeptune.events import NoticeLog, silent
from keeptune.forgetting.gate import Decision
from keeptune.models.adopted import adopted
from keeptune.models.load import LoadedModel
from keeptune.models.quantization import held_in, leave_as_stored
from keeptune.records import ForgettingReport
from keeptune.scoring.table import METRICS
from keeptune.workspace.open_run import open_run
from keeptune.workspace.workspace import Workspace

FOLDER = "forgetting"
"""Start of the names of folders for reports, each with a number."""

_log = logging.getLogger(__name__)


class ForgettingCallback(TrainerCallback):
    """Scores declared abilities as a training begins, at times during it and at its end, and judges each item by item.

    Each look logs `forgetting/<ability>/change` with its limits `change_low` and `change_high` (negative is worse), and
    `forgetting/<ability>/verdict`: 1 kept, −1 lost or collapsed, 0 for any other. All looks together are wrong as
    rarely as one `measure`. The model is left as it was. At the end, `report` is the report, which is in a folder, too.
    """

    def __init__(
        self,
        keep: str | Keep | Sequence[str | Keep],
        every: int | str | None = None,
        *,
        stop_when_lost: bool = False,
        items: int | None = None,
        output: str | Path = "",
        trainer: Any = None,
    ) -> None:
        """Read the settings; the abilities are read when the training begins.

        Args:
            keep: abilities, as `--keep` takes them: ``sentiment:3``, ``ner=entities.jsonl:entity_f1:2``.
            every: when to look: a number of steps, ``epoch``, ``evaluation``, ``2 epochs`` …; None: at the end alone.
            stop_when_lost: end the training when an ability is lost or its answers have collapsed.
            items: maximum items of an ability.
            output: folder of the report. "": the first free ``forgetting-<n>`` in the trainer's output folder.
            trainer: logs the values to its trackers. Without it they are in its `state.log_history` alone.

        Raises:
            ConfigError: an invalid setting.
        """
        named = named_keeps(keep)
        asked = [each for each in named if isinstance(each, Keep)]
        read = read_keep(Given("measure.keep", [each for each in named if isinstance(each, str)], "keep"), METRICS)
        declared = (*read, *asked)
        if of_harness := [each.name for each in declared if each.data.startswith(HARNESS)]:
            raise ConfigError(
                f"{of_harness[0]} is a task of lm-evaluation-harness, which is not asked during a training",
                "use `keeptune measure` after it",
            )
        self.report: ForgettingReport | None = None
        self._measure = MeasureConfig(extent="full", keep=declared, items=items)
        self._times = read_look_times(every)
        self._stop_when_lost = stop_when_lost
        self._output, self._trainer = str(output), trainer
        self._open = ExitStack()
        self._training: MeasuredTraining | None = None
        self._looks: Looks | None = None
        self._rows = 0
        self._stopped_at: int | None = None

    def on_train_begin(
        self,
        args: Any,
        state: Any,
        control: Any,  # noqa: ARG002
        model: Any = None,
        processing_class: Any = None,
        **_: Any,
    ) -> None:
        """Score the model as the training finds it; where it is resumed, take the scores from when it began."""
        if args.world_size > 1 or getattr(args, "deepspeed", None):
            raise ConfigError(
                f"ForgettingCallback measures in one process that holds the model, and this run has {args.world_size}"
                f"{' and DeepSpeed' if getattr(args, 'deepspeed', None) else ''}",
                "train in one process, or use `keeptune measure` on the checkpoints",
            )
        if self._trainer is not None:
            _first_of(self._trainer.callback_handler.callbacks, self)
        planned = self._times.planned(args, state) if self._times else 0
        before, self._rows = self._rows, state.train_batch_size or 0
        if self._looks is not None and self._training is not None and args.auto_find_batch_size and self._rows < before:
            # The same training once more, with fewer rows a step: its weights have changed since the base was asked.
            if not self._looks.steps:
                self._looks.planned = planned
                self._looks.write()
            return
        resumed = state.global_step > 0
        self._open.close()
        self.report, self._training, self._stopped_at = None, None, None
        folder = self._output or _folder_in(Path(args.output_dir), resumed=resumed)
        name = str(getattr(model.config, "_name_or_path", "") or type(model).__name__)
        base, tuned = (ModelConfig(each, quantization=held_in(model)) for each in (name, str(args.output_dir)))
        settings = MeasureRun(base, tuned, measure=self._measure, output=folder)
        leave_as_stored(model)
        with ExitStack() as opened:
            run = opened.enter_context(open_run(folder, FOLDER, resume=resumed))
            with self._adopted(args, model, processing_class) as loaded:
                training = measured_training(loaded, settings, run, NoticeLog(silent))
                looks = Looks(run, planned)
                if resumed:
                    looks.resume()
                    training.read_base()
                else:
                    run.write_settings(settings)
                    training.ask_base(loaded)
                    looks.write()
            self._training, self._looks, self._open = training, looks, opened.pop_all()

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> Any:
        """Look, if a look is due."""
        return self._look("step", args, state, control, given)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> Any:
        """Look, if a look is due."""
        return self._look("epoch", args, state, control, given)

    def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> Any:
        """Look, if a look is due."""
        return self._look("evaluation", args, state, control, given)

    def on_train_end(
        self, args: Any, state: Any, control: Any, model: Any = None, processing_class: Any = None, **_: Any
    ) -> None:
        """Look for the last time, at the weights that the training leaves, and write the report.

        What fails here is logged and not raised: the trained weights, which may not be saved yet, do not depend on it.
        """
        training, self._training, looks = self._training, None, self._looks
        if training is None or looks is None:
            return
        try:
            with self._open, self._adopted(args, model, processing_class) as loaded:
                answers = training.ask(loaded, "tuned")
                # Of the same weights, the look that ended the training decides, at its own stricter level.
                same = self._stopped_at == state.global_step and not args.load_best_model_at_end
                alpha = looks.errors.early if same else looks.errors.last
                decision = training.judged(answers, alpha)
                self._logged(decision, state, control)
                self.report = training.report(loaded, answers, decision, alpha)
        except Exception as error:  # noqa: BLE001 - whatever fails, the trainer goes on
            _log.exception("there is no report: the last look failed. %s", error)
            return
        _log.warning("%s The report: %s", " ".join(decision.sentences), training.run.page)

    def _look(self, at: Unit, args: Any, state: Any, control: Any, given: dict[str, Any]) -> Any:
        training, looks = self._training, self._looks
        if training is None or looks is None or self._times is None:
            return control
        if not self._times.due(at, args, state) or not looks.left(state.global_step):
            return control
        with self._adopted(args, given["model"], given["processing_class"]) as loaded:
            answers = training.ask(loaded, f"step {state.global_step}")
        looks.take(state.global_step)
        decision = training.judged(answers, looks.errors.early)
        self._logged(decision, state, control)
        if self._stop_when_lost and decision.gate == "fail":
            self._stopped_at = state.global_step
            control.should_training_stop = True
            _log.warning("the training stops at step %s. %s", state.global_step, " ".join(decision.sentences))
        return control

    def _adopted(self, args: Any, model: Any, tokenizer: Any) -> AbstractContextManager[LoadedModel]:
        if tokenizer is None:
            raise ConfigError("the Trainer has no tokenizer", "give it one as its processing_class")
        autocast = torch.bfloat16 if args.bf16 else torch.float16 if args.fp16 else None
        # A processor of texts and images holds the tokenizer of its texts.
        return adopted(model, getattr(tokenizer, "tokenizer", tokenizer), autocast)

    def _logged(self, decision: Decision, state: Any, control: Any) -> None:
        values = {name: value for ability in decision.abilities for name, value in logged_ability(ability).items()}
        if self._trainer is None:
            state.log_history.append({**values, "epoch": state.epoch, "step": state.global_step})
            return
        asked = control.should_log
        # Not the trainer's own `log`: TRL's adds what it has summed up since its last one, and begins anew.
        Trainer.log(self._trainer, values)
        control.should_log = asked


def _first_of(callbacks: list[Any], own: TrainerCallback) -> None:
    """Put our own first: trackers close their runs at the end of a training, and are told the last look before."""
    if own in callbacks:
        callbacks.remove(own)
        callbacks.insert(0, own)


def _folder_in(output: Path, *, resumed: bool) -> str:
    """The first free folder for a report in a trainer's; of a training that is resumed, the last one."""
    number = 1
    while (output / f"{FOLDER}-{number}").exists():
        number += 1
    if not resumed:
        return str(output / f"{FOLDER}-{number}")
    last = Workspace(output / f"{FOLDER}-{number - 1}")
    if number == 1 or last.is_finished:
        raise StoreError(
            f"this training is resumed, and {output} holds no answers from when it began",
            "begin it anew with the callback, or name the folder of its report as output",
        )
    return str(last)
