"""The page as text: all is there, nothing breaks out, and no number is made up."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path

import pytest

from keeptune.errors import PairingError
from keeptune.forgetting.confusion import _chosen
from keeptune.records import (
    Answer,
    Confusion,
    ConfusionCell,
    EvalRecord,
    ForgettingReport,
    ItemScore,
    Share,
    Undefined,
)
from keeptune.report.ending import ending_of_tune
from keeptune.report.html import render, write_html
from keeptune.report.html.axis import axis_over
from keeptune.report.html.confusion_table import confusion_table
from keeptune.report.html.explorer import _kind, _side
from keeptune.report.html.forest import ordered, panels, strip
from keeptune.report.html.page import asset
from tests.report.forgetting_reports import (
    PLANTED,
    ability_pairs,
    forgetting_report,
    outcome,
    record,
    task_pairs,
)
from tests.report.outline import Outline, data_of
from tests.report.pages import EXPORT, ON_NF4
from tests.report.results import RESULT

REPORT = forgetting_report()
PAGE = render(REPORT, ability_pairs(), task_pairs())


def test_the_answer_comes_first() -> None:
    outline = Outline(PAGE)
    text = outline.text
    places = ["Verdict: FAIL.", *REPORT.sentences, "Gain against forgetting", "What happened to each ability"]
    assert [text.index(part) for part in places] == sorted(text.index(part) for part in places)
    assert all(text.count(sentence) == 1 for sentence in REPORT.sentences)
    assert "+15.6 points" in text
    assert "rouge1 from 23.5 to 39.1" in text
    assert "95 % interval +14.0 to +17.2" in text


def test_the_page_opens_with_the_four_lines_then_the_run() -> None:
    curve = tuple((float(step), 3.0 - step / 10) for step in range(10))
    made = dataclasses.replace(RESULT, training=dataclasses.replace(RESULT.training, loss_curve=curve))
    page = render(REPORT, {}, made=made)
    text = Outline(page).text
    ending = ending_of_tune(dataclasses.replace(RESULT, forgetting=REPORT))
    places = [text.index(line) for line in (ending.gain, ending.worst, REPORT.sentences[0], ending.next)]
    places += [text.index(part) for part in ("The run", "Task", "Data", "Score of the base", "Training", "Loss, nats")]
    assert places == sorted(places)
    assert "<polyline" in page
    assert "The run" not in Outline(render(REPORT, {})).text


def test_headings_go_down_by_one() -> None:
    for page in (PAGE, render(REPORT, {}, made=RESULT)):
        levels = [int(tag[1]) for tag, _ in Outline(page).tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert 'element("h4"' not in asset("report.js"), "an answer's heading stands below the section's h2"


def test_the_axes_have_signs() -> None:
    ticks = re.findall(r'class="tick"[^>]*>([^<]+)</text>', PAGE)
    numbers = [tick for tick in ticks if tick[-1].isdigit()]
    assert numbers
    assert all(number == "0" or number[0] in "+−" for number in numbers)


def test_every_ability_has_verdict_numbers_and_reason() -> None:
    text = Outline(PAGE).text
    for ability in REPORT.abilities:
        assert ability.name in text
        assert ability.reason in text
    # 141 + 45 of 300 right before, 141 + 6 after, so 13 points are lost.
    assert "instructions exact_match lost 62.0 49.0 −13.0 −17.8 to −8.8 5" in text
    assert "items would decide it if nothing had changed" not in text, "the reason says it, where it is open"
    assert "2 lost entities , instructions" in text


def test_a_loss_is_in_nats_and_marked() -> None:
    text = Outline(PAGE).text
    assert "token_loss ↓" in text
    assert "2.600 2.605 −0.005 −0.007 to −0.003 0.05" in text
    assert "← worse: change, nats per token" in text


def test_what_is_undefined_has_its_reason() -> None:
    text = Outline(PAGE).text
    assert "undefined: a loss has no chance level" in text
    assert "No interval: not measured: the base is not clearly above chance" in text
    bare = dataclasses.replace(REPORT, intrusion=Undefined("too few answers"), drift=Undefined("not run"), task=None)
    text = Outline(render(bare, {})).text
    assert "Unknown: too few answers." in text
    assert "Unknown: not run." in text
    assert "No items of the task were given." in text
    assert "No answers were saved with this report." in text


def test_an_ability_without_any_score_has_dashes() -> None:
    unscored = dataclasses.replace(REPORT.abilities[0], base=None, tuned=None, drop=Undefined("no item has a score"))
    text = Outline(render(dataclasses.replace(REPORT, abilities=(unscored,)), {})).text
    assert "facts exact_match inconclusive – – undefined 1 5" in text
    assert "No interval: no item has a score" in text


def test_a_report_of_nothing_still_stands() -> None:
    empty = dataclasses.replace(
        REPORT, task=None, abilities=(), gate="nothing declared", sentences=(), intrusion=Undefined("none"),
        confusions=(), drift=(), drift_history="", notices=(), fail_on=(),
    )  # fmt: skip
    text = Outline(render(empty, {})).text
    assert "Verdict: none (no ability was declared with --keep)" in text
    assert "No ability was measured." in text


def test_diagnosis_intrusion_drift_and_method() -> None:
    text = Outline(PAGE).text
    assert "Most of the loss is form" in text
    assert "−9.7 −13.3 to −6.1" in text
    assert "reference token_loss ↓ 300 1.204 1.251 −0.047" in text
    assert "instructions 300 1.0 % 15.3 % +14.3 +10.3 to +18.4" in text
    assert "task prompts 0.4127 0.3811 to 0.4443 9,412 300" in text
    assert "keeptune measure --tuned runs/orders-lora-1 --keep 'facts,my tickets'" in text
    assert "verdicts 1,841.7" in text
    assert "4e53d6c9f7a1" in text


def test_an_untrusted_detector_is_shown_as_such() -> None:
    assert not isinstance(REPORT.intrusion, Undefined)
    doubtful = dataclasses.replace(REPORT.intrusion, trusted=False, note="The length alone does as well.")
    text = Outline(render(dataclasses.replace(REPORT, intrusion=doubtful), {})).text
    assert "Unreliable. The length alone does as well." in text


def test_it_is_small_without_its_data() -> None:
    assert len(render(REPORT, {}).encode()) < 150_000


def test_kinds_of_items() -> None:
    def kind(before: float | None, after: float | None, metric: str = "exact_match") -> str:
        pair = record("1", "", "", "", before, metric), record("1", "", "", "", after, metric)
        name = "capitals" if metric == "exact_match" else "text"
        found = data_of(render(REPORT, {name: [pair]}))["items"][0]["kind"]
        assert isinstance(found, str)
        return found

    assert [kind(100, 0), kind(0, 100), kind(0, 0), kind(100, 100)] == ["worse", "better", "wrong", "right"]
    assert [kind(40, 40), kind(None, 40), kind(40, 39)] == ["same", "unscored", "worse"]
    assert [kind(2.0, 1.5, "token_loss"), kind(2.0, 2.5, "token_loss"), kind(0, 0, "token_loss")] == [
        "better",
        "worse",
        "same",
    ]


def test_choices_show_what_the_metric_compares() -> None:
    item = next(i for i in data_of(PAGE)["items"] if i["id"] == "sentiment-251")
    assert item["choices"] == ["negative", "positive"]
    assert item["base"] == {"choices": ["ln p −2.31", "ln p −0.62"], "likeliest": 1}
    assert item["tuned"]["likeliest"] == 0


def test_the_likeliest_choice_is_the_one_that_the_metric_takes() -> None:
    """A harness's acc_norm divides by characters, where the number of tokens is not known."""
    choices, metric = ("no", "a long answer"), "lm-eval:acc_norm"
    answer = Answer("i", choice_loglikelihoods=(-2.0, -3.0))
    found = EvalRecord("i", "i", "ask", (choices[1],), choices, answer, {metric: ItemScore(100.0)})
    assert _side(found, metric) == {"choices": ["mean ln p −1.00", "mean ln p −0.23"], "likeliest": 1}
    assert _chosen(found, metric) == (choices[1], choices[1])


