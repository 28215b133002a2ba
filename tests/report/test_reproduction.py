"""How a reproduction ends in a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from keeptune.records import AnswersAgain, Reproduction, ScoreAgain, VerdictAgain, WeightsAgain
from keeptune.report.reproduction import ending, loss_line, reproduction_report, weights_line

SAME = Reproduction(
    schema_version=1,
    path="runs/rows-again",
    of="runs/rows",
    outcome="same bytes",
    weights=WeightsAgain(True, 0.0, 0.0),
    loss=0.0,
    answers=(AnswersAgain("task", "base", 120, 120, True), AnswersAgain("task", "tuned", 120, 120, True)),
    scores=(ScoreAgain("task", "rouge1", 35.1, 35.1),),
    verdicts=(VerdictAgain("ner", "kept", "kept"),),
    gate=("pass", "pass"),
    changed={},
    notes=(),
)
NEAR = replace(
    SAME,
    outcome="same answers",
    weights=WeightsAgain(False, 3e-5, 1e-6),
    loss=2e-4,
    changed={"threads": ("2", "4")},
)
FAR = replace(
    NEAR,
    outcome="differs",
    answers=(SAME.answers[0], AnswersAgain("task", "tuned", 120, 117, False)),
    scores=(ScoreAgain("task", "rouge1", 35.1, 35.3),),
)
LOST = replace(FAR, verdicts=(VerdictAgain("ner", "kept", "lost"),), gate=("pass", "fail"))


def shown(made: Reproduction) -> str:
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(reproduction_report(made))
    return console.export_text()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (SAME, "same bytes: the weights, and the records of 240 answers"),
        (NEAR, "same answers (240 of 240), other bytes"),
        (FAR, "differs: 3 of 240 answers; rouge1 35.3 against 35.1; verdicts the same"),
        (LOST, "differs: 3 of 240 answers; rouge1 35.3 against 35.1; 1 of 1 verdicts are others"),
    ],
)
def test_the_last_line_is_the_answer(made: Reproduction, said: str) -> None:
    assert ending(made) == said
    assert shown(made).splitlines()[-1] == said


def test_how_far_apart_it_is_and_why() -> None:
    assert weights_line(NEAR) == "weights: other bytes, largest difference 3e-05, root mean square 1e-06"
    assert loss_line(NEAR) == "training loss: largest difference of a step 0.0002"
    assert loss_line(replace(NEAR, loss=None)) == "training loss: not compared: the steps are not the same"
    gone = replace(NEAR, weights=WeightsAgain(False, None, None, "the weights of the first run are gone"))
    assert weights_line(gone).endswith("not compared: the weights of the first run are gone")
    assert "other than then: threads 2 → 4" in shown(NEAR)
