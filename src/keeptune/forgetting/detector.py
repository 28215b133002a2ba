"""A cross-fitted detector of answers that look like the new task's, and one that uses only their length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from keeptune.forgetting.answer_features import TEXT_COLUMNS, AnswerFeatures, FloatArray, Shown, answer_features

FOLDS = 6
"""Must be even: thresholds of the even folds come from the odd ones, and vice versa."""
FALSE_POSITIVES = 0.01
SEED = 0

IntArray = NDArray[np.int64]

_BEYOND = 4.0
"""Form features are clipped at this many standard deviations, so that an unseen form does not dominate."""

LIKE_ENOUGH = 0.3
NEIGHBOURS = 5

_NEVER = -1e6
"""Score of a rejected answer."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Answers to train on and to judge.

    All arrays and sequences are of one length; a row's answer is judged only by a classifier, and by a threshold,
    that saw no answer of its cluster.
    """

    answers: Sequence[Shown]
    clusters: Sequence[str]
    kinds: Sequence[str]
    """What a row is: rows of one kind weigh as much together as those of another on their side, and each kind of
    negatives by itself has no more false positives than are allowed."""
    positive: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    """Rows on neither side are judged but not trained on."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Score minus threshold of each answer; above 0, it looks like the new task's."""

    by_text: FloatArray
    by_length: FloatArray


def detect(rows: Labelled) -> Judged:
    """Judge every row, cross-fitted.

    Logistic regression on tf-idf of characters and of words without the topic, length and form. Folds are made of
    whole clusters; the threshold is that of 1 % false positives among the negatives of the folds on the other side, of
    each kind by itself.
    A classifier knows only what it was shown: an answer that resembles none of the task's (an empty one, a refusal,
    noise) is turned down whatever its score.
    """
    features = answer_features(rows.answers)
    folds = _folds(rows.clusters)
    weights = _weights(rows)
    clusters = np.unique(np.array(rows.clusters), return_inverse=True)[1]
    by_text, by_length = np.zeros(len(folds)), np.zeros(len(folds))
    for fold in range(FOLDS):
        here = np.flatnonzero(folds == fold)
        learnt = np.flatnonzero((folds != fold) & (rows.positive | rows.negative))
        if not len(here):
            continue
        target = rows.positive[learnt]
        fit, judge = _all_blocks(features, learnt, here)
        by_text[here] = _scores(fit, target, weights[learnt], judge)
        strange = _strange(fit[target, :TEXT_COLUMNS], clusters[learnt[target]], judge[:, :TEXT_COLUMNS])
        strange |= _circling(features.distinct, learnt[target], here)
        by_text[here[strange]] = _NEVER
        by_length[here] = _scores(features.lengths[learnt], target, weights[learnt], features.lengths[here])
    return Judged(_above(by_text, rows, folds), _above(by_length, rows, folds))


def _folds(clusters: Sequence[str]) -> IntArray:
    """Deal clusters in order of appearance in shuffled rounds, so that every suite is in every fold."""
    rng = np.random.default_rng(SEED)
    places: dict[str, int] = {}
    deal: list[int] = []
    for cluster in clusters:
        if cluster not in places:
            deal = deal or rng.permutation(FOLDS).tolist()
            places[cluster] = deal.pop()
    return np.array([places[cluster] for cluster in clusters], dtype=np.int64)


def _weights(rows: Labelled) -> FloatArray:
    """Weights that give both sides, and the kinds within a side, equal weight."""
    kinds = np.array(rows.kinds)
    weights = np.zeros(len(kinds))
    for side in (rows.positive, rows.negative):
        names = np.unique(kinds[side])
        for name in names:
            members = side & (kinds == name)
            weights[members] = len(kinds) / (2.0 * len(names) * members.sum())
    return weights


def _all_blocks(features: AnswerFeatures, fit: IntArray, judge: IntArray) -> tuple[csr_matrix, csr_matrix]:
    """The blocks side by side; what is fitted (idf, means) is fitted on `fit` alone."""
    fitted, judged = [], []
    for block in (features.characters, features.words):
        tfidf = TfidfTransformer(sublinear_tf=True).fit(block[fit])
        fitted.append(tfidf.transform(block[fit]))
        judged.append(tfidf.transform(block[judge]))
    scaler = StandardScaler().fit(features.form[fit])
    for rows, blocks in ((fit, fitted), (judge, judged)):
        form = np.clip(scaler.transform(features.form[rows]), -_BEYOND, _BEYOND) / _BEYOND
        blocks += [features.lengths[rows], csr_matrix(form)]
    return hstack(fitted, format="csr"), hstack(judged, format="csr")


def _strange(positives: csr_matrix, clusters: IntArray, judge: csr_matrix) -> NDArray[np.bool_]:
    """Less than 0.3 times as like its nearest positives as all but 1 % of the positives are like those of other
    clusters: little, since an answer in the way of the task on another topic shares no topic with them."""
    among = (positives @ positives.T).toarray()
    among[clusters[:, None] == clusters] = 0.0
    least = np.quantile(_nearest(among), 0.01)
    strange: NDArray[np.bool_] = _nearest((judge @ positives.T).toarray()) < LIKE_ENOUGH * least
    return strange


def _nearest(similarities: FloatArray) -> FloatArray:
    """Mean of the largest in each row."""
    mean: FloatArray = np.sort(similarities, axis=1)[:, -NEIGHBOURS:].mean(axis=1)
    return mean


def _circling(distinct: FloatArray, positives: IntArray, judge: IntArray) -> NDArray[np.bool_]:
    """Repeats itself: fewer distinct runs than half the 1 % quantile of the positives."""
    circling: NDArray[np.bool_] = distinct[judge] < 0.5 * np.quantile(distinct[positives], 0.01)
    return circling


def _scores(fit: csr_matrix, target: NDArray[np.bool_], weights: FloatArray, judge: csr_matrix) -> FloatArray:
    model = LogisticRegression(C=4.0, solver="liblinear", random_state=SEED)
    scores: FloatArray = model.fit(fit, target, sample_weight=weights).decision_function(judge)
    return scores


def _above(scores: FloatArray, rows: Labelled, folds: IntArray) -> FloatArray:
    """Score − threshold. A new answer like the n negatives of one kind on the other side is above it with a probability
    of 1 % at most where n ≥ 99, of 1/(n + 1) where there are fewer: the highest threshold of any kind."""
    above, kinds = np.empty_like(scores), np.array(rows.kinds)
    for side in (0, 1):
        others = rows.negative & (folds % 2 != side)
        of_kinds = [np.sort(scores[others & (kinds == kind)])[::-1] for kind in np.unique(kinds[others])]
        above[folds % 2 == side] = -max(of[max(int(FALSE_POSITIVES * (len(of) + 1)) - 1, 0)] for of in of_kinds)
    return above + scores