def test_how_an_answer_was_read_is_noted() -> None:
    base = record("1", "p", "r", "r", 100.0)
    answer = dataclasses.replace(base.answer, finish="length")
    tuned = dataclasses.replace(
        base, answer=answer, scores={"exact_match": ItemScore(0.0, {"parse_failed": 1.0, "parse_strict": 0.0})}
    )
    (item,) = data_of(render(REPORT, {"capitals": [(base, tuned)]}))["items"]
    assert "notes" not in item["base"]
    assert item["tuned"]["notes"] == ["could not be read", "stopped at the length limit"]


def test_answers_of_an_unknown_ability_are_refused() -> None:
    with pytest.raises(PairingError, match="juggling, which the report does not measure"):
        render(REPORT, {"juggling": []})


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write_html(REPORT, ability_pairs(), path, task_pairs())
    assert path.read_text(encoding="utf-8") == PAGE
    with pytest.raises(PairingError):
        write_html(REPORT, {"juggling": []}, path)
    assert path.read_text(encoding="utf-8") == PAGE
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_the_same_report_is_the_same_page() -> None:
    assert render(REPORT, ability_pairs(), task_pairs()) == PAGE


def test_an_axis_has_round_ticks_and_shows_all() -> None:
    axis = axis_over([-3.2, 13.1])
    assert axis.ticks == (-5.0, 0.0, 5.0, 10.0, 15.0)
    assert axis.at(5.0) == "50.00%"
    assert axis_over([]).ticks[0] == 0.0
    assert axis_over([7e-15]).at(7e-15) == "0.00%"
    assert axis_over([0.0071, 0.05]).ticks == (0.0, 0.01, 0.02, 0.03, 0.04, 0.05)


