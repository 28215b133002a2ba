"""`keeptune.mix`: many sources to one train set, looked at before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.data.mix.folder import make_mix
from keeptune.data.mix.recipe import MixRecipe, read_recipe, recipe_file, recipe_of_flags
from keeptune.data.mix.report import MixReport
from keeptune.events import Observer, shown
from keeptune.inference.encoding import make_encoder, token_counter
from keeptune.report.progress import shows_progress
from keeptune.workspace.lineage import of_run


@shows_progress
def mix(
    recipe: MixRecipe | str | Path, output: str = "", model: ModelConfig | None = None, observer: Observer = shown
) -> MixReport:
    """Mix the sources of `recipe`, or of the YAML file of that path.

    Args:
        output: folder for ``mix.jsonl`` and ``recipe.yaml``; "" only looks at the mix.
        model: count tokens by this model's tokenizer.

    Raises:
        ConfigError: a recipe that is wrong, or proportions that cannot be met.
        DataError: a source that cannot be read, or is not what it was when the recipe was made.
        StoreError: `output` is there already.
    """
    told = recipe if isinstance(recipe, MixRecipe) else read_recipe(recipe_file(str(recipe)))
    count_tokens = None if model is None else token_counter(make_encoder(of_run(model), DataConfig()))
    return make_mix(told, output, observer, count_tokens)


def recipe_of(file: str | None, flags: Mapping[str, Any]) -> MixRecipe:
    """The recipe of a command line: the file's, flags over it.

    Raises:
        ConfigError: as `mix`.
    """
    return read_recipe(recipe_file(file), flags) if file else recipe_of_flags(flags)
