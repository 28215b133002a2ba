"""The nouns that every room shares: frozen, serialisable, free of behaviour."""

from keeptune.records.ability import Ability, OutputType, Source
from keeptune.records.alpha_choice import AlphaChoice, AlphaPoint
from keeptune.records.comparison import Comparison
from keeptune.records.encoded_row import EncodedRow, RowRole, TeacherInput
from keeptune.records.eval_record import Answer, EvalRecord, Finish, ItemScore
from keeptune.records.example import Example, Message, Role
from keeptune.records.export_report import ExportReport, Share, export_name
from keeptune.records.forgetting_report import (
    AbilityReport,
    Broke,
    Change,
    Confusion,
    ConfusionCell,
    Diagnosis,
    DriftRow,
    ForgettingReport,
    Gate,
    IntrusionReport,
    IntrusionRow,
    VariantDrop,
    Verdict,
)
from keeptune.records.health import Finding, Health
from keeptune.records.hyperparameter_search_report import HyperparameterSearchReport, SearchTrial
from keeptune.records.interval import Interval, MaybeInterval, negated
from keeptune.records.learning_curve import Backtest, CurveAbility, CurvePoint, CurveTrial, Fitted, LearningCurve
from keeptune.records.manifest import RunManifest
from keeptune.records.method_comparison import MethodAbility, MethodComparison, MethodPair, MethodRow, TrialRow
from keeptune.records.mitigation_search_report import DevDrop, DevEvidence, MitigationSearchReport
from keeptune.records.reproduction import AnswersAgain, Outcome, Reproduction, ScoreAgain, VerdictAgain, WeightsAgain
from keeptune.records.result import EvalResult, Forecast, SideBySide, TrainingSummary, TuneResult
from keeptune.records.serialise import SCHEMA_VERSION, from_plain, to_plain
from keeptune.records.undefined import Undefined

__all__ = [
    "SCHEMA_VERSION",
    "Ability",
    "AbilityReport",
    "AlphaChoice",
    "AlphaPoint",
    "Answer",
    "AnswersAgain",
    "Backtest",
    "Broke",
    "Change",
    "Comparison",
    "Confusion",
    "ConfusionCell",
    "CurveAbility",
    "CurvePoint",
    "CurveTrial",
    "DevDrop",
    "DevEvidence",
    "Diagnosis",
    "DriftRow",
    "EncodedRow",
    "EvalRecord",
    "EvalResult",
    "Example",
    "ExportReport",
    "Finding",
    "Finish",
    "Fitted",
    "Forecast",
    "ForgettingReport",
    "Gate",
    "Health",
    "HyperparameterSearchReport",
    "Interval",
    "IntrusionReport",
    "IntrusionRow",
    "ItemScore",
    "LearningCurve",
    "MaybeInterval",
    "Message",
    "MethodAbility",
    "MethodComparison",
    "MethodPair",
    "MethodRow",
    "MitigationSearchReport",
    "Outcome",
    "OutputType",
    "Reproduction",
    "Role",
    "RowRole",
    "RunManifest",
    "ScoreAgain",
    "SearchTrial",
    "Share",
    "SideBySide",
    "Source",
    "TeacherInput",
    "TrainingSummary",
    "TrialRow",
    "TuneResult",
    "Undefined",
    "VariantDrop",
    "Verdict",
    "VerdictAgain",
    "WeightsAgain",
    "export_name",
    "from_plain",
    "negated",
    "to_plain",
]
