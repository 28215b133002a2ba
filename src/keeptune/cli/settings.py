"""Turn the parsed flags into a checked TuneConfig."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from keeptune.config.load import from_entries
from keeptune.config.schema import TuneConfig
from keeptune.config.yaml_file import Entry, read_yaml
from keeptune.errors import ConfigError
from keeptune.near_paths import expanded
from keeptune.records import to_plain
from keeptune.workspace.lineage import code_named_by
from keeptune.workspace.workspace import Workspace


def read_settings(config: str | None, flags: Mapping[str, Any]) -> TuneConfig:
    """The settings of a command line, the tables of methods and metrics read where they are kept; with --resume, those
    of the run in --output, where flags do not change them.

    Raises:
        ConfigError: an invalid setting; the message names the flag, or file and line.
    """
    from keeptune.models.adapters import METHODS
    from keeptune.scoring.table import METRICS

    # Compared by identity, because a given 0 equals False but counts.
    given = {name: value for name, value in flags.items() if value is not None and value is not False and value != ()}
    entries = _of_file(Path(config)) if config else _of_run(given)
    settings = from_entries(entries, given, methods=tuple(METHODS), metrics=tuple(METRICS))
    if settings.resume and not config:
        _refuse_code(settings, given)
    return settings


def _of_file(file: Path) -> Iterable[Entry]:
    """The content of a YAML file, or the settings of a run, with current names even if an earlier version wrote
    them."""
    entries, run = read_yaml(file), Workspace(file.parent)
    paths = {entry.path for entry in entries}
    if file != run.settings_file or ("type",) not in paths:
        return entries
    today = list(_entries(run.settings(), str(file)))
    return entries if {entry.path for entry in today} <= paths else today


def _of_run(given: Mapping[str, Any]) -> Iterator[Entry]:
    """The settings of a resumed run. Flags change them; other settings keep their values."""
    named = given.get("output") or given.get("output_dir")
    if given.get("resume") and named:
        run = Workspace(expanded(named))
        if run.settings_file.is_file():
            yield from _entries(run.settings(), str(run.settings_file))


def _refuse_code(config: TuneConfig, given: Mapping[str, Any]) -> None:
    """Raise ConfigError if a run's settings name code that would run and no flag does. A run may come from anybody."""
    for flag, code in code_named_by(to_plain(config)).items():
        if flag not in given:
            raise ConfigError(
                f"the settings of the run {config.output} name code that would run: {code}",
                f"if you trust it, resume with --{flag.replace('_', '-')} as the run was started with it",
            )


def _entries(plain: Mapping[str, Any], where: str, above: tuple[str, ...] = ()) -> Iterator[Entry]:
    for key, value in plain.items():
        if isinstance(value, Mapping):
            yield from _entries(value, where, (*above, key))
        else:
            yield Entry((*above, key), value, where)
