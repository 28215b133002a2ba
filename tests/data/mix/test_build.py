"""From files to rows: the same bytes again, every form of rows, bad rows named, and little memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from keeptune.config.schema import DataConfig
from keeptune.data.load import load_examples
from keeptune.data.mix.build import MIX
from keeptune.data.mix.mixed_row import to_example
from keeptune.errors import DataError
from tests.data.examples import write_rows
from tests.data.mix.mixes import mixed, source, texts


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    sources = tuple(source(tmp_path, name, texts(50, seed)) for seed, name in enumerate("abc"))
    flags = {"sources": sources, "rows": 60}
    first, rows = mixed(tmp_path, flags, "one")
    second, _ = mixed(tmp_path, flags, "two")
    other, others = mixed(tmp_path, flags | {"seed": 1}, "three")
    written = [(tmp_path / folder / MIX).read_bytes() for folder in ("one", "two", "three")]
    assert written[0] == written[1] != written[2]
    assert first.sha256 == second.sha256 == hashlib.sha256(written[0]).hexdigest() != other.sha256
    assert {row["id"] for row in rows} != {row["id"] for row in others}
    # Bytes that were written once: another version of keeptune or NumPy must make them, too.
    assert first.sha256.startswith("4a4592d291b5dd25")


def test_sources_lie_among_one_another(tmp_path: Path) -> None:
    sources = tuple(source(tmp_path, name, texts(200, seed)) for seed, name in enumerate("ab"))
    report, rows = mixed(tmp_path, {"sources": sources})
    assert [row.rows for row in report.sources] == [200, 200]
    assert 70 <= Counter(row["source"] for row in rows[:200])["a"] <= 130
    assert [int(row["id"].partition("/")[2]) for row in rows] != sorted(int(row["id"][2:]) for row in rows)


def test_the_choice_of_few_lies_within_the_choice_of_more(tmp_path: Path) -> None:
    path = source(tmp_path, "a", texts(100, seed=0))
    chosen = [
        {row["id"] for row in mixed(tmp_path, {"sources": (path,), "rows": rows}, str(rows))[1]} for rows in (20, 50)
    ]
    assert [len(ids) for ids in chosen] == [20, 50]
    assert chosen[0] < chosen[1]


def test_rows_are_those_of_the_general_reader(tmp_path: Path) -> None:
    rows = [
        {"question": "Who?", "context": "A long story.", "answers": ["Ann", "Anna"], "group": "g", "id": "x"},
        {"question": "Wo wär’s?", "answers": ["Ärzte – überall"], "choices": ["Ärzte – überall", "b"], "task": "qa"},
    ]
    path = write_rows(tmp_path / "a.jsonl", rows)
    _, written = mixed(tmp_path, {"sources": (path,)})
    built = sorted((to_example(row) for row in written), key=lambda example: example.id)
    read = load_examples(path, DataConfig(), "train").examples
    for number, (mine, general) in enumerate(zip(built, read, strict=True), start=1):
        assert (mine.prompt, mine.completion) == (general.prompt, general.completion)
        assert (mine.references, mine.choices) == (general.references, general.choices)
        assert mine.id == f"a/{number}"
    assert [example.group for example in built] == ["a/g", ""]
    assert [example.task for example in built] == ["a", "qa"]


def test_one_form_for_all_rows(tmp_path: Path) -> None:
    turns = [("system", "Be brief."), ("user", "Hi?"), ("assistant", "Hello."), ("user", "Well?"), ("assistant", "Yes")]
    chats = write_rows(tmp_path / "c.jsonl", [{"messages": [{"role": r, "content": c} for r, c in turns]}])
    plain = write_rows(tmp_path / "p.jsonl", [{"text": "Only a text."}])
    pairs = source(tmp_path, "a", ["What is it?"])
    _, rows = mixed(tmp_path, {"sources": (chats, plain, pairs)})
    roles = {row["source"]: [turn["role"] for turn in row["messages"]] for row in rows}
    assert roles == {"c": [role for role, _ in turns], "p": ["assistant"], "a": ["user", "assistant"]}
    _, rows = mixed(tmp_path, {"sources": (plain, pairs)}, "pairs")
    assert {row["source"]: row["prompt"] for row in rows} == {"p": "", "a": "What is it?"}
    assert {to_example(row).prompt for row in rows if row["source"] == "p"} == {()}


def test_other_formats_and_templates(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body,gist\none two three,short\nfour five six,brief\n", encoding="utf-8")
    pairs = [{"prompt": f"p{place}", "completion": "c"} for place in range(4)]
    (tmp_path / "b.json").write_text(json.dumps(pairs), encoding="utf-8")
    told = {"data": str(tmp_path / "a.csv"), "prompt": "Sum up: {body}", "completion": "gist", "system": "Be brief."}
    report, rows = mixed(tmp_path, {"sources": (told, str(tmp_path / "b.json"))})
    assert report.sources[0].mapping.startswith('prompt ← "Sum up: {body}"')
    (first,) = [row for row in rows if row["id"] == "a/2"]
    assert [turn["content"] for turn in first["messages"]] == ["Be brief.", "Sum up: one two three", "short"]
    # All on one line of the file, and told apart.
    assert {row["id"] for row in rows if row["source"] == "b"} == {"b/1", "b/2", "b/3", "b/4"}
    assert len(report.sources[1].sha256) == 64


def test_bad_rows_are_counted_and_named(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    good = json.dumps({"prompt": "p", "completion": "c"})
    file.write_text(f'{good}\n{{"prompt": "q"}}\n{{"prompt": \n{good.replace("p", "r")}', encoding="utf-8")
    file.write_bytes(file.read_bytes() + b'\n{"prompt": "\xff", "completion": "c"}\n')
    report, rows = mixed(tmp_path, {"sources": (str(file),)})
    assert (report.sources[0].read, report.sources[0].invalid, len(rows)) == (5, 4, 1)
    assert [(problem.line, problem.kind, problem.severity) for problem in report.problems] == [
        (2, "missing-field", "warning"),
        (3, "bad-json", "warning"),
        (4, "missing-field", "warning"),
        (5, "undecodable", "warning"),
    ]


def test_a_mapping_that_later_rows_decide(tmp_path: Path) -> None:
    """The first rows have no prompt at all, so they alone would be plain text."""
    rows: list[dict[str, Any]] = [{"prompt": "", "completion": f"c{place}"} for place in range(150)]
    rows += [{"prompt": f"p{place}", "completion": f"d{place}"} for place in range(50)]
    path = write_rows(tmp_path / "a.jsonl", rows)
    report, written = mixed(tmp_path, {"sources": (path, source(tmp_path, "b", texts(3, seed=0)))})
    assert (report.sources[0].invalid, report.sources[0].usable) == (150, 50)
    assert len(written) == 53


@pytest.mark.parametrize(
    ("content", "must_say"),
    [
        (None, "no such file"),
        ("", "the file is empty"),
        ('{"prompt": "", "completion": ""}\n', "no row can be used"),
        ('{"promt": "a", "completon": "b"}\n', 'did you mean "prompt"?'),
    ],
)
def test_a_source_without_any_usable_row(content: str | None, must_say: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl") as raised:
        mixed(tmp_path, {"sources": (str(tmp_path / "a.jsonl"),)})
    assert must_say in str(raised.value)


def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    """Four times the text, and the peak rises by a small part of what was added."""
    code = (
        "import sys, pathlib; from keeptune.workspace.provenance import peak_memory_bytes; "
        "from keeptune.data.mix.build import build_mix; from keeptune.data.mix.recipe import recipe_of_flags; "
        "build_mix(recipe_of_flags({'sources': tuple(sys.argv[1:])}), None, lambda event: None); "
        "print(peak_memory_bytes())"
    )
    peaks, sizes = [], []
    for count in (1, 4):
        paths = []
        for number in range(count):
            file = tmp_path / f"{count}-{number}.jsonl"
            with file.open("w", encoding="utf-8") as handle:
                for place, text in enumerate(texts(500, seed=count * 10 + number, words=40)):
                    # Spread over few words, so that the text is long and its shingles few.
                    body = f"{text} {'x' * 20_000}{place}"
                    handle.write(json.dumps({"prompt": body, "completion": "c"}) + "\n")
            paths.append(str(file))
        done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
        sizes.append(sum(Path(path).stat().st_size for path in paths))
    assert sizes[1] - sizes[0] > 25_000_000
    assert peaks[1] - peaks[0] < 0.2 * (sizes[1] - sizes[0])
