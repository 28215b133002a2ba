"""A text file as numbered lines: UTF-8, or what a byte-order mark, the user or the text itself says; every bad line
named."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keeptune.data.formats.legacy_encoding import differing_words, readings_of
from keeptune.errors import Problem

_WIDE = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_MARK = b"\xef\xbb\xbf"
_NAMES = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "mac_roman": "Mac Roman",
    "cp850": "code page 850",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
}
BLANK = " \t\r\n"
"""Characters allowed in a blank line. Other white space is probably a mistake."""
_BLANK = BLANK.encode()


@dataclass(frozen=True, slots=True)
class TextLines:
    """The lines that could be decoded, with their 1-based numbers, and the problems of the others."""

    lines: tuple[tuple[int, str], ...]
    problems: tuple[Problem, ...]
    cut_off: int | None = None
    """The line in which the file breaks off without a line end."""
    assumed: tuple[str, ...] = ()
    """In which encoding it was read, where that is not UTF-8."""


def read_lines(path: Path, encoding: str | None = None, *, guess: bool = False) -> TextLines:
    """Lines end at ``\\n`` only: a JSON text may hold U+2028, which `str.splitlines` would cut at.

    Args:
        encoding: of a text that is not UTF-8.
        guess: without it, find the encoding where only one text can be meant.
    """
    data = path.read_bytes()
    if not data.removeprefix(_MARK).strip(_BLANK):
        return TextLines((), (_empty(path),))
    decoded = _in_utf8(data, path, encoding, guess)
    if isinstance(decoded, Problem):
        return TextLines((), (decoded,))
    file = str(path)
    lines: list[tuple[int, str]] = []
    problems: list[Problem] = []
    text, assumed = decoded
    if not text.strip(_BLANK):
        return TextLines((), (_empty(path),))
    number = 0
    for number, raw in enumerate(text.removesuffix(b"\n").split(b"\n"), start=1):
        line = _decode(raw.removesuffix(b"\r"), file, number, problems)
        if line is not None:
            lines.append((number, line))
    return TextLines(tuple(lines), tuple(problems), None if text.endswith(b"\n") else number, assumed)


def stream_lines(path: Path, encoding: str | None = None) -> Iterator[tuple[int, str, bool] | Problem]:
    """As `read_lines`, one at a time: (number, line, whether the file breaks off without a line end there). What is not
    UTF-8 is decoded as a whole."""
    with path.open("rb") as handle:
        start = handle.read(4)
    if encoding or start.startswith(tuple(mark for mark, _ in _WIDE)):
        read = read_lines(path, encoding)
        yield from read.problems
        yield from ((number, line, number == read.cut_off) for number, line in read.lines)
        return
    file = str(path)
    filled = False
    problems: list[Problem] = []
    with path.open("rb") as handle:
        for number, raw in enumerate(handle, start=1):
            if number == 1:
                problem = _packed(raw[:4], path)
                if problem is not None:
                    yield problem
                    return
                raw = raw.removeprefix(_MARK)
            filled = filled or bool(raw.strip(_BLANK))
            line = _decode(raw.removesuffix(b"\n").removesuffix(b"\r"), file, number, problems)
            if line is None:
                yield problems.pop()
            else:
                yield number, line, not raw.endswith(b"\n")
    if not filled:
        yield _empty(path)


def _empty(path: Path) -> Problem:
    fix = "check that the export that wrote it succeeded"
    return Problem(str(path), None, "empty-file", "the file is empty", fix)


def _in_utf8(data: bytes, path: Path, encoding: str | None, guess: bool) -> tuple[bytes, tuple[str, ...]] | Problem:
    """(the file's text in UTF-8, what was assumed), or why it cannot be had. What is neither marked nor named nor
    guessed comes as it is."""
    problem = _packed(data[:4], path)
    if problem is not None:
        return problem
    for mark, wide in _WIDE:
        if data.startswith(mark):
            return _converted(data, path, wide, f"encoding {_NAMES[wide]}")
    if encoding is None or data.startswith(_MARK):
        return _found(data, path) if guess and not _is_utf8(data) else (data.removeprefix(_MARK), ())
    if not data.isascii() and b"\0" not in data and _is_utf8(data):
        is_told = codecs.lookup(encoding).name == "utf-8"
        return data, () if is_told else (f"encoding UTF-8, as detected, not {encoding}",)
    return _converted(data, path, encoding, f"encoding {encoding}, as given")


def _found(data: bytes, path: Path) -> tuple[bytes, tuple[str, ...]] | Problem:
    readings = readings_of(data)
    words = differing_words(readings)
    if len(readings) == 1:
        ((encoding, word),) = words
        shown = f", as in “{word}”" if word else ""
        return readings[0][1].encode(), (f"encoding {_NAMES[encoding]}{shown} (if not: --encoding NAME)",)
    line = next(number for number, raw in enumerate(data.split(b"\n"), start=1) if not _is_utf8(raw))
    if not readings:
        message = "it is not UTF-8, and its encoding could not be detected"
        return Problem(str(path), line, "undecodable", message, "save it as UTF-8, or name it: --encoding NAME")
    shown = " or ".join(f"{_NAMES[encoding]} (“{word}”)" for encoding, word in words)
    fix = "say which: " + " or ".join(f"--encoding {encoding}" for encoding, _ in words)
    return Problem(str(path), line, "ambiguous-encoding", f"it is not UTF-8; it may be {shown}", fix)


def _converted(data: bytes, path: Path, encoding: str, assumed: str) -> tuple[bytes, tuple[str, ...]] | Problem:
    try:
        return data.decode(encoding).removeprefix("\ufeff").encode("utf-8", "surrogatepass"), (assumed,)
    except UnicodeError as error:
        line: int | None = None
        what = "it"
        if isinstance(error, UnicodeDecodeError):  # some codecs do not tell the place
            line = data.count(b"\n", 0, error.start) + 1
            what = f"byte {error.start + 1} of the file (0x{data[error.start]:02x})"
        message = f"{what} is not {_NAMES.get(encoding, encoding)}"
        return Problem(str(path), line, "undecodable", message, "name another --encoding, or save the file as UTF-8")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _packed(start: bytes, path: Path) -> Problem | None:
    if not start.startswith(b"\x1f\x8b"):
        return None
    return Problem(str(path), None, "compressed", "the file is gzip-compressed", f"unpack it first: gunzip {path.name}")


def _decode(raw: bytes, file: str, number: int, problems: list[Problem]) -> str | None:
    if b"\0" in raw:
        column = raw.index(b"\0") + 1
        message = f"a NUL byte at byte {column} of the line"
        fix = "the file is damaged or binary: write it again; for UTF-16 without a BOM: --encoding utf-16-le"
        problems.append(Problem(file, number, "nul-byte", message, fix))
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not UTF-8"
        fix = "save the file as UTF-8, or name its encoding: --encoding cp1252"
        problems.append(Problem(file, number, "undecodable", message, fix))
        return None
