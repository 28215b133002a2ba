"""Exporting a run, and comparing what was exported with what was scored."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from keeptune.assessment.as_exported import Arrival, differences, on_arrival
from keeptune.assessment.report import show_exports
from keeptune.assessment.scored_items import Scored, scored_items
from keeptune.commands import command
from keeptune.config.schema import Adapter
from keeptune.config.sections.export import ExportConfig
from keeptune.errors import ConfigError, RunExists, StoreError
from keeptune.events import Notice, NoticeLog, Observer
from keeptune.experiments.repeatable import refuse_changed_base
from keeptune.experiments.reproduction import refuse_code
from keeptune.exports.asking import Job
from keeptune.exports.format import FORMATS, Format, Source
from keeptune.exports.hub import files_of, push, refuse_local_base, refuse_name
from keeptune.models.adapters import METHODS
from keeptune.models.placement import place
from keeptune.models.quantization import NONE
from keeptune.near_names import did_you_mean
from keeptune.near_paths import expanded
from keeptune.records import SCHEMA_VERSION, ExportReport, export_name, to_plain
from keeptune.training.new_session import new_session
from keeptune.training.session import Session
from keeptune.workspace.atomic import atomic_folder, remove_partials
from keeptune.workspace.exported_run import ExportedRun
from keeptune.workspace.manifest import ModelFacts, make_manifest
from keeptune.workspace.open_run import locked_folder
from keeptune.workspace.run_entry import RunEntry
from keeptune.workspace.runs import find_run
from keeptune.workspace.workspace import Workspace

AUTO = "auto"
"""In the place of types: all of the format, from the largest to the smallest."""


def run_export(config: ExportConfig, observer: Observer) -> tuple[ExportReport, ...]:
    """Export the tuned model of a run, and ask the tool that it is for the run's items.

    Returns:
        a report of each type that was written, the exported one first; of several types the others are not kept.

    Raises:
        ConfigError: a run, format or type that does not go with the others. MissingDependency: the format needs it.
        StoreError: no finished run, its rows or its base have changed, or the output folder cannot be taken.
        RunExists: there is something in it.
    """
    format = FORMATS[config.format]
    run = _finished(find_run(config.run, Path("runs")), config)
    settings, made = run.tune_settings(), run.tune_result()
    if config.push_to_hub:
        refuse_name(config.push_to_hub)
        if config.format == "adapter" and run.weights == run.adapter:
            refuse_local_base(run.adapter)
    elif config.dry_run or config.private:
        fix = "give --push-to-hub OWNER/NAME, too, or leave them out"
        raise ConfigError("--dry-run and --private say how an export is published, and it is not", fix)
    if not config.allow_code:
        refuse_code(settings, run)
    log = NoticeLog(observer)
    with locked_folder(run.path, fresh=False):
        # Nothing is loaded in few bits, so their package is not needed.
        whole = replace(settings.model, quantization=NONE)
        session = new_session(replace(settings, model=whole, resume=False), run, log)
        tuned = replace(session.tuned_model, quantization=settings.model.quantization)
        mergeable = not isinstance(settings.method, Adapter) or METHODS[settings.method.kind].mergeable
        dtype = made.manifest.dtype
        source = Source(run, tuned, session.encoder.kind, dtype, mergeable, config.llama_cpp)
        if source.is_adapter and not run.start_model.is_dir():
            refuse_changed_base(settings.model, run)
        exporter = _Exporter(config, format, source, session, log)
        exporter.refuse()
        scored = scored_items(session, made, config) if config.check else Scored(())
        reports = exporter(scored)
    if config.push_to_hub:
        _publish(reports[0], config, log)
    return reports


def _finished(entry: RunEntry, config: ExportConfig) -> Workspace:
    """The run of `entry`, if it can be exported."""
    run = Workspace(Path(entry.path))
    if entry.kind == "study":
        trials = run.trials()
        line = command("export", trials[0].path, config.format) if trials else ""
        fix = f"export one of its runs: {line}" if trials else "run it first"
        raise StoreError(f"{run} is a study, made of {len(trials)} runs", fix)
    if entry.kind != "tune":
        raise StoreError(f"{run} is a run of {entry.kind}, and only those of tune are exported", "name a run of tune")
    if entry.state != "finished" or run.weights is None:
        told = entry.problem or "its weights are not there"
        raise StoreError(f"{run} is {entry.state}: {told}", "finish it first, or name another run")
    return run


def _publish(report: ExportReport, config: ExportConfig, observer: Observer) -> None:
    """Publish what was exported, unless it lost something or its verdict is inconclusive."""
    folder, name = Path(report.path), config.push_to_hub
    if report.was_asked and not report.keeps:
        observer(Notice("hub", f"not published as {name}: the exported model does not surely answer as it was scored"))
        return
    if config.dry_run:
        files = ", ".join(f"{path} ({size:,} bytes)" for path, size in files_of(folder))
        observer(Notice("hub", f"would be published as {name}: {files}"))
        return
    observer(Notice("hub", f"published: {push(folder, name, private=config.private)}"))


class _Exporter:
    def __init__(self, config: ExportConfig, format: Format, source: Source, session: Session, log: NoticeLog) -> None:
        self._config, self._format, self._source = config, format, source
        self._session, self._log = session, log
        self._wanted = self._types()

    def refuse(self) -> None:
        """Raise for what could only fail later, before anything is written."""
        if len(self._wanted) > 1 and not self._config.check:
            told = "of several types, the items decide which is exported"
            raise ConfigError(told, "name one type, or leave out --no-check")
        self._format.refuse(self._source)
        for quantization in self._wanted:
            folder = self._folder(quantization)
            _refuse_output(folder, self._source.run)
            if folder.is_dir() and any(folder.iterdir()):
                fix = "delete it, or name another --output; what was exported is never overwritten"
                raise RunExists(f"{folder} is not empty", fix)

    def __call__(self, scored: Scored) -> tuple[ExportReport, ...]:
        """The last type that keeps everything, before the first that does not. None that does: the first stays, for its
        report says what it lost."""
        tried: list[ExportReport] = []
        for quantization in self._wanted:
            report = self._export(quantization, scored)
            if tried and report.keeps:
                tried[0] = self._removed(tried[0])
            elif tried:
                return (*tried, self._removed(report))
            tried.insert(0, report)
            if not report.keeps:
                break
        return tuple(tried)

    def _types(self) -> tuple[str, ...]:
        format, known = self._config.format, self._format.quantizations(self._source)
        if self._config.quantizations == (AUTO,):
            if not (smaller := self._format.smaller(self._source)):
                raise ConfigError(f"{format} has no types to choose from", f"name one of {', '.join(known)}")
            return smaller
        wanted = []
        for name in self._config.quantizations or known[:1]:
            same = next((each for each in known if each.lower() == name.lower()), None)
            if same is None:
                hint = did_you_mean(name, known)
                raise ConfigError(f"{format} has no type {name!r}", f"{hint}Known: {', '.join(known)}")
            wanted.append(same)
        return tuple(dict.fromkeys(wanted))

    def _folder(self, quantization: str) -> Path:
        name = export_name(self._config.format, quantization)
        if not self._config.output:
            return ExportedRun(self._source.run.path).export_folder(name)
        # Absolute: the report is read from other folders, too.
        output = Path(os.path.abspath(expanded(self._config.output)))
        return output / name if len(self._wanted) > 1 else output

    def _export(self, quantization: str, scored: Scored) -> ExportReport:
        """Write one type and ask for it. It gets its name when it has answered; its report is kept in the run."""
        folder = self._folder(quantization)
        if not self._config.output:
            remove_partials(folder.parent)
        began, before = time.monotonic(), len(self._log.messages)
        with atomic_folder(folder, fresh=True) as partial:
            for message in self._format.write(self._source, quantization, partial):
                self._log(Notice("export", message))
            gc.collect()
            written = time.monotonic()
            arrival = self._asked(partial, scored) if scored.sets else None
        seconds = {"write": written - began, "ask": time.monotonic() - written}
        try:
            notes = (*scored.notes, *self._log.messages[before:])
            report = self._report(quantization, folder, arrival, seconds)
            report = replace(report, notes=notes, not_asked=scored.left_out)
            self._keep(report)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return report

    def _asked(self, folder: Path, scored: Scored) -> Arrival:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".base-", suffix=".partial") as scratch:
            files = self._format.exported(self._source, folder, Path(scratch))
            gc.collect()
            job = Job(
                model=str(files.model or ""),
                adapter=str(files.adapter or ""),
                kind=self._source.kind,
                length=1,
                threads=torch.get_num_threads(),
                questions=(),
                # Without arithmetic for it, a processor takes many times as long in 16 bits.
                dtype="auto" if place("cpu", "auto").dtype is torch.bfloat16 else "float32",
            )
            arrival = on_arrival(self._format.tool, job, scored, self._session.encoder, self._log)
        for told in differences(arrival, self._session.encoder, folder):
            self._log(Notice("export", told))
        return arrival

    def _report(
        self, quantization: str, folder: Path, arrival: Arrival | None, seconds: dict[str, float]
    ) -> ExportReport:
        source = self._source
        made = make_manifest(ModelFacts(name=str(source.run), dtype=quantization), seconds=seconds)
        return ExportReport(
            schema_version=SCHEMA_VERSION,
            path=str(folder),
            run=str(source.run),
            format=self._config.format,
            quantization=quantization,
            tool=arrival.tool if arrival else "",
            size=_size(folder),
            prompts=arrival.prompts if arrival else None,
            answers=arrival.answers if arrival else None,
            tokens_per_second=arrival.tokens_per_second if arrival else None,
            abilities=arrival.abilities if arrival else (),
            gate=arrival.gate if arrival else "nothing declared",
            sentences=arrival.sentences if arrival else (),
            notes=(),
            load=self._format.load_command(source, folder),
            config=to_plain(self._config),
            manifest=made,
        )

    def _keep(self, report: ExportReport) -> None:
        ExportedRun(self._source.run.path).write_export(report)
        try:
            show_exports(self._source.run)
        except StoreError as error:
            self._log(Notice("export", f"the page of {self._source.run} is not written again: {error.message}"))

    def _removed(self, report: ExportReport) -> ExportReport:
        """The files of a type that is not the one to export are deleted; its report stays, and says so."""
        shutil.rmtree(report.path, ignore_errors=True)
        report = replace(report, path="", load="")
        self._keep(report)
        return report


def _refuse_output(folder: Path, run: Workspace) -> None:
    """Raise for a folder that an export cannot take the place of, or where the run keeps files of its own."""
    fix = "name another --output"
    if file := next((each for each in (folder, *folder.parents) if each.is_file()), None):
        raise StoreError(f"{file} is a file, not a folder", fix)
    if folder.is_symlink():
        raise StoreError(f"{folder} is a link", "name the folder itself as --output")
    if folder == Path.cwd():
        raise StoreError(f"{folder} is the folder that you are in", fix)
    home, above = ExportedRun(run.path.resolve()), folder.resolve().parents
    if home.path in above and home.exports_folder not in above:
        raise StoreError(f"{folder} is a folder of the run itself", f"leave --output out, or {fix}")


def _size(folder: Path) -> int:
    return sum(size for _, size in files_of(folder))
