"""Logs that lm-evaluation-harness 0.4.13 wrote itself for a tiny random model, read without the harness.

``lm_eval/run`` is the output of ``lm_eval --log_samples --include_path tests/data/lm_eval``; of its results file only
what is read was kept.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.data.lm_eval_log import read_lm_eval_log
from keeptune.data.lm_eval_task import by_metrics, same_ability
from keeptune.errors import DataError, MetricError, PairingError
from keeptune.forgetting.compare import compare, pair
from keeptune.records import Ability, Example, Interval, Message
from keeptune.scoring.metric import corpus_score
from keeptune.scoring.table import get_metric

RUN = Path(__file__).parent / "lm_eval" / "run"
STAMP = "2026-01-31T12-00-00.123456"
Rows = list[dict[str, Any]]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the run with one task's samples changed."""
    count = iter(range(100))

    def edit(task: str, change: Callable[[Rows], Rows | None]) -> Path:
        folder = tmp_path / str(next(count))
        shutil.copytree(RUN, folder)
        file = folder / f"samples_{task}_{STAMP}.jsonl"
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        rows = change(rows) or rows
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return folder

    return edit


def test_choices_are_read_with_their_likelihoods_and_right_answers() -> None:
    ability, records = read_lm_eval_log(RUN)["keeptune_kinds"]
    assert (ability.source, ability.version, ability.output_type) == ("lm-eval", "2.0", "choices")
    assert ability.chance == pytest.approx(100 * (5 / 3 + 1 / 2) / 6)
    assert ability.metrics[0] == "lm-eval:acc"
    assert [record.item_id for record in records] == [f"keeptune_kinds/{i}" for i in range(6)]
    assert records[3].prompt == "A finch is a kind of"
    assert records[3].choices == ("spoon", "bird", "colour")
    assert records[3].references == ("bird",)
    assert records[0].answer.choice_loglikelihoods == (-27.87333869934082, -32.93162536621094, -39.365264892578125)
    right = [max(zip(r.answer.choice_loglikelihoods, r.choices, strict=True))[1] in r.references for r in records]
    assert [r.scores["lm-eval:acc"].value for r in records] == [100.0 * each for each in right]
    assert [item.prompt_text for item in ability.items] == [record.prompt for record in records]
    assert [item.cluster for item in ability.items] == [record.cluster for record in records]


def test_every_mean_and_every_loss_is_the_score_of_the_harness() -> None:
    told = json.loads((RUN / f"results_{STAMP}.json").read_text())["results"]
    logs = read_lm_eval_log(RUN)
    assert set(logs) == set(told)

    def score(task: str, metric: str) -> float:
        return float(corpus_score(get_metric(metric), [r.scores[metric] for r in logs[task].records]))

    for task, metric in (("kinds", "acc"), ("kinds", "acc_norm"), ("last_words", "acc"), ("who", "acc")):
        assert score(f"keeptune_{task}", f"lm-eval:{metric}") == pytest.approx(
            100 * told[f"keeptune_{task}"][f"{metric},none"]
        )
    pages, words = told["keeptune_pages"], told["keeptune_last_words"]
    assert math.exp(score("keeptune_pages", "lm-eval:word_perplexity:nats")) == pytest.approx(
        pages["word_perplexity,none"]
    )
    assert score("keeptune_pages", "lm-eval:bits_per_byte:nats") / math.log(2) == pytest.approx(
        pages["bits_per_byte,none"]
    )
    assert math.exp(score("keeptune_last_words", "lm-eval:perplexity:nats")) == pytest.approx(words["perplexity,none"])


def test_the_filters_of_a_document_are_metrics_of_one_record() -> None:
    ability, records = read_lm_eval_log(RUN)["keeptune_sums"]
    assert ability.output_type == "generate"
    assert [name for name in ability.metrics if "graded" not in name] == [
        "lm-eval:exact_match,strict-match",
        "lm-eval:exact_match,flexible-extract",
    ]
    assert len(records) == 4
    assert (records[0].prompt, records[0].references, records[0].answer.output) == ("2 + 3 =", ("5",), "========")


def test_likelihoods_of_texts_and_continuations() -> None:
    logs = read_lm_eval_log(RUN)
    page = logs["keeptune_pages"].records[0]
    assert (page.prompt, page.references) == ("", ("The ferry leaves at nine.",))
    assert page.answer.reference_loglikelihood == -140.46023559570312
    assert page.scores["lm-eval:word_perplexity:nats"].value == 140.46023559570312 / 5
    assert logs["keeptune_pages"].ability.margin == 0.05
    last = logs["keeptune_last_words"].records[0]
    assert (last.prompt, last.references) == ("The kettle is on the", (" stove",))


