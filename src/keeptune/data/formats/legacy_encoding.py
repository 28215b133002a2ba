"""Which encoding a text that is not UTF-8 has: those are tried in which spreadsheets save, and one is taken only where
all that can be meant by it are the same text.

A reading can be meant where every word is of one script, changes from small letters to capitals nowhere, holds symbols
only where sentences do, and where all letters beyond ASCII belong to the alphabet of one language. "Müller" is the same
text in Windows-1252, 1250 and 1254; "trčs" and "très" are not, and then the user has to say it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_WESTERN = (
    "äöüß",
    "àâæçéèêëîïôœùûüÿ",
    "áéíñóúüçºª",
    "áâãàçéêíóôõúüºª",
    "àèéìíîòóùú",
    "éëïóöüèêáíú",
    "åäöéüà",
    "æøåéèêòóôäöü",
    "áðéíóúýþæö",
    "àçéèíïóòúü",
)
_CENTRAL = ("ąćęłńóśźżöüäé", "áčďéěíňóřšťúůýžöüä", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüűä", "čćđšž", "ăâîşţ", "äöüß")
_TURKISH = ("çğıöşüâîûi̇",)
_CYRILLIC = (
    "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "абвгдежзийклмнопрстуфхцчшщъьюяѝ",
)
_GREEK = ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",)

_READINGS: tuple[tuple[tuple[str, tuple[str, ...]], ...], ...] = (
    (
        ("cp1252", _WESTERN),
        ("cp1250", _CENTRAL),
        ("cp1251", _CYRILLIC),
        ("cp1253", _GREEK),
        ("cp1254", _TURKISH),
    ),
    (("mac_roman", _WESTERN), ("cp850", _WESTERN)),
)
"""Encoding → its alphabets. The second row is tried if nothing in the first fits."""

_WORD = re.compile(r"[^\s\x00-\x26\x28-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+")
"""A run of letters, digits, apostrophes and whatever is beyond ASCII."""
_SYMBOLS = frozenset("«»‹›‘’‚“”„–—…€§°£©®™·•¿¡ºª²³½¼¾´±×µ‰\u00a0\u00ad")
_INSIDE = frozenset("’–—·´\u00a0\u00ad…")
"""Symbols that may stand between two letters without a space."""
_NEVER_BEFORE_A_LETTER = frozenset("§£€ºª²³½¼¾±×®™‰")
_CLOSED_BY = (("«", "»"), ("‹", "›"), ("¿", "?"), ("¡", "!"))
"""The first of these needs the second after it; the second is also written alone."""
_BEGINS_NO_WORD = frozenset("ğß")


def readings_of(data: bytes) -> list[tuple[str, str]]:
    """(encoding, text) of every plausible reading, each text once."""
    for tier in _READINGS:
        found: dict[str, str] = {}
        for encoding, alphabets in tier:
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError:
                continue
            if text not in found and _can_be_meant(text, alphabets):
                found[text] = encoding
        if found:
            return [(encoding, text) for text, encoding in found.items()]
    return []


def differing_words(readings: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(encoding, the first word with a character beyond ASCII that not all readings have alike)."""
    words = [_WORD.findall(text) for _, text in readings]
    for alike in zip(*words, strict=False):
        if any(not word.isascii() for word in alike) and (len(set(alike)) > 1 or len(readings) == 1):
            return [(encoding, word) for (encoding, _), word in zip(readings, alike, strict=True)]
    return [(encoding, "") for encoding, _ in readings]


def _can_be_meant(text: str, alphabets: Sequence[str]) -> bool:
    if any(text.count(begin) > text.count(end) for begin, end in _CLOSED_BY):
        return False
    letters: set[str] = set()
    for word in set(_WORD.findall(text)):
        if word.isascii():
            continue
        if not _is_word(word):
            return False
        letters.update(letter for letter in word.lower() if not letter.isascii() and letter not in _SYMBOLS)
    return not letters or any(letters <= set(alphabet) for alphabet in alphabets)


def _is_word(word: str) -> bool:
    foreign = any(letter.isalpha() and not letter.isascii() and letter.lower() in _OTHER_SCRIPTS for letter in word)
    if foreign and any(letter.isascii() and letter.isalpha() for letter in word):
        return False
    if word[0].lower() in _BEGINS_NO_WORD:
        return False
    for before, after in pairwise(word):
        if before in _NEVER_BEFORE_A_LETTER and after.isalpha():
            return False
        if before.islower() and after.isupper() and not (before.isascii() and after.isascii()):
            return False
        if before.isdigit() != after.isdigit() and any(
            each.isalpha() and not each.isascii() and each not in _SYMBOLS for each in (before, after)
        ):
            return False
    for place, letter in enumerate(word):
        if letter.isascii() or (letter.isalpha() and letter not in _SYMBOLS):
            continue
        within = 0 < place < len(word) - 1 and word[place - 1].isalpha() and word[place + 1].isalpha()
        if letter not in _SYMBOLS or (within and letter not in _INSIDE):
            return False
    return True


_OTHER_SCRIPTS = frozenset("".join((*_CYRILLIC, *_GREEK)))