def test_declared_come_first_then_the_gravest() -> None:
    names = [ability.name for ability in ordered(REPORT.abilities)]
    assert names[:3] == ["entities", "instructions", "facts"]
    assert names[-1] == "inference"
    assert len(names) == len(PLANTED) + 2
    assert [panel.unit for panel in panels(REPORT.abilities)] == ["points", "nats per token"]


def test_marks_of_one_lane_do_not_touch() -> None:
    line = strip(REPORT.task, REPORT.abilities)
    assert line is not None
    assert line.task == 15.6
    assert {ability.name for ability in line.apart} == {"inference", "text"}
    for lane in range(line.lanes):
        places = [float(line.axis.at(mark.change).rstrip("%")) for mark in line.marks if mark.lane == lane]
        assert all(right - left >= 4.5 for left, right in itertools.pairwise(places))
    assert strip(None, ()) is None


def test_a_confusion_keeps_special_labels_at_their_end() -> None:
    table = confusion_table(REPORT.confusions[0])
    assert table.rows == ("person", "place", "organisation", "(invented)")
    assert table.columns == ("person", "place", "organisation", "(missed)")
    assert table.count("place", "organisation", "base") == 9
    assert table.count("place", "person", "tuned") == 0
    assert table.shade("place", "organisation", "tuned") == 2  # 99 of 300
    assert table.shade("place", "person", "tuned") == 0


def test_a_large_confusion_is_a_list() -> None:
    labels = tuple(f"intent {n}" for n in range(77))
    cells = [ConfusionCell(labels[n], labels[n + 1], 0, n, tuple(f"capitals-{k}" for k in range(n))) for n in range(60)]
    large = dataclasses.replace(REPORT, confusions=(Confusion("capitals", "labels", labels, tuple(cells)),))
    text = Outline(render(large, ability_pairs())).text
    assert "77 labels are too many for a table" in text
    assert "intent 59 intent 60 0 59 Show 59" in text
    assert "intent 19 intent 20" not in text


def test_sets_of_items_are_those_of_the_report() -> None:
    sets = data_of(PAGE)["sets"]
    assert not isinstance(REPORT.intrusion, Undefined)
    assert sets[0]["ids"] == list(REPORT.intrusion.rows[0].item_ids)
    labels = [each["label"] for each in sets]
    assert "entities: place answered as organisation by tuned, not by base" in labels
    known = {item["id"] for item in data_of(PAGE)["items"]}
    assert all(set(each["ids"]) <= known for each in sets)


def test_a_button_is_shown_only_where_answers_are() -> None:
    assert 'class="show' not in render(REPORT, {})
    assert sum(a.get("class", "").startswith("show") for _, a in Outline(PAGE).tags) == 10


def test_no_record_is_changed() -> None:
    before: tuple[ForgettingReport, list[tuple[EvalRecord, EvalRecord]]] = forgetting_report(), task_pairs()
    assert (REPORT, task_pairs()) == before


def test_every_candidate_and_the_choice_are_shown() -> None:
    page = render(outcome(forgetting_report()), {})
    mitigation_search = page[page.index('id="mitigation-search"') :]
    for text in (
        "plain",
        "interpolation=0.5",
        "→ replay=0.05",
        "+29.0",
        "12.5",
        "The first candidate on which all is kept",
        "kl=0.5",
    ):
        assert text in mitigation_search
    assert "50 rows of the task, 120 items of ner" in mitigation_search
    assert "−16.5 to −8.5" in mitigation_search
    assert 'href="#mitigation-search"' in page
    assert 'id="mitigation-search"' not in render(forgetting_report(), {})


def test_what_few_bits_alone_cost_is_shown() -> None:
    page = render(ON_NF4, {})
    section = page[page.index('id="quantization"') : page.index('id="method"')]
    for text in (
        "What nf4 alone costs the base",
        "facts is kept.",
        "the task",
        "−16.3",
        "quantization_cost/report.html",
    ):
        assert text in section
    assert 'href="#quantization"' in page
    assert 'id="quantization"' not in render(forgetting_report(), {})


def test_full_marks_are_right_only_where_more_is_better() -> None:
    assert [_kind(value, value, "exact_match", True) for value in (100.0, 0.0, 50.0)] == ["right", "wrong", "same"]
    assert [_kind(value, value, "own.py:errors", False) for value in (100.0, 0.0)] == ["same", "same"]
    assert (_kind(9.0, 3.0, "own.py:errors", False), _kind(9.0, 3.0, "exact_match", True)) == ("better", "worse")


def test_what_an_export_was_not_asked_is_named() -> None:
    of_choices = dataclasses.replace(EXPORT, prompts=Share(0, 0), not_asked=("law", "logic"))
    text = Outline(render(REPORT, {}, exports=(of_choices,))).text
    assert "not asked, so that nothing passes: law, logic" in text
    assert "0 of 0" not in text
