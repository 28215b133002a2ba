"""Files of rows: any bytes are loaded, or told as problems."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from contextlib import suppress

from keeptune.config.schema import DataConfig
from keeptune.data.formats.jsonl import read_jsonl, stream_jsonl
from keeptune.data.lm_eval_log import read_lm_eval_log
from keeptune.data.load import load_examples, read_examples
from keeptune.data.mix.recipe import read_recipe
from keeptune.errors import KeeptuneError, Problem
from tests.fuzz.target import folder, of_bytes

GROUP = "data readers"
AS_ASKED = (
    DataConfig(),
    DataConfig(skip_bad=True),
    DataConfig(encoding="utf-16"),
    DataConfig(encoding="cp1252", delimiter=";"),
    DataConfig(encoding="shift_jis", skip_bad=True),
    DataConfig(encoding="utf-7"),
    DataConfig(encoding="idna"),
    DataConfig(encoding="unicode_escape"),
    DataConfig(encoding="punycode"),
    DataConfig(delimiter="\t", choices="auto"),
    DataConfig(prompt="{prompt} {input}", completion="completion"),
    DataConfig(prompt="{question}", completion="{answer}!", system="Be brief."),
)
"""The first byte of an input chooses one."""
ROWS = [{"prompt": "Translate: Ärger", "completion": "anger"}, {"prompt": "1, 2", "completion": '"3"'}]
_TURNS = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
]
_OTHERS = [
    {"messages": _TURNS},
    {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
    {"question": "2+2?", "choices": {"text": ["3", "4"], "label": ["A", "B"]}, "answer": "B"},
    {"question": "2+2?", "answers": {"text": ["4", "four"]}, "id": "q1", "group": "sums"},
    {"text": "plain text"},
    {"instruction": "Say it", "input": "", "output": "it", "task": "t"},
]


def _chosen(data: bytes) -> tuple[DataConfig, bytes]:
    return (AS_ASKED[data[0] % len(AS_ASKED)], data[1:]) if data else (AS_ASKED[0], b"")


def _reader(suffix: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        config, rest = _chosen(data)
        path = folder("rows") / f"rows{suffix}"
        path.write_bytes(rest)
        examples, _, problems = read_examples(str(path), config, "train")
        for example in examples:
            assert example.completion, example
            (example.prompt_text + example.completion + example.id).encode()
        for problem in problems:
            assert problem.kind
            assert problem.message
            str(problem)
        assert examples or problems, "no row, and no word about it"
        with suppress(KeeptuneError):
            load_examples(str(path), config, "train")

    return check


def _lines(rows: Sequence[object]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def _first(*files: bytes) -> list[bytes]:
    return [bytes([choice]) + file for file in files for choice in (0, 1, 10, 11)]


def _jsonl_seeds() -> list[bytes]:
    text = _lines(ROWS)
    wide = text.decode().encode("utf-16")
    return _first(text, *(_lines([other] * 2) for other in _OTHERS), wide, text[:-9], b"\xef\xbb\xbf" + text)


def _json_seeds() -> list[bytes]:
    return _first(
        json.dumps(ROWS, indent=1).encode(), json.dumps({"data": ROWS}).encode(), json.dumps(_OTHERS).encode()
    )


def _table_seeds() -> list[bytes]:
    text = 'prompt,completion\n"a, ""b""",c\nd,"e\nf"\n'
    german = "prompt;completion\nMüller;Größe\nÄrger;schön\n"
    index = ",prompt,completion\n0,a,b\n1,c,d\n"
    return [
        *_first(text.encode(), text.replace(",", "\t").encode(), index.encode(), text.encode("utf-16")),
        *_first(german.encode("cp1252"), f"sep=;\n{german}".encode(), text.replace("\n", "\r").encode()),
    ]


def _excel_seeds() -> list[bytes]:
    from datetime import datetime

    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    for row in (["prompt", "completion"], ["a", 1], [datetime(2020, 1, 2), True], [None, "=1+1"]):
        sheet.append(row)
    book.create_sheet("test").append(["x"])
    packed = io.BytesIO()
    book.save(packed)
    return _first(packed.getvalue())


def _parquet_seeds() -> list[bytes]:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist(
        [{**row, "label": place, "messages": _TURNS[:2]} for place, row in enumerate(ROWS)]
    )
    features = {"label": {"_type": "ClassLabel", "names": ["no", "yes"]}}
    tagged = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    files = []
    for each, compression in ((table, "none"), (tagged, "snappy")):
        packed = io.BytesIO()
        pyarrow.parquet.write_table(each, packed, compression=compression)
        files.append(packed.getvalue())
    return _first(*files)


