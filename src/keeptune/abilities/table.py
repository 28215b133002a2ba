"""The table of built-in abilities: one import and one row a suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from keeptune.abilities.arithmetic import ARITHMETIC
from keeptune.abilities.code_reading import CODE_READING
from keeptune.abilities.entity_recognition import ENTITY_RECOGNITION
from keeptune.abilities.entity_typing import ENTITY_TYPING
from keeptune.abilities.facts import FACTS
from keeptune.abilities.grammar import GRAMMAR
from keeptune.abilities.inference import INFERENCE
from keeptune.abilities.instructions import INSTRUCTIONS
from keeptune.abilities.json_output import JSON_OUTPUT
from keeptune.abilities.language import LANGUAGE
from keeptune.abilities.passage_qa import PASSAGE_QA
from keeptune.abilities.sentiment import SENTIMENT
from keeptune.abilities.suite import Suite
from keeptune.abilities.topic import TOPIC
from keeptune.abilities.word_meaning import WORD_MEANING
from keeptune.errors import ConfigError
from keeptune.near_names import did_you_mean
from keeptune.records import Ability

_ROWS: tuple[Suite, ...] = (
    SENTIMENT,
    TOPIC,
    ENTITY_TYPING,
    ENTITY_RECOGNITION,
    PASSAGE_QA,
    INFERENCE,
    FACTS,
    WORD_MEANING,
    GRAMMAR,
    ARITHMETIC,
    CODE_READING,
    INSTRUCTIONS,
    JSON_OUTPUT,
    LANGUAGE,
)

SUITES: Mapping[str, Suite] = MappingProxyType({suite.name: suite for suite in _ROWS})
"""Name → suite, in the order of reports."""


def built_in(names: Sequence[str] | None = None, items: int | None = None) -> list[Ability]:
    """The named abilities, or all of them, with at most `items` verdict items each.

    Raises:
        ConfigError: no such ability.
    """
    return [get_suite(name).ability(items) for name in (SUITES if names is None else names)]


def get_suite(name: str) -> Suite:
    """The suite of that name.

    Raises:
        ConfigError: no such ability.
    """
    if name not in SUITES:
        raise ConfigError(
            f"there is no built-in ability {name!r}", f"{did_you_mean(name, SUITES)}Known: {', '.join(SUITES)}"
        )
    return SUITES[name]
