"""The flags that verbs share, made from the settings. `config.load` checks their values like those of YAML."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import click

from keeptune.cli.completion import completion_of, files
from keeptune.config.aliases import FOREIGN, ROWS, TIMES, same
from keeptune.config.settings import ALIASES, FLAGS, GROUPS, SETTINGS

Function = TypeVar("Function", bound=Callable[..., Any])

MODEL = ("model", "revision", "device", "dtype", "quantization", "allow-pickle", "allow-remote-code")
READING = ("encoding", "delimiter", "skip-bad")
DATA = ("prompt", "completion", "system", "group", "choices", *READING, "max-length")
MEASURE = ("keep", "abilities", "items", "dev-fraction", "fail-on", "looks", "sequential", "probe")
MITIGATION_SEARCH = ("can-route", "candidates", "max-candidates", "search-minutes", "min-gain")
SCORING = ("metric", "max-new-tokens", "few-shot", "engine")

TRACKERS = "Trackers to tell: tensorboard, wandb, mlflow, trackio, separated by commas.  [default: none]"
"""Help of --report-to, which is no setting: what is resumed or reproduced sends nothing anywhere."""

MANY = 25
"""Maximum flags of a verb that are shown without groups."""
_METAVARS = {int: "N", float: "X", bool: "true|false"}


class GroupedOption(click.Option):
    """A flag with its group in the help."""

    def __init__(self, *names: Any, group: str, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.group = group


class Verb(click.Command):
    """A command whose help shows many flags in groups, the verb's own first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The flags, group by group."""
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in ("options", *GROUPS)}
        for each in self.get_params(ctx):
            if record := each.get_help_record(ctx):
                own = "running" if "--help" in each.opts else "options"
                groups[each.group if isinstance(each, GroupedOption) else own].append(record)
        if sum(map(len, groups.values())) <= MANY:
            super().format_options(ctx, formatter)
            return
        for name, records in groups.items():
            if records:
                with formatter.section("Start here" if name == "start" else name.capitalize()):
                    formatter.write_dl(records)


def setting_flags(
    *names: str, with_file: bool = True, says: Mapping[str, str] | None = None, own: Collection[str] = ()
) -> Callable[[Function], Function]:
    """Add the flags of these settings, in the order of `FLAGS`.

    Args:
        with_file: also take --config, and the hidden names that TRL and transformers have for these settings.
        says: flag → its help in this verb, if different from the setting's.
        own: names of other tools that are flags of this verb itself.
    """

    def add(function: Function) -> Function:
        if with_file:
            for alias in (*ALIASES, *FOREIGN):
                if alias.replace("_", "-") not in FLAGS and alias not in own and _flag_of(alias) in names:
                    function = _hidden(alias)(function)
        for name in reversed([name for name in FLAGS if name in names]):
            function = _shown(name, says or {})(function)
        if with_file:
            help = "YAML file of settings; flags override it."
            return _running("--config", metavar="FILE.yaml", help=help, shell_complete=files)(function)
        return function

    return add


def output_flags(function: Function) -> Function:
    """Add --quiet and --json."""
    function = _running("--json", "as_json", is_flag=True, help="Print only the result, as JSON.")(function)
    return _running("--quiet", "-q", is_flag=True, help="Show no progress.")(function)


def _running(*names: str, **attributes: Any) -> Callable[[Function], Function]:
    return click.option(*names, cls=GroupedOption, group="running", **attributes)


def _flag_of(alias: str) -> str:
    """The flag that another name stands for; for names without a setting, a flag of every verb that trains."""
    key = ALIASES[alias][0] if alias in ALIASES else ""
    key = "training.batch_size" if key in (ROWS, TIMES) else key
    return next((name for name, setting in FLAGS.items() if setting.key == key), "lr")


def _shown(name: str, says: Mapping[str, str]) -> Callable[[Function], Function]:
    setting = FLAGS[name]
    default = f"  [default: {setting.default_text}]" if setting.default_text else ""
    help = says.get(name, setting.help + default)
    names = (f"--{name}", "-o") if name == "output" else (f"--{name}",)
    if setting.kind is bool and not setting.optional:
        return click.option(*names, cls=GroupedOption, group=setting.group, is_flag=True, help=help)
    metavar = setting.metavar or "|".join(setting.choices) or _METAVARS[setting.kind]
    how = {"metavar": metavar, "multiple": setting.kind is tuple, "shell_complete": completion_of(name, setting)}
    return click.option(*names, cls=GroupedOption, group=setting.group, help=help, **how)


def _hidden(alias: str) -> Callable[[Function], Function]:
    """The flag of another tool's name. A boolean one may come without a value and then means true."""
    name = f"--{alias.replace('_', '-')}"
    key, convert = ALIASES.get(alias, ("", same))
    if key and (convert is not same or (key in SETTINGS and SETTINGS[key].kind is bool)):
        return click.option(name, alias, hidden=True, is_flag=False, flag_value="true", default=None)
    return click.option(name, alias, hidden=True)