def test_choices_within_the_context_are_what_sets_the_contexts_apart() -> None:
    ability, records = read_lm_eval_log(RUN)["keeptune_who"]
    assert records[0].prompt == "The cup fell off the shelf because the "
    assert records[0].choices == ("cup was tilted.", "shelf was tilted.")
    assert ability.chance == 50.0


def test_two_runs_are_compared_by_the_paired_interval(edited: Callable[..., Path]) -> None:
    def worse(rows: Rows) -> None:
        for row in rows[:2]:
            row["acc"] = 1.0 - row["acc"]

    base = read_lm_eval_log(RUN)["keeptune_kinds"]
    assert [r.scores["lm-eval:acc"].value for r in base.records[:2]] == [100.0, 0.0]
    results = edited("keeptune_kinds", worse)
    tuned = read_lm_eval_log(results)["keeptune_kinds"]
    found = compare(base.records, tuned.records, get_metric(base.ability.metrics[0]))
    assert (found.items, found.fell, found.rose, found.unchanged) == (6, 1, 1, 4)
    assert isinstance(found.difference, Interval)
    assert found.difference.estimate == 0.0


def test_another_document_or_prompt_is_not_paired(edited: Callable[..., Path]) -> None:
    base = read_lm_eval_log(RUN)["keeptune_kinds"].records
    for field, value, said in (
        ("doc_hash", "f" * 64, "item keeptune_kinds/2: different cluster"),
        ("target", "0", "item keeptune_kinds/2: different references"),
        ("doc_id", 17, "item keeptune_kinds/2 was not answered after"),
    ):
        tuned = read_lm_eval_log(edited("keeptune_kinds", lambda rows, f=field, v=value: rows[2].update({f: v})))
        with pytest.raises(PairingError, match=said):
            pair(base, tuned["keeptune_kinds"].records)


def test_a_document_that_occurs_twice_is_one_cluster(edited: Callable[..., Path]) -> None:
    log = edited("keeptune_kinds", lambda rows: [*rows, {**rows[0], "doc_id": 6}])
    records = read_lm_eval_log(log)["keeptune_kinds"].records
    assert (len(records), len({record.cluster for record in records})) == (7, 6)


def test_values_of_one_model_between_0_and_1_are_compared_as_graded(edited: Callable[..., Path]) -> None:
    base = read_lm_eval_log(RUN)["keeptune_kinds"]
    half = edited("keeptune_kinds", lambda rows: rows[0].update(acc=0.25))
    (half / f"results_{STAMP}.json").unlink()
    tuned = read_lm_eval_log(half)["keeptune_kinds"]
    assert same_ability(base.ability, base.ability) == base.ability
    both = same_ability(base.ability, tuned.ability)
    assert both.metrics == ("lm-eval:acc:graded", "lm-eval:acc_norm", "lm-eval:acc_norm:graded")
    with pytest.raises(PairingError, match=r"version 2\.0 before"):
        same_ability(base.ability, replace(tuned.ability, version="1.0"))
    with pytest.raises(MetricError, match="keeptune_kinds has the metrics"):
        same_ability(base.ability, replace(base.ability, metrics=("lm-eval:other",)))
    assert tuned.records[0].scores["lm-eval:acc:graded"].value == 25.0
    assert compare(base.records, tuned.records, get_metric("lm-eval:acc:graded")).fell == 1
    with pytest.raises(MetricError):
        compare(base.records, tuned.records, get_metric("lm-eval:acc"))


def test_what_is_not_a_mean_is_left_unscored(edited: Callable[..., Path]) -> None:
    def add(rows: Rows) -> None:
        for row in rows:
            row["metrics"] = ["mcc", "bleu", *row["metrics"]]
            row |= {"mcc": [0, 1], "bleu": 31.5}

    ability, records = read_lm_eval_log(edited("keeptune_kinds", add))["keeptune_kinds"]
    assert records[0].scores["lm-eval:mcc:graded"].value is None
    assert records[0].scores["lm-eval:bleu:graded"].value is None
    assert ability.metrics[0] == "lm-eval:acc"
    differing = edited("keeptune_kinds", lambda rows: rows[0].update(acc=0.0))  # no longer the mean of the results
    assert read_lm_eval_log(differing)["keeptune_kinds"].records[1].scores["lm-eval:acc:graded"].value is None


