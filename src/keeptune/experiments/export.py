"""Exporting a run, and comparing what was exported with what was scored."""

from __future__ import annotations

import gc
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from keeptune.assessment.as_exported import Arrival, ScoredItems, on_arrival, scored_items
from keeptune.assessment.report import show_exports
from keeptune.config.sections.export import ExportConfig
from keeptune.errors import ConfigError, RunExists, StoreError
from keeptune.events import Notice, NoticeLog, Observer
from keeptune.experiments.repeatable import refuse_other_verbs
from keeptune.experiments.reproduction import refuse_code
from keeptune.export.asking import Job
from keeptune.export.format import FORMATS, Format, Source
from keeptune.export.hub import files_of, push, refuse_name
from keeptune.near_names import did_you_mean
from keeptune.records import SCHEMA_VERSION, ExportReport, to_plain
from keeptune.training.new_session import new_session
from keeptune.training.session import Session
from keeptune.workspace.atomic import atomic_folder
from keeptune.workspace.manifest import ModelFacts, make_manifest
from keeptune.workspace.runs import find_run
from keeptune.workspace.workspace import Workspace


def run_export(config: ExportConfig, observer: Observer) -> tuple[ExportReport, ...]:
    """Export the tuned model of a run, and ask the tool that it is for the run's items.

    Returns:
        a report of each type that was written, the exported one first; of several types the others are not kept.

    Raises:
        ConfigError: a run, format or type that does not go with the others. MissingDependency: the format needs it.
        StoreError: no finished run, or its rows have changed. RunExists: there is something at the output folder.
    """
    format = FORMATS[config.format]
    entry = find_run(config.run, Path("runs"))
    refuse_other_verbs(entry)
    run = Workspace(Path(entry.path))
    if run.weights is None:
        raise StoreError(f"{run} holds no weights", "tune again, or name another run")
    settings = run.tune_settings()
    if not config.allow_code:
        refuse_code(settings, run)
    log = NoticeLog(observer)
    session = new_session(replace(settings, resume=False), run, log)
    source = Source(run, session.tuned_model, session.encoder.kind, run.tune_result().manifest.dtype, config.llama_cpp)
    wanted = _wanted(format, source, config)
    format.refuse(source)
    if config.push_to_hub:
        refuse_name(config.push_to_hub)
    exporter = _Exporter(config, format, source, session, log)
    found = scored_items(session, run, config) if config.check else []
    reports = (exporter.export(wanted[0], found),) if len(wanted) == 1 else exporter.smallest(wanted, found)
    if config.push_to_hub:
        _publish(reports[0], config, log)
    return reports


def _publish(report: ExportReport, config: ExportConfig, observer: Observer) -> None:
    """Publish what was exported, unless it lost something or that is undecided."""
    folder, name = Path(report.path), config.push_to_hub
    if report.was_asked and not report.keeps:
        observer(Notice("hub", f"not published as {name}: the exported model does not surely answer as it was scored"))
        return
    if config.dry_run:
        files = ", ".join(f"{path} ({size:,} bytes)" for path, size in files_of(folder))
        observer(Notice("hub", f"would be published as {name}: {files}"))
        return
    observer(Notice("hub", f"published: {push(folder, name, private=config.private)}"))


def _wanted(format: Format, source: Source, config: ExportConfig) -> tuple[str, ...]:
    known = format.quantizations(source)
    wanted = []
    for name in config.quantizations or known[:1]:
        same = next((each for each in known if each.lower() == name.lower()), None)
        if same is None:
            hint = did_you_mean(name, known)
            raise ConfigError(f"{config.format} has no type {name!r}", f"{hint}Known: {', '.join(known)}")
        wanted.append(same)
    if len(wanted) > 1 and not config.check:
        raise ConfigError(
            "of several types, the items decide which is exported", "name one type, or leave out --no-check"
        )
    return tuple(wanted)


class _Exporter:
    def __init__(self, config: ExportConfig, format: Format, source: Source, session: Session, log: NoticeLog) -> None:
        self._config, self._format, self._source = config, format, source
        self._session, self._log = session, log

    def smallest(self, wanted: Sequence[str], found: Sequence[ScoredItems]) -> tuple[ExportReport, ...]:
        """The last type that keeps everything, before the first that does not. None that does: the first stays, for its
        report says what it lost."""
        tried: list[ExportReport] = []
        for quantization in wanted:
            report = self.export(quantization, found)
            if tried and report.keeps:
                self._remove(tried[0])
            elif tried:
                self._remove(report)
                return (*tried, report)
            tried.insert(0, report)
            if not report.keeps:
                break
        return tuple(tried)

    def export(self, quantization: str, found: Sequence[ScoredItems]) -> ExportReport:
        """Write one type and ask for it. The report is kept in the run."""
        name = f"{self._config.format}-{quantization}".lower()
        folder = Path(self._config.output).expanduser() if self._config.output else self._source.run.export_folder(name)
        if folder.exists() and any(folder.iterdir()):
            raise RunExists(f"{folder} is not empty", "name another --output; what was exported is never overwritten")
        began, seen = time.monotonic(), len(self._log.messages)
        with atomic_folder(folder) as partial:
            self._format.write(self._source, quantization, partial)
        gc.collect()
        seconds = {"write": time.monotonic() - began}
        self._log(Notice("export", f"{name}: {_size(folder) / 1e6:,.0f} MB in {folder}"))
        arrival = None
        if found:
            began = time.monotonic()
            arrival = self._asked(folder, found)
            seconds["ask"] = time.monotonic() - began
        report = self._report(quantization, folder, arrival, seconds)
        report = replace(report, notes=tuple(self._log.messages[seen:]))
        self._source.run.write_export(report)
        show_exports(self._source.run)
        return report

    def _asked(self, folder: Path, found: Sequence[ScoredItems]) -> Arrival:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".base-") as scratch:
            files = self._format.exported(self._source, folder, Path(scratch))
            gc.collect()
            job = Job(
                model=str(files.model or ""),
                adapter=str(files.adapter or ""),
                kind=self._source.kind,
                length=1,
                threads=torch.get_num_threads(),
                questions=(),
            )
            return on_arrival(self._format.tool, job, found, self._session.encoder, self._log)

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

    def _remove(self, report: ExportReport) -> None:
        """The files of a type that is not the one to export; its report stays."""
        shutil.rmtree(report.path, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
