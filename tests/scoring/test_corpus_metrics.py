"""BLEU and chrF from additive counts against sacrebleu; ROUGE against rouge-score."""

import random

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from scoring_items import corpus, example, real_examples, value, wrote

from keeptune.records import Answer, Undefined
from keeptune.scoring.metric import UNSCORED, sum_counts
from keeptune.scoring.table import METRICS

OUTPUTS = [
    "The cat sat on the mat.",
    "",
    "He reads 3.5 books, doesn't he?",
    "Ein Hund läuft schnell über die Straße .",
    "the the the",
    "   padded  ",
]
REFERENCES = [
    ("The cat is on the mat.", "There is a cat on the mat."),
    ("Nothing was said.",),
    ("He reads three books.", "He read 3.5 books, didn't he?", "Books he reads."),
    ("Ein Hund rennt schnell über die Straße.",),
    ("the cat", "the the"),
    ("padded",),
]

words = st.lists(st.sampled_from(["the", "cat", "sat", "on", "a", "mat.", "x,", "Ünï"]), max_size=9).map(" ".join)
items = st.lists(st.tuples(words, st.lists(words.filter(bool), min_size=1, max_size=3)), min_size=1, max_size=6)


def transposed(references):
    """sacrebleu's layout: one stream a reference number, None where an item has fewer."""
    return [[r[k] if k < len(r) else None for r in references] for k in range(max(map(len, references)))]


def oracle(name, outputs, references):
    score = {"bleu": sacrebleu.corpus_bleu, "chrf": sacrebleu.corpus_chrf}[name]
    return score(outputs, transposed(references)).score


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_equals_sacrebleu_with_a_varying_number_of_references(name):
    ours = corpus(METRICS[name], OUTPUTS, REFERENCES)
    assert ours == pytest.approx(oracle(name, OUTPUTS, REFERENCES), abs=1e-9)
    assert ours > 5


@pytest.mark.parametrize("name", ["bleu", "chrf"])
@settings(max_examples=60, deadline=None)
@given(items)
def test_equals_sacrebleu_on_any_text(name, rows):
    outputs, references = [r[0] for r in rows], [tuple(r[1]) for r in rows]
    assert corpus(METRICS[name], outputs, references) == pytest.approx(oracle(name, outputs, references), abs=1e-9)


@pytest.mark.parametrize("name", ["bleu", "chrf", "rouge1", "token_f1", "exact_match"])
def test_counts_of_a_subset_give_its_own_score(name):
    metric = METRICS[name]
    scores = [metric.item(wrote(o), example(*r)) for o, r in zip(OUTPUTS, REFERENCES, strict=True)]
    rng = random.Random(0)
    for _ in range(10):
        chosen = sorted(rng.sample(range(len(OUTPUTS)), 3))
        counts, scored, unscored = sum_counts(scores[i] for i in chosen)
        whole, _, _ = sum_counts(scores)
        rest, _, _ = sum_counts(scores[i] for i in range(len(OUTPUTS)) if i not in chosen)
        by_subtraction = {key: whole[key] - rest[key] for key in whole}
        alone = corpus(metric, [OUTPUTS[i] for i in chosen], [REFERENCES[i] for i in chosen])
        assert (scored, unscored) == (3, 0)
        assert metric.corpus(counts, 3) == pytest.approx(alone, abs=1e-9)
        assert metric.corpus(by_subtraction, 3) == pytest.approx(alone, abs=1e-9)


def test_sentence_bleu_and_chrf_are_the_librarys():
    output, references = OUTPUTS[0], REFERENCES[0]
    assert value(METRICS["bleu"], output, *references) == pytest.approx(
        sacrebleu.sentence_bleu(output, list(references)).score
    )
    assert value(METRICS["chrf"], output, *references) == pytest.approx(
        sacrebleu.sentence_chrf(output, list(references)).score
    )


def test_rouge_by_hand():
    # "the cat sat" against "the cat ran fast": 2 common words of 3 and 4.
    assert value(METRICS["rouge1"], "the cat sat", "the cat ran fast") == pytest.approx(100 * 4 / 7)
    assert value(METRICS["rouge2"], "the cat sat", "the cat ran fast") == pytest.approx(100 * 2 / 5)
    assert value(METRICS["rougeL"], "sat the cat", "the cat sat") == pytest.approx(100 * 2 / 3)
    assert value(METRICS["rouge1"], "running dogs", "run dog") == pytest.approx(100), "the stemmer is on"
    assert value(METRICS["rouge1"], "", "run dog") == 0


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL"])
def test_rouge_equals_the_library_and_takes_the_best_reference(name):
    scorer = RougeScorer([name], use_stemmer=True)
    for output, references in zip(OUTPUTS, REFERENCES, strict=True):
        best = max(100 * scorer.score(r, output)[name].fmeasure for r in references)
        assert value(METRICS[name], output, *references) == pytest.approx(best)


@pytest.mark.parametrize("name", [n for n, m in METRICS.items() if m.needs == "output"])
def test_no_output_is_unscored_not_zero(name):
    silent = Answer(item_id="i0", reference_loglikelihood=-3.0, reference_tokens=2)
    assert METRICS[name].item(silent, example("a", choices=("a", "b"))) == UNSCORED
    assert isinstance(METRICS[name].corpus({}, 0), Undefined)


def test_real_references_score_as_in_sacrebleu():
    examples = real_examples("jfleg/dev.jsonl", 60)
    outputs = [e.prompt_text.split("Sentence: ")[1].split("\n")[0] for e in examples]
    references = [e.references for e in examples]
    for name in ("bleu", "chrf"):
        ours = corpus(METRICS[name], outputs, references)
        assert ours == pytest.approx(oracle(name, outputs, references), abs=1e-9)
        assert ours > 50
