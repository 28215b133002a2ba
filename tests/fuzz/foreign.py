"""Settings files of other trainers: any is refused, or becomes a file that says the same settings and no more."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from keeptune.bridges.foreign.import_settings import TRAINERS, import_settings
from keeptune.config.yaml_dialect import Dumper
from keeptune.config.yaml_file import read_yaml
from keeptune.errors import ConfigError
from tests.fuzz.configuration import TEXTS, VALUES
from tests.fuzz.target import folder, of_values

KEYS = sorted({key for trainer in TRAINERS.values() for key in trainer.rules({}, Path())} | {"dataset", "output_dir"})
THEIRS = st.tuples(
    st.sampled_from(sorted(TRAINERS)),
    st.dictionaries(st.sampled_from(KEYS) | TEXTS, VALUES, min_size=1, max_size=5),
)


@of_values("settings of other trainers", "configuration", THEIRS)
def of_other_trainers(given: tuple[str, dict[str, Any]]) -> None:
    trainer, values = given
    file, ours = folder("configuration") / "theirs.yaml", folder("configuration") / "ours.yaml"
    file.write_text(yaml.dump(values, Dumper=Dumper, allow_unicode=True), encoding="utf-8")
    with suppress(ConfigError):
        found = import_settings(file, trainer)
        assert {line.key.partition(".")[0] for line in found.lines} == {
            entry.path[0].partition(".")[0] for entry in read_yaml(file)
        }
        ours.write_text(found.yaml(), encoding="utf-8")
        assert {".".join(entry.path): entry.value for entry in read_yaml(ours)} == found.settings
