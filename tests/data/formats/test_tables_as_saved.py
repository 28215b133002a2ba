"""Tables as people save them: by Excel in many settings, by pandas, by hand. What is assumed is said."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from keeptune.config.schema import DataConfig
from keeptune.data.formats.legacy_encoding import readings_of
from keeptune.data.load import load_examples, read_examples
from keeptune.errors import DataError

ROWS = [("Für Müller schön, groß", "gut"), ("Das \u201egeht\u201c\nso nicht", "schlecht")]
COMMAS = 'text,label\n"Für Müller schön, groß",gut\n"Das \u201egeht\u201c\nso nicht",schlecht\n'
SEMICOLONS = COMMAS.replace("text,label", "text;label").replace('",', '";')
TABS = COMMAS.replace("text,label", "text\tlabel").replace('",', '"\t')
INDEXED = ',text,label\n0,"Für Müller schön, groß",gut\n1,"Das \u201egeht\u201c\nso nicht",schlecht\n'
BLANK = (
    'text;label;;\r\n"Für Müller schön, groß";gut ;;\r\n;;;\r\n'
    '"Das \u201egeht\u201c\nso nicht" ; "schlecht";;\r\n;;;\r\n'
)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.csv", INDEXED.encode(), ["index without a name"]),
        ("rows.csv", COMMAS.encode("utf-8-sig"), []),
        ("rows.csv", COMMAS.encode("cp1252"), ["Windows-1252", "“Für”", "--encoding"]),
        ("rows.csv", SEMICOLONS.encode("cp1252"), ["Windows-1252", "semicolon"]),
        ("rows.csv", f"sep=;\n{SEMICOLONS}".encode(), ["semicolon"]),
        ("rows.csv", TABS.encode("utf-16"), ["UTF-16", "tab"]),
        ("rows.txt", TABS.encode("utf-16"), ["UTF-16"]),
        ("rows.tsv", COMMAS.encode(), ["comma"]),
        ("rows.csv", BLANK.encode("mac_roman"), ["Mac Roman", "2 blank rows", "blank column 3", "spaces"]),
    ],
    ids=["pandas", "BOM", "1252", "German Excel", "sep", "UTF-16", "Unicode text", "commas in TSV", "blanks"],
)
def test_is_read_and_what_was_assumed_is_said(tmp_path: Path, name: str, content: bytes, said: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    loaded = load_examples(str(tmp_path / name), DataConfig(), "train")
    assert [(row.prompt_text, row.completion) for row in loaded.examples] == ROWS
    assert [problem.severity for problem in loaded.problems] == ["note"] * bool(said)
    for words in said:
        assert words in str(loaded.problems[0])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_of_two_byte_order_marks_one_is_no_text(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "rows.csv").write_bytes("\ufeff,b\nx,y\n".encode(encoding))
    settings = DataConfig(prompt="{\ufeff}", completion="b")
    loaded = load_examples(str(tmp_path / "rows.csv"), settings, "train")
    assert [(row.prompt_text, row.completion) for row in loaded.examples] == [("x", "y")]


def test_an_old_macintosh_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"text,label\ra,b\rc,d\r")
    loaded = load_examples(str(tmp_path / "rows.csv"), DataConfig(), "train")
    assert [(row.prompt_text, row.completion) for row in loaded.examples] == [("a", "b"), ("c", "d")]


def test_a_name_that_is_empty_is_no_field_of_choices(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"": 0, "text": "a", "label": "b"}\n')
    assert load_examples(str(tmp_path / "rows.jsonl"), DataConfig(), "train").examples[0].choices == ()


@pytest.mark.parametrize(
    ("text", "encoding", "guesses"),
    [
        ("Ça alors, très réussi", "cp1252", ["cp1252"]),
        ("It’s “fine”, £5 or 5 €", "cp1252", ["cp1252"]),
        ("¿Qué tal mañana, señor?", "cp1252", ["cp1252"]),
        ("Příliš žluťoučký kůň", "cp1250", ["cp1250"]),
        ("Zażółć gęślą jaźń", "cp1250", ["cp1250"]),
        ("Привет, я хороший", "cp1251", ["cp1251"]),
        ("Καλημέρα κόσμε", "cp1253", ["cp1253"]),
        ("Çok güzel bir şey, ığdır", "cp1254", ["cp1254"]),
        ("Für Müller schön", "mac_roman", ["mac_roman"]),
        ("Für Müller schön", "cp850", ["cp850"]),
        ("Le film est très long", "cp1252", ["cp1252", "cp1250"]),
        # Others read these as words, too: "20 ¡C"; "§ena", "¿okolaad" and "n‹"; "Rîga", "ğodien".
        ("20 °C", "mac_roman", ["mac_roman"]),
        ("šokolaad ja õun", "iso8859_15", []),
        ("nő", "cp852", ["mac_roman", "cp850"]),
        ("Rīga ir skaista, šodien", "cp1257", []),
        ("映画はとても良い", "shift_jis", []),
        ("Привет, я хороший", "koi8_r", []),
    ],
)
def test_an_encoding_is_taken_only_where_one_text_can_be_meant(text: str, encoding: str, guesses: list[str]) -> None:
    found = readings_of(text.encode(encoding))
    assert [name for name, _ in found] == guesses
    if len(guesses) == 1:
        assert found[0][1] == text


def test_what_the_user_says_goes_first(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes("text|label\ntrès|a\n".encode("cp1252"))
    config = DataConfig(encoding="cp1250", delimiter="|")
    assert load_examples(str(tmp_path / "rows.csv"), config, "train").examples[0].prompt_text == "trčs"


def test_a_file_in_utf8_is_not_made_garbage_by_the_encoding_of_another(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\ntrès,a\n", encoding="utf-8")
    loaded = load_examples(str(tmp_path / "rows.csv"), DataConfig(encoding="cp1252"), "train")
    assert loaded.examples[0].prompt_text == "très"
    assert "UTF-8, as detected" in str(loaded.problems[0])


def test_bad_rows_are_left_out_and_named_where_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\na,b\nc,d,e\nf,\ng,h\n")
    path = str(tmp_path / "rows.csv")
    with pytest.raises(DataError) as caught:
        load_examples(path, DataConfig(), "train")
    assert [problem.line for problem in caught.value.problems] == [3, 4]
    loaded = load_examples(path, DataConfig(skip_bad=True), "train")
    assert [row.prompt_text for row in loaded.examples] == ["a", "g"]
    assert [(problem.line, problem.severity) for problem in loaded.problems] == [(3, "skipped"), (4, "skipped")]


@pytest.mark.parametrize(
    ("name", "content"),
    [("rows.csv", 'text,label\na,b\n"c,d\ne,f\n'), ("rows.json", '[{"text": "a", "label": "b"},\n{"text": oops}]')],
)
def test_what_a_break_hides_is_never_left_out(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError):
        load_examples(str(tmp_path / name), DataConfig(skip_bad=True), "train")


def _workbook(path: Path, **sheets: list[list[object]]) -> str:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return str(path)


GOOD = [["text", "label", "stars"], ["a", "b", 5], [None, None, None], ["c", "d", 0.5], ["e\nf", "g", None]]


def test_excel(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "rows.xlsx", Rows=GOOD, Empty=[])
    loaded = load_examples(path, DataConfig(prompt="{text} ({stars})", completion="label"), "train")
    found = [(row.id, row.prompt_text, row.completion) for row in loaded.examples]
    assert found == [("rows/2", "a (5)", "b"), ("rows/4", "c (0.5)", "d"), ("rows/5", "e\nf ()", "g")]


def test_excel_dates_are_as_they_are_shown(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "rows.xlsx", Rows=[["text", "label"], *[["a", datetime(2024, 3, 1)] for _ in range(4)]])
    book = openpyxl.load_workbook(path)
    shown = ("yyyy-mm-dd", '[$-407]d. mmmm yyyy "Uhrzeit hh"', "dd.mm.yyyy hh:mm", "yyyy-mm-dd")
    for row, number_format in enumerate(shown, start=2):
        book["Rows"].cell(row, 2).number_format = number_format
    book["Rows"].cell(5, 2).value = 45352.75
    book.save(path)
    answers = [row.completion for row in load_examples(path, DataConfig(), "train").examples]
    assert answers == ["2024-03-01", "2024-03-01", "2024-03-01 00:00:00", "2024-03-01"]


def test_a_workbook_of_many_sheets_gives_that_of_the_role_or_the_one_named(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "rows.xlsx", train=GOOD, test=[["text", "label"], ["t", "u"]])
    assert len(load_examples(path, DataConfig(), "train").examples) == 3
    assert load_examples(path, DataConfig(), "test").examples[0].prompt_text == "t"
    assert load_examples(f"{path}:test", DataConfig(), "train").examples[0].prompt_text == "t"
    other = _workbook(tmp_path / "other.xlsx", A=GOOD, B=GOOD)
    assert [problem.kind for problem in read_examples(other, DataConfig(), "train")[2]] == ["several-sheets"]
    assert [problem.kind for problem in read_examples(f"{other}:C", DataConfig(), "train")[2]] == ["unknown-split"]
