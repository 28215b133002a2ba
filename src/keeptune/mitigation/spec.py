"""A MitigationSpec: the mitigations of one training, as in candidates and methods.

Written, parts are joined by ``+``, each with a value where it takes one: ``lora``, ``replay=0.05``,
``full+replay=0.05+kl=0.1``, ``full+interpolation=0.5``. ``plain`` is no mitigation at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from keeptune.config.given import Given
from keeptune.config.schema import TuneConfig
from keeptune.config.setting import Range, Setting
from keeptune.config.settings import SETTINGS
from keeptune.config.values import checked
from keeptune.errors import ConfigError
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.near_names import did_you_mean

INTERPOLATION = "interpolation"
AUTO = "auto"
"""Its value if α is chosen after the training."""


@dataclass(frozen=True, slots=True)
class Part:
    """One mitigation, and its value."""

    name: str
    value: float | str | None = None
    """None: the mitigation's default, or it takes no value."""

    @property
    def mitigation(self) -> Mitigation:
        """The mitigation of that name."""
        return MITIGATIONS[self.name]

    @property
    def effective(self) -> float | str | None:
        """The value, or the default."""
        return self.mitigation.default if self.value is None else self.value

    def __str__(self) -> str:
        """``replay=0.05``, or the name alone without a value."""
        if self.value is None:
            return self.name
        # The shortest text of the same number, without a plus sign, which joins parts.
        text = self.value if isinstance(self.value, str) else repr(self.value).removesuffix(".0").replace("+", "")
        return f"{self.name}={text}"


@dataclass(frozen=True, slots=True)
class MitigationSpec:
    """The mitigations of one training; the plain training without any."""

    parts: tuple[Part, ...] = ()
    """Each name once."""

    @property
    def training(self) -> MitigationSpec:
        """The part that is trained: without mitigations that need no training."""
        trained = (part for part in self.parts if not part.mitigation.after_training and not part.mitigation.routes)
        return MitigationSpec(tuple(trained))

    @property
    def alpha(self) -> float:
        """The share of the trained change that it keeps; NaN if it is chosen later."""
        values = (part.effective for part in self.parts if part.name == INTERPOLATION)
        return next((math.nan if value == AUTO else float(value or 0.0) for value in values), 1.0)

    @property
    def routed(self) -> bool:
        """The base answers all requests except the task's."""
        return any(part.mitigation.routes for part in self.parts)

    @property
    def needs_old_data(self) -> bool:
        """Whether rows of old tasks are mixed in."""
        return any(part.mitigation.needs == "old data" for part in self.parts)

    @property
    def cost(self) -> str:
        """In words."""
        return ", ".join(part.mitigation.cost for part in self.parts) or "the training itself"

    def interpolated(self, alpha: float) -> MitigationSpec:
        """The same with another α."""
        others = (part for part in self.parts if part.name != INTERPOLATION)
        return MitigationSpec((*others, Part(INTERPOLATION, alpha)))

    def apply(self, config: TuneConfig) -> TuneConfig:
        """`config` with these mitigations. Old data is only mixed in if a part needs it.

        Raises:
            ConfigError: old data is needed but not given.
        """
        for part in self.parts:
            if part.mitigation.needs == "old data" and not config.mitigation.replay:
                raise ConfigError(f"{part.name} needs rows of old tasks", "name them with --replay")
            config = _with_part(part, config)
        if self.needs_old_data:
            return config
        return replace(config, mitigation=replace(config.mitigation, replay=()))

    def __str__(self) -> str:
        """Text that `parse` reads as this spec."""
        return "+".join(map(str, self.parts)) or PLAIN_NAME


PLAIN_NAME = "plain"
PLAIN = MitigationSpec()
ROUTE = MitigationSpec((Part("route"),))


def parse(text: str) -> MitigationSpec:
    """Parse the mitigations in `text`.

    Raises:
        ConfigError: an unknown or duplicate name, or an invalid value.
    """
    if text.strip() == PLAIN_NAME:
        return PLAIN
    # A plus before a digit belongs to a number: 1e+16.
    parts = tuple(_read(part.strip(), text) for part in re.split(r"\+(?!\d)", text))
    names = [part.name for part in parts]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"{text!r} names {twice} twice", "name each mitigation once")
    if "route" in names and len(names) > 1:
        raise ConfigError(f"{text!r} joins route with others, and it trains nothing", "write route alone")
    return MitigationSpec(parts)


def extra_parts(config: TuneConfig) -> tuple[Part, ...]:
    """The mitigations in ``mitigation.extra``; a text may have several.

    Raises:
        ConfigError: an unknown or duplicate name.
    """
    texts = config.mitigation.extra
    parts = parse("+".join(texts)).parts if texts else ()
    if texts and not parts:
        raise ConfigError(f"--mitigation {texts[0]} names no mitigation", "leave it out, or name one")
    return parts


def _read(part: str, text: str) -> Part:
    name, _, value = (each.strip() for each in part.partition("="))
    if name not in MITIGATIONS:
        hint = did_you_mean(name, MITIGATIONS)
        raise ConfigError(f"no mitigation {name!r} in {text!r}", f"{hint}One of: {', '.join(MITIGATIONS)}")
    if not value:
        return Part(name)
    return Part(name, _checked(name, value, text))


def _checked(name: str, value: str, text: str) -> float | str:
    mitigation, said = MITIGATIONS[name], f"{name} in {text!r}"
    if mitigation.default is None:
        raise ConfigError(f"{said} takes no value", f"write {name} alone")
    key, allowed = mitigation.setting or "mitigation.extra", mitigation.allowed
    if mitigation.setting:
        setting = SETTINGS[key]
    elif isinstance(allowed, Range):
        setting = Setting(key=key, kind=float, range=allowed)
    else:
        setting = Setting(key=key, kind=Literal[allowed])
    found: float | str = checked(Given(key, value, said), setting)
    return found


def _with_part(part: Part, config: TuneConfig) -> TuneConfig:
    mitigation, value = part.mitigation, part.effective
    if mitigation.change:
        return mitigation.change(value, config)
    if mitigation.setting:
        section, _, name = mitigation.setting.partition(".")
        return replace(config, **{section: replace(getattr(config, section), **{name: value})})
    others = (str(other) for other in extra_parts(config) if other.name != part.name)
    extra = (*others, str(replace(part, value=value)))
    return replace(config, mitigation=replace(config.mitigation, extra=extra))


def refuse_overridden(spec: MitigationSpec, config: TuneConfig) -> None:
    """A name without a value means its default, which must not override a given value.

    Raises:
        ConfigError: it would.
    """
    extra = {part.name: part.effective for part in extra_parts(config)}
    for part in spec.parts:
        if part.value is not None:
            continue
        section, _, name = part.mitigation.setting.partition(".")
        given, off = extra.get(part.name), None
        if section == "mitigation":
            given, off = (getattr(each.mitigation, name) for each in (config, TuneConfig()))
        if given not in (off, part.effective):
            raise ConfigError(
                f"{part.name} stands for {part.name}={part.effective}, and {name or part.name} is given as {given}",
                f"write {part.name}={given}",
            )
