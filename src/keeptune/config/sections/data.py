"""Which rows are used, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keeptune.config.aliases import also, inverted
from keeptune.config.canonical import Canonical
from keeptune.config.setting import COUNT, FRACTION, SEED, Affects, Range, setting
from keeptune.config.values import known_encoding, labels, one_character

TooLong = Literal["truncate", "drop", "error"]
LossOn = Literal["last", "all"]


@dataclass(frozen=True, slots=True)
class DataConfig(Canonical):
    """Which rows are used, and how they are read."""

    train: str | None = setting(
        None,
        Affects.INPUT,
        "Rows to train on: a JSONL, JSON, CSV, TSV, Excel or Parquet file, a folder, or a hub data set.",
        more="A hub data set is written `name`, `name:split` or `name:config:split`.",
        metavar="DATA",
        group="start",
        aliases=also("train_file", "dataset_name"),
    )
    test: str | None = setting(
        None,
        Affects.INPUT,
        "Rows to score the task on.",
        unset="a held-out part of train",
        metavar="DATA",
        group="start",
        aliases=also("test_file"),
    )
    prompt: str | None = setting(
        None,
        Affects.INPUT,
        "Prompt template over a row's fields, such as 'Summarize: {dialogue}'.",
        unset="found from the field names",
        metavar="TEMPLATE",
        group="start",
    )
    completion: str | None = setting(
        None,
        Affects.INPUT,
        "Field with the answer, or a template for it.",
        unset="found from the field names",
        metavar="FIELD",
        group="start",
    )
    system: str | None = setting(None, Affects.INPUT, "System message before every prompt.", metavar="TEXT")
    group: str | None = setting(
        None, Affects.INPUT, "Field that groups rows; a split never divides a group.", metavar="FIELD"
    )
    encoding: str | None = setting(
        None,
        Affects.INPUT,
        "Encoding of text files, such as cp1252 or utf-16.",
        unset="UTF-8; another encoding is detected if it is certain, and reported",
        metavar="NAME",
        parse=known_encoding,
    )
    delimiter: str | None = setting(
        None,
        Affects.INPUT,
        "Character between the fields of a table: ';', '|', tab …",
        unset="detected and reported",
        metavar="CHAR",
        parse=one_character,
    )
    skip_bad: bool = setting(False, Affects.INPUT, "Skip unusable rows and list them, instead of stopping.")
    choices: str | None = setting(
        None,
        Affects.INPUT,
        "Labels to choose from: a,b,c, the field that holds them, or none.",
        more="`auto` uses the rows' `choices`, or their answers if these are few and repeat.",
        unset="auto, detected and reported",
        metavar="FIELD|LIST|none",
        parse=labels,
    )
    limit_train: int | None = setting(
        None, Affects.INPUT, "Use at most N rows of train, validation rows included.", unit="rows", range=COUNT
    )
    draw: int = setting(
        0,
        Affects.INPUT,
        "Seed that selects which rows --limit-train uses.",
        more="With the same seed, a smaller selection is part of a larger one.",
        range=SEED,
        needs=("data.limit_train",),
    )
    limit_test: int | None = setting(None, Affects.INPUT, "Use at most N rows of test.", range=COUNT, unit="rows")
    test_fraction: float = setting(
        0.2,
        Affects.INPUT,
        "Share of train held out for scoring when --test is not given.",
        range=Range(0, 1, low_open=True),
        unused_with="data.test",
    )
    validation_fraction: float = setting(
        0.1,
        Affects.INPUT,
        "Share of train that selects the best checkpoint and α; 0 keeps the last, and α = 1.",
        range=FRACTION,
    )
    max_length: int | None = setting(
        None,
        Affects.WEIGHTS,
        "Maximum length of a row in tokens.",
        unset="the model's context, at most 2048",
        unit="tokens",
        range=COUNT,
        aliases=also("max_seq_length"),
    )
    too_long: TooLong = setting(
        "truncate",
        Affects.WEIGHTS,
        "What to do with a longer row.",
        more="`truncate` cuts the middle of its prompt, `drop` leaves the row out, `error` stops.",
    )
    loss_on: LossOn = setting("last", Affects.WEIGHTS, "Learn the last answer of a conversation, or all answers.")
    drop_duplicates: bool = setting(
        True,
        Affects.INPUT,
        "Keep train rows that duplicate another row or a test row.",
        more="By default such rows are dropped.",
        flag="keep-duplicates",
        aliases={"keep_duplicates": inverted},
    )
