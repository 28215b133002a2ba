"""Every bad mix ends in a message that says what to do, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from keeptune.cli.main import main
from tests.data.mix.bad_mixes import BAD_MIXES, BadMix


@pytest.mark.parametrize("bad", [bad for bad in BAD_MIXES if bad.words[0] == "mix"], ids=lambda bad: bad.name)
def test_refused(
    bad: BadMix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "result.json").touch()
    words = bad.write(tmp_path)
    output = () if "--output" in words else ("--output", "out")
    assert main([*words, *output]) in (1, 2)
    out, err = capsys.readouterr()
    assert "error: " in err
    assert "→" in err
    assert out == ""
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))
