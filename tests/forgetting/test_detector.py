"""The detector judges no answer by what it saw of it."""

import random

import numpy as np
from planted import words

from keeptune.forgetting.answer_features import READ_CHARACTERS, Shown, answer_features, length_features
from keeptune.forgetting.detector import FOLDS, Labelled, _folds, detect


def rows(outputs, positive, clusters=None, kinds=None):
    count = len(outputs)
    return Labelled(
        answers=[Shown("Say it.", output) for output in outputs],
        clusters=clusters or [f"c{i}" for i in range(count)],
        kinds=kinds or ["all"] * count,
        positive=np.array(positive),
        negative=~np.array(positive),
    )


def test_labels_at_random_are_not_learnt():
    """Texts of one kind, sides by lot: a detector that saw what it judges would find them all."""
    rng = random.Random(0)
    outputs = [words(rng, 12) for _ in range(600)]
    positive = np.array([rng.random() < 0.5 for _ in outputs])
    judged = detect(rows(outputs, positive.tolist()))
    for above in (judged.by_text, judged.by_length):
        assert (above[positive] > 0).mean() < 0.05
        assert (above[~positive] > 0).mean() < 0.04


def test_twins_in_one_cluster_are_not_recognised():
    """Each text twice, on one side, in one cluster: were clusters cut, the twin would give it away."""
    rng = random.Random(1)
    outputs = [text for _ in range(300) for text in [words(rng, 12)] * 2]
    positive = np.repeat([rng.random() < 0.5 for _ in range(300)], 2)
    clusters = [f"c{i // 2}" for i in range(600)]
    together = detect(rows(outputs, positive.tolist(), clusters)).by_text
    assert (together[positive] > 0).mean() < 0.06
    cut = detect(rows(outputs, positive.tolist())).by_text
    assert (cut[positive] > 0).mean() > 0.5


def test_folds_hold_whole_clusters_and_are_level():
    clusters = [f"c{i // 3}" for i in range(300)]
    folds = _folds(clusters)
    assert all(len(set(folds[[c == name for c in clusters]])) == 1 for name in set(clusters))
    sizes = np.bincount(folds, minlength=FOLDS)
    assert sizes.max() - sizes.min() <= 3


def test_one_in_a_hundred_negatives_passes():
    rng = random.Random(3)
    outputs = [f"so {words(rng, 6)}" if i % 3 == 0 else words(rng, 7) for i in range(1800)]
    positive = [i % 3 == 0 for i in range(1800)]
    judged = detect(rows(outputs, positive)).by_text
    negative = ~np.array(positive)
    assert (judged[negative] > 0).mean() <= 0.02
    assert (judged[positive] > 0).mean() > 0.95


def test_copied_words_lose_their_topic():
    one = Shown("Say: Anna met 3 boats.", "Anna saw 3 boats.")
    other = Shown("Say: Bert met 7 trees.", "Bert saw 7 trees.")
    features = answer_features([one, other])
    assert (features.words[0] != features.words[1]).nnz == 0
    assert (features.characters[0] != features.characters[1]).nnz > 0


def test_length_is_that_of_the_whole_answer_and_only_its_start_is_read():
    start = "x" * READ_CHARACTERS
    shown = [Shown("p", start + "y" * 9_000), Shown("p", start + "z" * 9_000), Shown("p", start)]
    features = answer_features(shown)
    assert (features.characters[0] != features.characters[1]).nnz == 0
    assert (features.lengths[0] != features.lengths[1]).nnz == 0
    assert (features.lengths[0] != features.lengths[2]).nnz > 0
    assert np.isfinite(features.form).all()


def test_short_lengths_have_a_bin_each():
    lengths = length_features([Shown("", "x" * n) for n in range(24)])
    assert lengths.indices.tolist() == list(range(24))
    long = length_features([Shown("", "x" * n) for n in (24, 48, 96, 10**6, 10**7)])
    assert np.diff(long.indices[:3]).tolist() == [6, 6]
    assert np.all(np.diff(long.indices) >= 0)


def test_circles_are_told_by_their_distinct_runs():
    features = answer_features([Shown("", "no no no " * 60), Shown("", words(random.Random(4), 60)), Shown("", "")])
    around, plain, empty = features.distinct
    assert around < 0.03
    assert plain > 0.4
    assert empty == 1.0