def test_an_early_log_without_hashes_metrics_and_filter(edited: Callable[..., Path]) -> None:
    def early(rows: Rows) -> None:
        for row in rows:
            for name in ("filter", "metrics", "doc_hash", "prompt_hash", "target_hash"):
                del row[name]
            row["arguments"] = [list(each.values()) for each in row["arguments"].values()]

    _, records = read_lm_eval_log(edited("keeptune_kinds", early))["keeptune_kinds"]
    _, now = read_lm_eval_log(RUN)["keeptune_kinds"]
    assert [record.scores for record in records] == [record.scores for record in now]
    assert records[0].cluster == "keeptune_kinds/0"


def test_a_list_of_targets_is_several_references(edited: Callable[..., Path]) -> None:
    kinds = edited("keeptune_kinds", lambda rows: rows[0].update(target="[0, 2]"))
    assert read_lm_eval_log(kinds)["keeptune_kinds"].records[0].references == ("bird", "colour")
    texts = edited("keeptune_sums", lambda rows: [row.update(target="['5', 'five']") for row in rows] and None)
    assert read_lm_eval_log(texts)["keeptune_sums"].records[0].references == ("5", "five")
    words = edited("keeptune_kinds", lambda rows: rows[0].update(target="bird"))
    assert read_lm_eval_log(words)["keeptune_kinds"].records[0].references == ("bird",)


@pytest.mark.parametrize(
    ("task", "change", "said"),
    [
        ("kinds", lambda rows: [*rows, rows[1]], ":7: document 1 was already on line 2"),
        ("kinds", lambda rows: rows[2].pop("acc"), ":3: the sample has no acc"),
        ("kinds", lambda rows: rows[2].pop("resps"), ":3: the sample has no resps"),
        ("kinds", lambda rows: rows[4].update(doc_id="x"), ":5: doc_id is not a whole number"),
        ("kinds", lambda rows: rows[0]["resps"].pop(), ":1: arguments and resps do not match: 3 requests, 2"),
        ("kinds", lambda rows: rows[0].update(resps=[[["a", "b"]]] * 3), ":1: arguments and resps do not match"),
        ("sums", lambda rows: rows[:-1], "document 3 is missing under the filter flexible-extract"),
        ("sums", lambda rows: rows[5].update(doc_hash="0"), "document 1 differs under the filter strict-match"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    edited: Callable[..., Path], task: str, change: Callable[[Rows], Any], said: str
) -> None:
    def only_rows(rows: Rows) -> Rows | None:
        changed = change(rows)
        return changed if isinstance(changed, list) and changed and "doc" in changed[0] else None

    folder = edited(f"keeptune_{task}", only_rows)
    with pytest.raises(DataError) as caught:
        read_lm_eval_log(folder)
    assert said in str(caught.value)


def test_files_that_are_no_log(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no samples_"):
        read_lm_eval_log(tmp_path)
    file = tmp_path / "samples_x.jsonl"
    file.write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        read_lm_eval_log(file)
    file.write_text('{"doc_id": 0}\n{"doc_id": \n')
    with pytest.raises(DataError, match=r"samples_x\.jsonl:2: bad JSON"):
        read_lm_eval_log(tmp_path)


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    for name in ("base", "tuned"):
        shutil.copytree(RUN, tmp_path / name)
    with pytest.raises(DataError, match="two logs of keeptune_kinds: base"):
        read_lm_eval_log(tmp_path)


def test_a_single_file_is_a_log() -> None:
    (task,) = read_lm_eval_log(RUN / f"samples_keeptune_who_{STAMP}.jsonl").items()
    assert task[0] == "keeptune_who"
    assert task[1].ability.version == "1.0"


def test_reading_needs_neither_the_harness_nor_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from keeptune.data.lm_eval_log import read_lm_eval_log\n"
        f"read_lm_eval_log(Path({str(RUN)!r}))\n"
        "sys.exit(bool({'torch', 'lm_eval', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_margin_and_chance_are_those_of_the_first_metric() -> None:
    """As a user may choose another than the task's own first."""
    items = tuple(Example(f"{n}", (Message("user", "?"),), "a", choices=("a", "b")) for n in range(4))
    by_loss = Ability(
        "t", "t", "lm-eval", "1", "choices", ("lm-eval:perplexity:nats", "lm-eval:acc"), items, chance=None, margin=0.05
    )
    by_accuracy = by_metrics(by_loss, ("lm-eval:acc", "lm-eval:perplexity:nats"))
    assert (by_accuracy.margin, by_accuracy.chance) == (5.0, 50.0)
    assert by_metrics(by_accuracy, by_loss.metrics) == by_loss
