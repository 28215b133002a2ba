"""A text file as numbered lines: UTF-8 with or without a byte-order mark, every bad line named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keeptune.errors import Problem

_OTHER_ENCODINGS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
_MARK = b"\xef\xbb\xbf"
BLANK = " \t\r\n"
"""What a line without text may hold. Other characters that only space are something that was not meant."""
_BLANK = BLANK.encode()


@dataclass(frozen=True, slots=True)
class TextLines:
    """The lines that could be decoded, with their 1-based numbers, and the problems of the others."""

    lines: tuple[tuple[int, str], ...]
    problems: tuple[Problem, ...]
    ends_with_newline: bool


def read_lines(path: Path) -> TextLines:
    """Lines end at ``\\n`` only: a JSON text may hold U+2028, which `str.splitlines` would cut at."""
    data = path.read_bytes()
    file = str(path)
    if not data.removeprefix(_MARK).strip(_BLANK):
        return TextLines((), (_empty(path),), True)
    problem = _foreign(data[:4], path)
    if problem is not None:
        return TextLines((), (problem,), True)
    lines: list[tuple[int, str]] = []
    problems: list[Problem] = []
    ends = data.endswith(b"\n")
    for number, raw in enumerate(data.removeprefix(_MARK).removesuffix(b"\n").split(b"\n"), start=1):
        line = _decode(raw.removesuffix(b"\r"), file, number, problems)
        if line is not None:
            lines.append((number, line))
    return TextLines(tuple(lines), tuple(problems), ends)


def stream_lines(path: Path) -> Iterator[tuple[int, str, bool] | Problem]:
    """As `read_lines`, one at a time: (number, line, whether the file breaks off without a line end there)."""
    file = str(path)
    filled = False
    problems: list[Problem] = []
    with path.open("rb") as handle:
        for number, raw in enumerate(handle, start=1):
            if number == 1:
                problem = _foreign(raw[:4], path)
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
    fix = "check that the export that wrote it ended well"
    return Problem(str(path), None, "empty-file", "the file is empty", fix)


def _foreign(start: bytes, path: Path) -> Problem | None:
    """What the first bytes say: another encoding, or no text."""
    for mark, encoding in _OTHER_ENCODINGS:
        if start.startswith(mark):
            fix = f"save it as UTF-8: iconv -f {encoding} -t UTF-8 {path.name} > utf8{path.suffix}"
            return Problem(str(path), 1, "not-utf8", f"the file is {encoding}, not UTF-8", fix)
    if start.startswith(b"\x1f\x8b"):
        fix = f"unpack it first: gunzip {path.name}"
        return Problem(str(path), None, "compressed", "the file is gzip-compressed", fix)
    return None


def _decode(raw: bytes, file: str, number: int, problems: list[Problem]) -> str | None:
    if b"\0" in raw:
        column = raw.index(b"\0") + 1
        message = f"a NUL byte at byte {column} of the line"
        problems.append(Problem(file, number, "nul-byte", message, "the file is damaged or binary: write it anew"))
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not UTF-8"
        problems.append(Problem(file, number, "undecodable", message, "save the file as UTF-8"))
        return None
