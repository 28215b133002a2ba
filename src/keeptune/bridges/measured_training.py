"""What a training of another program does to declared abilities: answers before, answers now, and verdicts by item."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from keeptune.abilities.declared import scored_by, wanted_abilities
from keeptune.assessment.report import write_report
from keeptune.assessment.two_models import Records
from keeptune.config.schema import DataConfig, EvaluationConfig, MeasureRun
from keeptune.data.encode import Encoder
from keeptune.errors import PairingError
from keeptune.events import Notice, NoticeLog
from keeptune.forgetting.confusion import confuse
from keeptune.forgetting.gate import Decision, decide
from keeptune.forgetting.verdict import Confidence, judge
from keeptune.inference.answers import AnswerSettings, evaluate_model
from keeptune.inference.encoding import MAX_LENGTH
from keeptune.models.computing import model_facts
from keeptune.models.load import LoadedModel
from keeptune.models.memory import trim
from keeptune.records import SCHEMA_VERSION, Ability, Example, ForgettingReport, Undefined, to_plain
from keeptune.statistics.planning import ALPHA
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.manifest import make_manifest
from keeptune.workspace.workspace import Workspace

NOT_IN_TRAINING = Undefined("not looked for during a training; `keeptune measure` does")
TOKEN_BUDGET = EvaluationConfig().token_budget
BASE, DEV = "base", "base-dev"


@dataclass(slots=True)
class MeasuredTraining:
    """The declared abilities, and the answers of the model as the training found it."""

    settings: MeasureRun
    run: Workspace
    told: NoticeLog
    encoder: Encoder
    abilities: Sequence[Ability]
    seconds: dict[str, float] = field(default_factory=dict)
    _base: dict[str, Records] = field(default_factory=dict, init=False)
    _dev: dict[str, Records] = field(default_factory=dict, init=False)

    def ask_base(self, loaded: LoadedModel) -> None:
        """Let the model answer before it is trained, and keep the answers for a training that is resumed."""
        self._base = self.ask(loaded, BASE)
        for ability in self.abilities:
            self._dev[ability.name] = self._answers(loaded, ability, ability.dev, DEV) if ability.dev else []
            self.run.write_ability_records(ability.name, BASE, self._base[ability.name])
            self.run.write_ability_records(ability.name, DEV, self._dev[ability.name])

    def read_base(self) -> None:
        """Take the answers that were kept when the training began.

        Raises:
            PairingError: they are of other items.
        """
        for ability in self.abilities:
            self._base[ability.name] = self.run.ability_records(ability.name, BASE)
            self._dev[ability.name] = self.run.ability_records(ability.name, DEV)
            if [record.item_id for record in self._base[ability.name]] != [item.id for item in ability.items]:
                raise PairingError(
                    f"{self.run} holds answers to other items of {ability.name} than are declared now",
                    "resume with the same keep and items, or begin the training anew",
                )

    def ask(self, loaded: LoadedModel, name: str) -> dict[str, Records]:
        """The model's answers to all verdict items, scored; by ability."""
        began = time.monotonic()
        found = {ability.name: self._answers(loaded, ability, ability.items, name) for ability in self.abilities}
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began
        trim()
        return found

    def _answers(self, loaded: LoadedModel, ability: Ability, items: Sequence[Example], name: str) -> Records:
        asked = AnswerSettings(self.encoder, ability.max_new_tokens, TOKEN_BUDGET)
        title = f"{ability.name} ({name})"
        return evaluate_model(loaded, asked, items, scored_by(ability), self.told, title)[0]

    def judged(self, answers: Mapping[str, Records], alpha: float) -> Decision:
        """The verdicts on a model that answered so.

        Args:
            alpha: one-sided error of this look.
        """
        confidence = Confidence(1.0 - 2.0 * alpha, len(self.abilities))
        reports = [
            judge(ability, self._base[ability.name], answers[ability.name], self._dev[ability.name], "", confidence)
            for ability in self.abilities
        ]
        return decide(reports, self.settings.measure.fail_on, alpha)

    def report(
        self, loaded: LoadedModel, answers: Mapping[str, Records], decision: Decision, alpha: float
    ) -> ForgettingReport:
        """The report, written to the run folder."""
        settings = self.settings
        if alpha < ALPHA:
            told = f"one of several looks at this training: intervals of drops are at {100 * (1 - 2 * alpha):.4g} %"
            self.told(Notice("looks", f"{told}, so that all looks together are wrong as rarely as one at 95 %"))
        answered = {name: (self._base[name], records) for name, records in answers.items()}
        asked = [(each.name, each.version, [item.id for item in each.items]) for each in self.abilities]
        facts = model_facts(f"{settings.base.name} → {settings.tuned.name}", loaded)
        confusions = [confuse(a.name, *answered[a.name], a.metrics[0]) for a in self.abilities]
        report = ForgettingReport(
            schema_version=SCHEMA_VERSION,
            path=str(self.run),
            base_name=settings.base.name,
            tuned_name=settings.tuned.name,
            task=None,
            abilities=decision.abilities,
            gate=decision.gate,
            fail_on=settings.measure.fail_on,
            sentences=decision.sentences,
            intrusion=NOT_IN_TRAINING,
            confusions=tuple(each for each in confusions if each is not None),
            drift=NOT_IN_TRAINING,
            drift_history="",
            notices=tuple(self.told.messages),
            config={name: to_plain(getattr(settings, name)) for name in ("base", "tuned", "measure")},
            manifest=make_manifest(facts, test_hash=hash_value(asked), seconds=self.seconds),
        )
        write_report(report, answered, None, self.run)
        return report


def measured_training(loaded: LoadedModel, settings: MeasureRun, run: Workspace, told: NoticeLog) -> MeasuredTraining:
    """The abilities that the settings declare, for this model's tokenizer.

    Raises:
        ConfigError, DataError: an ability that cannot be asked.
    """
    text = loaded.inner.config.get_text_config()
    limit = min(MAX_LENGTH, loaded.context_length - loaded.soft_prompt)
    encoder = Encoder(loaded.tokenizer, loaded.kind, limit, vocabulary=getattr(text, "vocab_size", None))
    abilities = wanted_abilities(replace(settings.measure, abilities=("none",)), DataConfig(), encoder, told)
    return MeasuredTraining(settings, run, told, encoder, abilities)
