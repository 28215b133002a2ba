"""docs/settings.md shows every setting with all that it knows of itself. UPDATE_DOCS=1 rewrites that page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from keeptune.config.setting import Affects, Setting
from keeptune.config.settings import FLAGS, SECTIONS, SETTINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
OPENING = """\
# Settings

Made by `tests/surface/test_settings_page.py` from the fields in `src/keeptune/config` (`UPDATE_DOCS=1` rewrites
this page).

Give a setting as a flag, in a YAML file (`--config run.yaml`), or in Python (`TuneConfig`). Flags override the file.
A file has the sections below, or the settings without sections where their names are unique:

```yaml
data:
  train: rows.jsonl
training:
  lr: 1e-4
```

Settings without a flag are given in YAML or Python. Where TRL, transformers or lm-evaluation-harness have another
name for a setting, that name is accepted too.

## What settings affect

Each setting affects one of these. When a run resumes, its `weights` and `choice` settings must be as they were, and
what its `input` settings name must have the same content; `answers` settings too if `training.select_by` is `metric`.
All else may change. A run reuses the training of another that agrees with it in `weights` and `input`.

| Word | A change affects |
| --- | --- |
"""
WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", tuple: "list"}


def test_the_page_shows_every_setting() -> None:
    page = OPENING + "\n".join(_lines()) + "\n"
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "write it again with UPDATE_DOCS=1"


def _lines() -> Iterator[str]:
    for each in Affects:
        yield f"| `{each.name.lower()}` | {each.value} |"
    for section, schema in SECTIONS.items():
        settings = [each for key, each in SETTINGS.items() if key.startswith(f"{section}.")]
        yield from ("", f"## {section}", "", str(schema.__doc__), "", *_table(settings))
    yield from ("", "## Without a section", "", *_table([each for key, each in SETTINGS.items() if "." not in key]))


def _table(settings: list[Setting]) -> Iterator[str]:
    yield from ("| Setting | Value | Default | Affects | What it does |", "| --- | --- | --- | --- | --- |")
    for each in settings:
        flags = [f"`--{name}`" for name, of_flag in FLAGS.items() if of_flag.key == each.key]
        cells = [
            " ".join([f"`{each.name}`", *(flag for flag in flags if flag != f"`--{each.name.replace('_', '-')}`")]),
            _value(each),
            each.default_text or ("false" if each.default is False else "true" if each.default is True else ""),
            f"`{each.affects.name.lower()}`",
            " ".join(filter(None, [each.help, each.more, _needs(each), _also(each)])),
        ]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _value(each: Setting) -> str:
    if each.choices:
        return ", ".join(f"`{choice}`" for choice in each.choices)
    kind = f"{WORDS[each.kind]} of {each.unit}" if each.unit else WORDS[each.kind]
    return f"{kind}, {each.range}" if each.range else kind


def _needs(each: Setting) -> str:
    needed = " or ".join(f"`{key}`" for key in each.needs)
    return f"Has no effect without {needed}." if needed else ""


def _also(each: Setting) -> str:
    names = [f"`{name}`" for name in each.aliases if name.replace("_", "-") not in FLAGS]
    return f"Also {', '.join(names)}." if names else ""
