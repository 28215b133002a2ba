"""Both engines, each in a process that `tests.fuzz.campaign` starts for one target.

What it found is in its folder: `state.json`, and each distinct finding with its input. An input that takes too long or
too much memory ends the process; the campaign counts it and starts another.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import importlib
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fuzz.target import Target

LOG = "log.txt"
INPUT_SECONDS = 30
"""Of one input."""
MEMORY_MIB = 2_000
LONGEST_INPUT = 16_384
_SAVED_EVERY = 2.0
_OWN = ("/src/keeptune/", "/tests/fuzz/")
_INSTRUMENTED = ("keeptune", "yaml", "jinja2", "openpyxl", "csv", "json")


@dataclass
class State:
    """How far a process has come."""

    cpu_seconds: float = 0.0
    executions: int = 0
    findings: dict[str, str] = field(default_factory=dict)
    """Where → what, by its first input."""


class Recorder:
    """Runs a check, and keeps what it raises instead of passing it on, so that the search goes on."""

    def __init__(self, check: Callable[[Any], None], folder: Path, seconds: float) -> None:
        self._check, self._folder, self._seconds = check, folder, seconds
        self._began, self._saved = time.process_time(), 0.0
        self.state = State()

    def __call__(self, value: Any) -> None:
        self.state.executions += 1
        try:
            self._check(value)
        except Exception as error:
            if type(error).__module__.startswith("hypothesis"):
                raise
            self._keep(error, value)
        used = time.process_time() - self._began
        if used - self._saved > _SAVED_EVERY or used > self._seconds:
            self._saved = used
            self.save()
            if used > self._seconds:
                # As libFuzzer ends: no handler of this process may hold it up.
                os._exit(0)

    def save(self) -> None:
        self.state.cpu_seconds = round(time.process_time() - self._began, 1)
        file = self._folder / "state.json"
        file.with_suffix(".new").write_text(json.dumps(asdict(self.state)), encoding="utf-8")
        file.with_suffix(".new").replace(file)

    def _keep(self, error: Exception, value: Any) -> None:
        where = place_of(error)
        if where in self.state.findings:
            return
        self.state.findings[where] = f"{type(error).__name__}: {error}"[:300].encode("utf-8", "replace").decode()
        name = hashlib.sha256(where.encode()).hexdigest()[:12]
        data = value if isinstance(value, bytes) else repr(value).encode("utf-8", "backslashreplace")
        (self._folder / f"finding-{name}.input").write_bytes(data)
        told = "".join(traceback.format_exception(error))[-20_000:]
        (self._folder / f"finding-{name}.txt").write_text(told, encoding="utf-8", errors="backslashreplace")


def place_of(error: BaseException) -> str:
    """The kind of an error, and the innermost line of keeptune, or of the check, that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if any(part in Path(frame.filename).as_posix() for part in _OWN)]
    inner = own[-1] if own else frames[-1]
    return f"{type(error).__name__} at {Path(inner.filename).name}:{inner.lineno}"


def with_atheris(name: str, folder: Path, seconds: float, seed: int, module: str) -> None:
    """In a process of its own: `module`, which has the target, and what it imports are instrumented as they are
    imported, some of it only when a first input is read."""
    import atheris

    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    with atheris.instrument_imports(include=list(_INSTRUMENTED)):
        importlib.import_module(module)
        target: Target = importlib.import_module("tests.fuzz.target").TARGETS[name]
        for each in target.seeds():
            target.check(each)
            (corpus / hashlib.sha256(each).hexdigest()[:16]).write_bytes(each)
    words = folder / "words.dict"
    words.write_text("".join(f'"{_escaped(word.encode())}"\n' for word in target.words), encoding="ascii")
    recorder = Recorder(target.check, folder, seconds)
    options = [
        f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}", f"-max_len={LONGEST_INPUT}", f"-seed={seed}",
        f"-artifact_prefix={folder}/", "-print_final_stats=1", *([f"-dict={words}"] if target.words else []),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], recorder)
    recorder.save()
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in word)


def with_hypothesis(target: Target, folder: Path, seconds: float, seed: int) -> None:
    """In a fork of the campaign."""
    import hypothesis

    assert target.values is not None
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (MEMORY_MIB << 20), resource.RLIM_INFINITY))
    recorder = Recorder(target.check, folder, seconds)
    recorder.save()

    def check(value: Any) -> None:
        faulthandler.dump_traceback_later(INPUT_SECONDS, exit=True)
        recorder(value)

    every = list(hypothesis.HealthCheck)
    settings = hypothesis.settings(max_examples=500, deadline=None, database=None, suppress_health_check=every)
    for number in range(sys.maxsize):
        drawn = hypothesis.given(target.values)(check)
        hypothesis.seed(seed + number)(settings(drawn))()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("module")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    with_atheris(options.name, options.folder, options.seconds, options.seed, options.module)


if __name__ == "__main__":
    main()
