"""Settings in Python as the command line reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

import keeptune


def test_a_file_and_what_wins_over_it(tmp_path: Path) -> None:
    file = tmp_path / "tune.yaml"
    file.write_text("train: rows.jsonl\nlr: 1e-4\nmethod: full\n")
    config = keeptune.load_config(str(file), {"metric": ["chrf"], "lr": 2e-4})
    assert (config.data.train, config.training.lr, config.method.kind) == ("rows.jsonl", 2e-4, "full")
    assert config.evaluation.metrics == ("chrf",)
    with pytest.raises(keeptune.KeeptuneError, match="no_such_metric"):
        keeptune.load_config(given={"train": "rows.jsonl", "metric": ["no_such_metric"]})


def test_paths_as_texts_and_as_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "tune.yaml").write_text("lr: 1e-4\n")
    for file in ("~/tune.yaml", Path("~/tune.yaml")):
        config = keeptune.load_config(file, {"train": Path("rows.jsonl"), "replay": [Path("old.jsonl")]})
        assert (config.data.train, config.training.lr) == ("rows.jsonl", 1e-4)
        assert config.mitigation.replay == ("old.jsonl",)


def test_no_name_has_two_homes() -> None:
    assert len(keeptune._HOME_OF) == sum(map(len, keeptune._HOMES.values()))
