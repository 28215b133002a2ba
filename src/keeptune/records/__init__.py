"""The nouns that every room shares: frozen, serialisable, free of behaviour."""

from keeptune.records.comparison import Comparison
from keeptune.records.encoded_row import EncodedRow
from keeptune.records.eval_record import Answer, EvalRecord, Finish, ItemScore
from keeptune.records.example import Example, Message, Role
from keeptune.records.interval import Interval, MaybeInterval
from keeptune.records.manifest import RunManifest
from keeptune.records.result import EvalResult, SideBySide, TrainingSummary, TuneResult
from keeptune.records.serialise import SCHEMA_VERSION, from_plain, to_plain
from keeptune.records.undefined import Undefined

__all__ = [
    "SCHEMA_VERSION",
    "Answer",
    "Comparison",
    "EncodedRow",
    "EvalRecord",
    "EvalResult",
    "Example",
    "Finish",
    "Interval",
    "ItemScore",
    "MaybeInterval",
    "Message",
    "Role",
    "RunManifest",
    "SideBySide",
    "TrainingSummary",
    "TuneResult",
    "Undefined",
    "from_plain",
    "to_plain",
]
