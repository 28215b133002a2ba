"""`keeptune check`: everything about the data that can be known before a model loads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from keeptune.config.schema import DataConfig, TooLong
from keeptune.data.advice import advise_test, advise_train
from keeptune.data.check_report import CheckReport, RoleReport
from keeptune.data.duplicates import Repeat, find_duplicates, find_leaks, is_other_item, share_context
from keeptune.data.labels import with_labels
from keeptune.data.load import read_examples
from keeptune.data.mix.recipe import is_recipe
from keeptune.data.token_lengths import CountTokens, TokenLengths, summarise_lengths
from keeptune.errors import Problem
from keeptune.records import Example
from keeptune.records.example import place_of
from keeptune.scoring.choose import choose_metrics


def check_data(
    config: DataConfig,
    count_tokens: CountTokens | None = None,
    max_length: int | None = None,
    metrics: Sequence[str] = (),
) -> CheckReport:
    """Reads `config.train` and `config.test` and reports all that is wrong; never raises for bad data.

    `max_length` (tokens a row at most) goes after `config.max_length`; `metrics` are those that the user names.
    """
    problems: list[Problem] = []
    reports: list[RoleReport] = []
    rows: dict[str, tuple[Example, ...]] = {"train": (), "test": ()}
    mappings: dict[str, str] = {}
    paths = [(role, path) for role, path in (("train", config.train), ("test", config.test)) if path is not None]
    for role, path in paths:
        rows[role], mappings[role], found = read_examples(path, config, role)
        problems.extend(found)
    mixed = config.train is not None and is_recipe(config.train)
    labelled = with_labels(() if mixed else rows["train"], rows["test"], config)
    rows = {"train": rows["train"] if mixed else labelled.train, "test": labelled.test}
    problems.extend(labelled.problems)
    for role, path in paths:
        examples = rows[role]
        lengths = None
        if count_tokens is not None and examples:
            limit = config.max_length or max_length
            lengths = summarise_lengths(examples, count_tokens(examples), limit)
            problems.extend(_too_long(lengths, examples, path, config.too_long if role == "train" else "truncate"))
        clusters = len({example.cluster for example in examples})
        reports.append(
            RoleReport(role, path, len(examples), clusters, mappings[role], lengths, label_balance(examples))
        )
    if config.train is None and config.test is None:
        problems.append(Problem("data", None, "no-data", "no data to check", "give --train FILE"))
    repeats = find_duplicates(rows["train"])
    leaks = find_leaks(rows["train"], rows["test"])
    context = share_context(repeats, len(rows["train"]))
    problems.extend(_repeat_problems(repeats, leaks, context, config))
    problems.extend(_unseen_labels(rows["train"], rows["test"], config.test or ""))
    chosen = _metric(rows["test"] if config.test else rows["train"], metrics)
    advice = _advice(rows["train"], rows["test"], config, context, chosen[0])
    return CheckReport(tuple(problems), tuple(reports), repeats, leaks, context, advice, *chosen)


def _metric(pool: Sequence[Example], named: Sequence[str]) -> tuple[str, str]:
    """(the primary metric, why it), as a run would choose it."""
    if named:
        return named[0], "named in the settings"
    if not pool:
        return "", ""
    names, reason = choose_metrics(pool)
    return names[0], reason


def label_balance(examples: Sequence[Example]) -> tuple[tuple[str, int], ...]:
    """(label, rows) over closed choices, the most frequent first; empty where a row has no choices."""
    if not examples or not all(example.choices for example in examples):
        return ()
    counts = Counter({label: 0 for example in examples for label in example.choices})
    counts.update(example.completion for example in examples)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _too_long(lengths: TokenLengths | None, examples: Sequence[Example], path: str, then: TooLong) -> list[Problem]:
    """What is scored is never dropped nor refused: it is cut."""
    if lengths is None or not lengths.too_long:
        return []
    what = f"longer than {lengths.limit:,} tokens, prompt and completion together"
    if then == "error":
        wanted = set(lengths.too_long)
        fix = "shorten it, raise --max-length, or set --too-long to truncate or drop"
        return [
            Problem(*place_of(example.source), "too-long", f"the row is {what}", fix, "error")
            for example in examples
            if example.id in wanted
        ]
    ids = ", ".join(lengths.too_long[:5]) + (" …" if len(lengths.too_long) > 5 else "")
    ends = {
        "truncate": "prompts will be cut in the middle, long answers at the end",
        "drop": "they will be left out",
    }
    count = len(lengths.too_long)
    message = f"{count} of {len(examples)} rows are {what} ({ids}): {ends[then]}"
    return [Problem(path, None, "too-long", message, "raise --max-length, or shorten them", "warning")]


def _repeat_problems(
    repeats: Sequence[Repeat], leaks: Sequence[Repeat], context: bool, config: DataConfig
) -> list[Problem]:
    dropped = "it is left out of train" if config.drop_duplicates else "leave it out of train"
    problems = []
    for name, verb, found in (("leak", "occurs in test", leaks), ("duplicate", "repeats a row", repeats)):
        for repeat in found:
            if context and is_other_item(repeat):
                continue
            kind = name if repeat.kind == "exact" else f"near-{name}"
            how = "" if repeat.kind == "exact" else "nearly "
            degree = "" if repeat.kind == "exact" else f" (similarity {repeat.similarity:.2f})"
            answer = ", and its answer too" if repeat.whole_row else ""
            message = f"its prompt {how}{verb}{degree}: {repeat.first_source}{answer}"
            problems.append(Problem(*place_of(repeat.second_source), kind, message, dropped, "warning"))
    return problems


def _unseen_labels(train: Sequence[Example], test: Sequence[Example], path: str) -> list[Problem]:
    if not label_balance(train) or not label_balance(test):
        return []
    unseen = sorted({example.completion for example in test} - {example.completion for example in train})
    if not unseen:
        return []
    message = f"labels that no train row has: {', '.join(unseen[:8])}{' …' if len(unseen) > 8 else ''}"
    return [Problem(path, None, "unseen-label", message, "add train rows with them", "warning")]


def _advice(
    train: Sequence[Example], test: Sequence[Example], config: DataConfig, context: bool, metric: str
) -> tuple[str, ...]:
    advice: list[str] = []
    if train:
        apart = 0 if config.test else round(config.test_fraction * len(train))
        if apart:
            advice.append(f"no test file: about {apart} of the {len(train)} train rows are held out as test")
        rows = min(len(train) - apart, config.limit_train or len(train))
        advice.append(advise_train(rows))
        items = min(len(test) if config.test else apart, config.limit_test or len(test) + apart)
        advice.append(advise_test(items, metric))
    balance = label_balance(test or train)
    if balance:
        label, count = balance[0]
        share = count / len(test or train)
        advice.append(f'the most frequent answer, "{label}", alone scores {share:.0%}: beat that')
    if context:
        advice.append(
            "many prompts share most of their words and have other answers: taken for different items on "
            "one passage or list; give them one --group, so that a split keeps them together"
        )
    return tuple(advice)
