"""Look at a user's rows for the first time, and write the settings of a first run."""

from __future__ import annotations

from pathlib import Path

from keeptune.commands import command
from keeptune.config.commented import Suggested, commented_yaml
from keeptune.config.schema import TuneConfig
from keeptune.data.check_report import CheckReport
from keeptune.data.columns import Columns
from keeptune.data.first_look import FirstLook
from keeptune.data.load import read_examples
from keeptune.data.rendered import render_rows
from keeptune.errors import RunExists
from keeptune.events import Observer
from keeptune.experiments.check_run import check_run, encoder_without_weights
from keeptune.training.defaults import default_epochs
from keeptune.workspace.atomic import write_new_text


def first_look(config: TuneConfig, columns: Columns, output: Path, observer: Observer) -> FirstLook:
    """Look at the rows by `config`, and write its settings to `output` if a run could start by them.

    Raises:
        RunExists: there is something at `output`. StoreError: it cannot be written.
    """
    refuse_settings_taken(output)
    encoder = encoder_without_weights(config, observer)
    report = check_run(config, encoder, observer)
    examples, _, _ = read_examples(str(config.data.train), config.data, "train")
    text = first_settings(config, columns, report, output)
    if report.ok:
        write_new_text(output, text)
    return FirstLook(
        report,
        columns.why,
        render_rows(examples, encoder) if report.ok else (),
        config.model.name,
        config.method.kind,
        tuple(keep.name for keep in config.measure.keep),
        text,
        str(output) if report.ok else "",
    )


def refuse_settings_taken(output: Path) -> None:
    """Raises RunExists if there is something at `output`: no file of settings is overwritten."""
    if output.exists() or output.is_symlink():
        use = command("tune", config=output)
        raise RunExists(f"{output} is there already", f"name another --output, delete it, or use it: {use}")


def first_settings(config: TuneConfig, columns: Columns, report: CheckReport, output: Path) -> str:
    """The settings that a first user may want to change, as YAML with a comment each."""
    rows = report.roles[0].examples
    shown = {
        "model.name": Suggested(config.model.name, "org/model of the hub, a folder, a .gguf file, or smollm2", True),
        "data.train": Suggested(config.data.train, "the rows to learn from", True),
    }
    if columns.template or config.data.prompt:
        shown["data.prompt"] = Suggested(columns.template, "columns in braces, in the words of your task around them")
    if config.data.completion:
        shown["data.completion"] = Suggested(None, "the column with the answer to learn")
    if config.data.test is None:
        share = config.data.test_fraction
        shown["data.test_fraction"] = Suggested(share, "share of the rows for the final score; or test: FILE", True)
    shown |= {
        "method.kind": Suggested(config.method.kind, "lora trains a small adapter; full trains every weight", True),
        "training.epochs": Suggested(default_epochs(rows), "passes over the rows"),
        "training.max_minutes": Suggested(30, "the training ends after so many minutes"),
        "evaluation.metrics": Suggested([report.metric], "chosen from the rows; or another, or mine.py:function"),
        "measure.keep": Suggested(["facts"], "abilities that must not be lost, by 5 points at most; facts:2 by 2"),
    }
    if not config.measure.keep:
        shown["measure.extent"] = Suggested("none", "leaves out the quick look at other abilities after the training")
    head = (
        f"{command('tune', config=output)}",
        "A line after # is a suggestion: take its # away to use it. Each setting is a flag too: keeptune tune --help",
    )
    return commented_yaml(head, config, shown)
