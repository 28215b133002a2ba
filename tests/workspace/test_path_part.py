from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptune.workspace.path_part import path_part

HOSTILE = ["..", ".", "", "/etc/passwd", "../../victim/samples", "a\\b", "C:\\x", "a\0b", "con", "NUL.txt", "a" * 300]
HOSTILE += ["ends.", " ", "a\nb", "-rf", ".hidden", "\ud800", "名" * 200, "com1.jsonl"]


@pytest.mark.parametrize("name", ["ner", "passage_qa", "mmlu-pro", "interpolation=0.5", "replay=0.05+kl=0.1", "v1.2"])
def test_plain_name_stays(name):
    assert path_part(name) == name


@pytest.mark.parametrize("name", HOSTILE)
def test_is_one_part_everywhere(name):
    part = path_part(name)
    assert PurePosixPath("run", part).parts == ("run", part)
    assert PureWindowsPath("run", part).parts == ("run", part)
    assert part not in (".", "..")
    assert len(part.encode()) <= 200
    assert "\0" not in part
    assert not PureWindowsPath(part).is_reserved()


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_names_never_share_a_part_by_case_or_not(first, second):
    assert (first == second) == (path_part(first).casefold() == path_part(second).casefold())


def test_names_that_differ_by_case_alone():
    assert path_part("NER").casefold() != path_part("ner").casefold()


def test_an_escaped_name_is_not_taken_by_another():
    assert path_part(path_part("NER")) != path_part("NER")