_JSON_WORDS = ('"prompt"', '"completion"', '"messages"', '"role"', '"content"', "\\ud800", "null", "NaN", "1e999", "[[")
_TABLE_WORDS = ('""', "sep=", "\r\n", "\r", "\u2028", "\u00a0", "\ufeff", "prompt", "completion")

of_bytes("jsonl", GROUP, _jsonl_seeds, _JSON_WORDS)(_reader(".jsonl"))
of_bytes("json", GROUP, _json_seeds, _JSON_WORDS)(_reader(".json"))
of_bytes("csv", GROUP, _table_seeds, _TABLE_WORDS)(_reader(".csv"))
of_bytes("tsv", GROUP, _table_seeds, _TABLE_WORDS)(_reader(".tsv"))
of_bytes("txt", GROUP, _table_seeds, _TABLE_WORDS)(_reader(".txt"))
of_bytes("xlsx", GROUP, _excel_seeds)(_reader(".xlsx"))
of_bytes("parquet", GROUP, _parquet_seeds)(_reader(".parquet"))


@of_bytes("jsonl, streamed", GROUP, lambda: [seed[1:] for seed in _jsonl_seeds()], _JSON_WORDS)
def streamed(data: bytes) -> None:
    """One row at a time, they are the same rows and problems."""
    path = folder("rows") / "streamed.jsonl"
    path.write_bytes(data)
    whole = read_jsonl(path)
    by_one = list(stream_jsonl(path))
    assert [row for row in by_one if not isinstance(row, Problem)] == list(whole.rows)
    assert sorted(map(str, (row for row in by_one if isinstance(row, Problem)))) == sorted(map(str, whole.problems))


_CUT = b"\n---\n"
"""Between the files of an input."""
_SAMPLES = [
    {
        "doc_id": 0, "doc": {"q": "a"}, "target": "1", "arguments": {"gen_args_0": {"arg_0": "Q: 1?", "arg_1": " 1"},
        "gen_args_1": {"arg_0": "Q: 1?", "arg_1": " 2"}}, "resps": [[["-1.5", "False"]], [["-2.5", "True"]]],
        "filtered_resps": [["-1.5", "False"]], "filter": "none", "metrics": ["acc"], "doc_hash": "h", "acc": 1.0,
    },
    {
        "doc_id": 0, "doc": {}, "target": "['x', 'y']", "arguments": [["Q", {"until": ["\n"]}]], "resps": [["x"]],
        "filtered_resps": ["x"], "filter": "strict-match", "metrics": ["exact_match"], "exact_match": 1,
    },
    {"doc_id": 3, "target": "t", "arguments": [["text"]], "resps": [[-3.25]], "word_perplexity": [-3.25, 4]},
]  # fmt: skip
_RESULTS = {
    "results": {"t": {"acc,none": 1.0}},
    "versions": {"t": 1},
    "n-shot": {"t": 0},
    "higher_is_better": {"t": {"acc": True}},
}


def _log_seeds() -> list[bytes]:
    return [_lines([sample]) + _CUT + json.dumps(_RESULTS).encode() for sample in _SAMPLES]


@of_bytes(
    "lm-eval log", GROUP, _log_seeds, ('"doc_id"', '"target"', '"arguments"', '"resps"', '"metrics"', "null", "[]")
)
def harness_log(data: bytes) -> None:
    samples, _, results = data.partition(_CUT)
    here = folder("log")
    (here / "samples_t_2024-01-01T00-00-00.000.jsonl").write_bytes(samples)
    (here / "results_2024-01-01T00-00-00.000.json").write_bytes(results)
    with suppress(KeeptuneError):
        for task in read_lm_eval_log(here).values():
            assert task.records


_RECIPES = (
    b"sources:\n  - {data: a.jsonl, weight: 2}\n  - data: b.csv\n    fraction: 0.5\nrows: 3\nseed: 1\ntest: [a.csv]\n",
    b"sources: [a.jsonl]\nmade:\n  sha256: abc\n  rows: 2\n",
)


@of_bytes(
    "mix recipe", GROUP, lambda: _RECIPES, ("sources:", "data:", "fraction:", "weight:", "made:", "cap:", "&a", "*a")
)
def recipe(data: bytes) -> None:
    file = folder("mix") / "recipe.yaml"
    file.write_bytes(data)
    with suppress(KeeptuneError):
        read_recipe(file)
