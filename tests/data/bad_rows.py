"""Bad data, one a row: what is written, the kind of problem, and what the message must say."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keeptune.config.schema import DataConfig

GOOD = {"prompt": "Hi?", "completion": "Hello."}


@dataclass(frozen=True, slots=True)
class BadInput:
    """One input that must be refused. `write` puts it into a folder and gives the settings that read it."""

    name: str
    kind: str
    write: Callable[[Path], DataConfig]
    must_say: tuple[str, ...]


def _bytes(name: str, content: bytes, **settings: Any) -> Callable[[Path], DataConfig]:
    def write(folder: Path) -> DataConfig:
        (folder / name).write_bytes(content)
        return DataConfig(train=str(folder / name), **settings)

    return write


def _lines(*lines: str, **settings: Any) -> Callable[[Path], DataConfig]:
    return _bytes("rows.jsonl", "".join(f"{line}\n" for line in lines).encode(), **settings)


def _rows(*rows: Any, **settings: Any) -> Callable[[Path], DataConfig]:
    return _lines(*(json.dumps(row, ensure_ascii=False) for row in rows), **settings)


def _turns(*turns: tuple[str, str]) -> Callable[[Path], DataConfig]:
    good = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    return _rows({"messages": good}, {"messages": [{"role": r, "content": c} for r, c in turns]})


def _nothing(name: str) -> Callable[[Path], DataConfig]:
    def write(folder: Path) -> DataConfig:
        (folder / "dialogues.jsonl").write_text(json.dumps(GOOD))
        return DataConfig(train=str(folder / name))

    return write


def _folder(*files: str) -> Callable[[Path], DataConfig]:
    def write(folder: Path) -> DataConfig:
        (folder / "set").mkdir()
        for file in files:
            (folder / "set" / file).write_text(json.dumps(GOOD))
        return DataConfig(train=str(folder / "set"))

    return write


def _saved(damage: str, split: str = "") -> Callable[[Path], DataConfig]:
    def write(folder: Path) -> DataConfig:
        import datasets

        table = datasets.Dataset.from_list([GOOD, GOOD])
        datasets.DatasetDict({"train": table, "test": table}).save_to_disk(str(folder / "saved"))
        for file in (folder / "saved").rglob(damage) if damage else ():
            file.write_bytes(b"damaged")
        return DataConfig(train=str(folder / "saved") + split)

    return write


def _test_folder(write: Callable[[Path], DataConfig]) -> Callable[[Path], DataConfig]:
    """The same rows, given as test."""

    def as_test(folder: Path) -> DataConfig:
        config = write(folder)
        return replace(config, train=None, test=config.train)

    return as_test


_GOOD_LINE = json.dumps(GOOD)
_TALK = [{"role": "user", "content": "Hi"}]
_CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
_DIALOGUE = {"dialog_text": "A: hi", "gist": "They greet."}

BAD_ROWS: tuple[BadInput, ...] = (
    # Files
    BadInput("no such file", "missing-file", _nothing("dialogue.jsonl"), ('did you mean "', 'dialogues.jsonl"?')),
    BadInput("no such folder", "missing-file", _nothing("no/rows.csv"), ("no/rows.csv: no such file", "no folder")),
    BadInput("empty file", "empty-file", _bytes("rows.jsonl", b""), ("rows.jsonl: the file is empty",)),
    BadInput("blank file", "empty-file", _bytes("rows.csv", b" \n\n"), ("rows.csv: the file is empty",)),
    BadInput("unknown ending", "unknown-extension", _bytes("rows.txt", b"hi"), ('".txt"', ".jsonl", "→ rename")),
    BadInput("misspelt ending", "unknown-extension", _bytes("rows.jsnl", b"{}"), ('did you mean ".jsonl"?',)),
    BadInput("packed file", "unknown-extension", _bytes("rows.jsonl.gz", gzip.compress(b"{}")), ("gunzip",)),
    BadInput("packed, misnamed", "compressed", _bytes("rows.jsonl", gzip.compress(b"{}")), ("gzip-compressed",)),
    BadInput("folder without data", "no-data", _folder(), ("set: the folder has no file", ".parquet")),
    BadInput("folder with two files", "several-files", _folder("a.jsonl", "b.jsonl"), ("a.jsonl, b.jsonl",)),
    BadInput("unknown split", "unknown-split", _saved("", ":tset"), ('"tset"', 'did you mean "test"?', "train, test")),
    BadInput("damaged saved set", "corrupt-dataset", _saved("*.arrow"), ("saved: not a readable data set",)),
    # Bytes
    BadInput(
        "latin-1",
        "undecodable",
        _bytes("rows.jsonl", _GOOD_LINE.encode() + b'\n{"prompt": "caf\xe9"}\n'),
        ("rows.jsonl:2: byte 16 of the line (0xe9) is not UTF-8", "→ save the file as UTF-8", "--encoding"),
    ),
    BadInput(
        "a table in one of two encodings",
        "ambiguous-encoding",
        _bytes("rows.csv", b"prompt,completion\na,b\nc,tr\xe8s\n"),
        ("rows.csv:3:", "“très”", "“trčs”", "--encoding cp1252 or --encoding cp1250"),
    ),
    BadInput(
        "a table in no encoding that is known",
        "undecodable",
        _bytes("rows.csv", "prompt,completion\na,b\nc,映画はとても良い\n".encode("shift_jis")),
        ("rows.csv:3:", "could not be detected", "--encoding NAME"),
    ),
    BadInput(
        "another encoding than the one named",
        "undecodable",
        _bytes("rows.csv", b"prompt,completion\na,caf\xe9\n", encoding="ascii"),
        ("rows.csv:2: byte 24 of the file (0xe9) is not ascii",),
    ),
    BadInput(
        "NUL byte",
        "nul-byte",
        _bytes("rows.jsonl", _GOOD_LINE.encode() + b"\n{\0}\n"),
        ("rows.jsonl:2: a NUL byte at byte 2",),
    ),
    # JSON
    BadInput(
        "missing comma",
        "bad-json",
        _lines(_GOOD_LINE, '{"prompt": "a" "completion": "b"}', _GOOD_LINE),
        ("rows.jsonl:2: bad JSON at column 16", "one whole JSON object"),
    ),
    BadInput(
        "cut off",
        "truncated",
        _bytes("rows.jsonl", f'{_GOOD_LINE}\n{{"prompt": "a", "compl'.encode()),
        ("rows.jsonl:2: the last line ends at column 22", "truncated"),
    ),
    BadInput("list in a line", "not-an-object", _lines(_GOOD_LINE, "[1, 2]"), ("rows.jsonl:2: the row is a list",)),
    BadInput("nested too deeply", "bad-json", _lines('{"prompt": ' + "[" * 99_999), ("nested too deeply",)),
    BadInput("deep list", "bad-json", _bytes("rows.json", b"[" * 99_999), ("rows.json:1: JSON nested",)),
    BadInput("endless number", "bad-json", _lines(f'{{"prompt": {"7" * 5000}}}'), ("too many digits",)),
    BadInput("name twice", "repeated-name", _lines('{"prompt": "a", "prompt": "b"}'), (':1: the name "prompt"',)),
    BadInput(
        "list cut off",
        "truncated",
        _bytes("rows.json", b'[\n{"prompt": "a", "completion": "b"},\n{"prompt": "c"'),
        ("rows.json:3: the file is truncated",),
    ),
    BadInput(
        "bad JSON in a list",
        "bad-json",
        _bytes("rows.json", b'[\n{"prompt": "a", "completion": "b"},\n{"prompt": oops}]'),
        ("rows.json:3: bad JSON at column 12",),
    ),
    BadInput("number in a list", "not-an-object", _bytes("rows.json", b"[\n7]"), (":2: item 1 is a number",)),
    BadInput("empty list", "no-rows", _bytes("rows.json", b"[]"), ("the list is empty",)),
    BadInput(
        "two lists",
        "several-lists",
        _bytes("rows.json", b'{"train": [{"a": 1}], "test": [{"a": 1}]}'),
        ('"train", "test"',),
    ),
    # Tables
    BadInput(
        "unquoted comma",
        "wrong-field-count",
        _bytes("rows.csv", b"prompt,completion\na,b\nc,d,e\n"),
        ("rows.csv:3: 3 fields where the header has 2",),
    ),
    BadInput(
        "open quote",
        "unclosed-quote",
        _bytes("rows.csv", b'prompt,completion\na,b\n"c,d\n'),
        ("rows.csv:3: unexpected end of data",),
    ),
    BadInput(
        "column twice",
        "duplicate-header",
        _bytes("rows.tsv", b"prompt\tprompt\na\tb\n"),
        ('rows.tsv:1: the header has "prompt" twice',),
    ),
    BadInput(
        "one of two delimiters",
        "ambiguous-delimiter",
        _bytes("rows.csv", b"prompt;completion,x\na;b,c\n"),
        ("rows.csv:1:", "a comma or a semicolon", "--delimiter ';'"),
    ),
    BadInput("no workbook", "corrupt-excel", _bytes("rows.xlsx", b"PK not"), ("not a readable Excel workbook",)),
    BadInput("header only", "no-rows", _bytes("rows.csv", b"prompt,completion\n"), ("a header and no rows",)),
    BadInput("no parquet", "corrupt-parquet", _bytes("rows.parquet", b"PAR1 not"), ("not a readable Parquet file",)),
    # Fields
    BadInput(
        "unknown fields",
        "unknown-fields",
        _rows(_DIALOGUE),
        ("the fields are dialog_text, gist", "--prompt 'Summarize: {dialog_text}' --completion gist"),
    ),
    BadInput(
        "misspelt fields",
        "unknown-fields",
        _rows({"promt": "a", "completon": "b"}),
        ('"promt" (did you mean "prompt"?)', '"completon" (did you mean "completion"?)'),
    ),
    BadInput(
        "two readings",
        "unknown-fields",
        _rows({"question": "a", "answer": "b", "document": "c", "summary": "d"}),
        ("ambiguous", "prompt ← question, completion ← answer", "prompt ← document"),
    ),
    BadInput(
        "unknown field in the template",
        "unknown-fields",
        _rows({"dialogue": "a", "gist": "b"}, prompt="Sum up:\n{dialog}", completion="gist"),
        ("--prompt, line 2", 'no field "dialog" (did you mean "dialogue"?)'),
    ),
    BadInput(
        "code in the template",
        "unknown-fields",
        _rows({"dialogue": "a", "gist": "b"}, prompt="{dialogue.__class__}", completion="gist"),
        ('no field "dialogue.__class__"', "the fields are dialogue, gist"),
    ),
    BadInput(
        "stray brace",
        "unknown-fields",
        _rows({"dialogue": "a", "gist": "b"}, prompt="{ {dialogue}", completion="gist"),
        ("--prompt, line 1: a single '{'", "'{{'"),
    ),
    BadInput(
        "unknown group", "unknown-fields", _rows(GOOD, group="pakage"), ('no field "pakage"', "prompt, completion")
    ),
    # Rows
    BadInput("no completion", "missing-field", _rows(GOOD, {"prompt": "a"}), (':2: the row has no "completion"',)),
    BadInput(
        "another layout",
        "mixed-layouts",
        _rows(GOOD, GOOD, {"instruction": "a", "output": "b"}),
        ("rows.jsonl:3: the row has another layout", "prompt ← instruction"),
    ),
    BadInput("empty prompt", "empty-prompt", _rows(GOOD, {**GOOD, "prompt": ""}), (':2: "prompt" is empty',)),
    BadInput(
        "blank completion",
        "empty-completion",
        _rows(GOOD, {**GOOD, "completion": " \n"}),
        (':2: "completion" is white space only',),
    ),
    BadInput(
        "half a character", "half-character", _lines(r'{"prompt": "\ud800", "completion": "b"}'), ('"prompt" holds',)
    ),
    BadInput("null", "null-value", _rows(GOOD, {**GOOD, "completion": None}), (':2: "completion" is null',)),
    BadInput(
        "list as text",
        "wrong-type",
        _rows(GOOD, {**GOOD, "completion": ["a"]}),
        (':2: "completion" is a list, not text',),
    ),
    BadInput("object as text", "wrong-type", _rows(GOOD, {**GOOD, "prompt": {"a": 1}}), (':2: "prompt" is an object',)),
    BadInput(
        "not a choice",
        "not-a-choice",
        _rows({**GOOD, "completion": "Maybe", "choices": ["yes", "no"]}),
        (':1: the completion "Maybe" is not one of its choices: yes, no',),
    ),
    BadInput("choices as text", "wrong-type", _rows({**GOOD, "choices": "yes/no"}), ("not a list of texts",)),
    BadInput(
        "id twice",
        "duplicate-id",
        _rows({"id": "a", **GOOD}, {"id": "b", **GOOD}, {"id": "a", **GOOD}),
        (':3: the id "a" was already used on line 1',),
    ),
    BadInput(
        "no answers",
        "empty-completion",
        _rows({"question": "a", "context": "b", "answers": {"text": [], "answer_start": []}}),
        ('"answers" is an empty list',),
    ),
    # Conversations
    BadInput(
        "unknown role",
        "unknown-role",
        _turns(("usr", "Hi"), ("assistant", "Hello")),
        ("rows.jsonl:2: messages[0] has the role 'usr' (did you mean \"user\"?)",),
    ),
    BadInput("no answer turn", "no-assistant", _turns(("user", "Hi")), (":2:", "no assistant turn")),
    BadInput(
        "answer not last",
        "assistant-not-last",
        _turns(("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")),
        (":2:", "ends with a user turn"),
    ),
    BadInput(
        "system turn later",
        "system-not-first",
        _turns(("user", "Hi"), ("system", "Be kind"), ("assistant", "Hello")),
        ("messages[1] is a system turn",),
    ),
    BadInput("empty turns", "no-turns", _turns(), ('"messages" is an empty list',)),
    BadInput("empty turn", "empty-completion", _turns(("user", "Hi"), ("assistant", "")), ("messages[1].content",)),
    BadInput("turns as text", "wrong-type", _rows({"messages": "Hi"}), ('"messages" is text, not a list of turns',)),
    BadInput(
        "turn without content",
        "missing-field",
        _rows({"messages": [{"role": "user"}, {"role": "assistant", "content": "a"}]}),
        ('messages[0] has no "content"',),
    ),
    BadInput(
        "a tool is called",
        "tools",
        _rows({"messages": [{"role": "user", "content": "Hi"}, _CALL]}),
        ("rows.jsonl:1: the row calls tools (messages[1].tool_calls)", "--skip-bad"),
    ),
    BadInput(
        "a tool's result",
        "tools",
        _turns(("user", "Hi"), ("tool", "21 degrees"), ("assistant", "It is warm")),
        ("rows.jsonl:2: the row holds a tool's result",),
    ),
    BadInput(
        "tools are offered",
        "tools",
        _rows({"messages": [*_TALK, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function"}]}),
        ('rows.jsonl:1: the row offers tools ("tools")',),
    ),
    BadInput(
        "a function is called in the prompt's turns",
        "tools",
        _rows({"prompt": [*_TALK, {"role": "assistant", "function_call": {"name": "f"}}], "completion": "Warm"}),
        ("the row calls tools (prompt[1].function_call)",),
    ),
    BadInput("bad test rows", "bad-json", _test_folder(_lines("{")), ("rows.jsonl:1: bad JSON",)),
)
