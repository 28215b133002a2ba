"""What a shell completes after a flag, without the libraries of models."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from keeptune.config.setting import Setting

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
METHODS = (
    *("full", "lora", "dora", "rslora", "pissa", "corda", "vera", "randlora", "ia3", "loha", "lokr", "oft", "boft"),
    *("c3a", "fourierft", "osf", "hra", "shira", "miss", "ln", "prompt", "prefix"),
)
"""The methods of `models.adapters`, which imports torch; a test holds both together."""


def files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Files and folders, by the shell itself."""
    return [CompletionItem(incomplete, type="file")]


def folders(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Folders, by the shell itself."""
    return [CompletionItem(incomplete, type="dir")]


def models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, and the built-in model."""
    return [*files(context, parameter, incomplete), *_of(("smollm2",), incomplete)]


def completion_of(name: str, setting: Setting) -> Complete | None:
    """What completes the flag `name`; None where nothing is known."""
    if name == "model":
        return models
    if setting.metavar in ("DATA", "FOLDER"):
        return files if setting.metavar == "DATA" else folders
    known = {"method": _methods, "keep": _abilities, "abilities": _abilities, "metric": _metrics}.get(name)
    if known is None and setting.choices:
        return _among(lambda: setting.choices)
    return known and _among(known)


def _among(known: Callable[[], Iterable[str]]) -> Complete:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
        return _of(known(), incomplete)

    return complete


def _of(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _methods() -> Iterable[str]:
    return METHODS


def _abilities() -> Iterable[str]:
    from keeptune.abilities.table import by_default

    return by_default()


def _metrics() -> Iterable[str]:
    from keeptune.scoring.table import METRICS

    return tuple(METRICS)
