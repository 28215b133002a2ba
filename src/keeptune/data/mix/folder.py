"""The folder of `keeptune mix`: its rows, and the recipe that reproduces them."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from keeptune.config.schema import DataConfig
from keeptune.config.yaml_dialect import Dumper
from keeptune.data.build import with_system
from keeptune.data.mix.build import MIX, build_mix
from keeptune.data.mix.mixed_row import to_example
from keeptune.data.mix.recipe import MADE, RECIPE, THRESHOLD, MixRecipe, MixSource, read_recipe, recipe_file
from keeptune.data.mix.report import MixedSource, MixReport
from keeptune.data.token_lengths import CountTokens
from keeptune.errors import DataError, Problem, StoreError
from keeptune.events import Observer, silent
from keeptune.near_paths import expanded
from keeptune.records import Example
from keeptune.workspace.atomic import atomic_folder, write_text
from keeptune.workspace.hashing import hash_file


def make_mix(recipe: MixRecipe, output: str, observer: Observer, count_tokens: CountTokens | None) -> MixReport:
    """Mix the sources of `recipe` into the folder `output`, with its recipe; "" only looks at the mix.

    Raises:
        ConfigError: proportions that cannot be met. DataError: a source that cannot be read, or is not what it was
            when the recipe was made. StoreError: `output` is there already.
    """
    if not output:
        return build_mix(recipe, None, observer, count_tokens)
    folder = expanded(output)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise StoreError(f"{folder} already exists", "name an empty or new folder with --output")
    if folder.resolve() == Path.cwd():
        raise StoreError("the working folder cannot hold the mix", "name another folder with --output")
    with atomic_folder(folder, fresh=True) as partial:
        report = replace(build_mix(recipe, partial, observer, count_tokens), folder=str(folder))
        write_recipe(partial / RECIPE, recipe, report, home=folder)
    return report


def write_recipe(file: Path, recipe: MixRecipe, report: MixReport, home: Path) -> None:
    """The complete recipe: hashes of all inputs, seed, counts, and the hash of the result.

    `home` is the folder that the file will lie in: paths are written as seen from there.
    """
    hashes = iter([*(source.sha256 for source in report.sources), *(test.sha256 for test in report.tests)])
    sides = {
        key: [_side(replace(side, sha256=next(hashes)), home) for side in listed]
        for key, listed in (("sources", recipe.sources), ("test", recipe.test))
    }
    settings = {"rows": recipe.rows, "temperature": recipe.temperature, "cap": recipe.cap, "seed": recipe.seed}
    made = {
        "keeptune": version("keeptune"),
        "sha256": report.sha256,
        "rows": report.rows,
        "sources": [_counts(source, report) for source in report.sources],
    }
    written = {
        **sides,
        **{name: value for name, value in settings.items() if value is not None},
        "near_duplicates": THRESHOLD if recipe.near_duplicates else "off",
        MADE: made,
    }
    write_text(file, yaml.dump(written, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110))


def _counts(source: MixedSource, report: MixReport) -> dict[str, Any]:
    names = ("name", "read", "invalid", "exact_within", "exact_across", "near", "usable", "rows")
    leaks = {test.name: count for test, count in zip(report.tests, source.leaks, strict=True)}
    return {name: getattr(source, name) for name in names} | ({"leaks": leaks} if leaks else {})


def _side(source: MixSource, home: Path) -> dict[str, Any]:
    plain = {field.name: getattr(source, field.name) for field in fields(source)}
    file, _, _ = source.data.rpartition(":")
    if any(Path(name).exists() for name in (source.data, file) if name):
        plain["data"] = _seen_from(home, source.data)
    return {name: value for name, value in plain.items() if value is not None}


def _seen_from(home: Path, data: str) -> str:
    try:
        return Path(os.path.relpath(data, home)).as_posix()
    except ValueError:
        # Another drive of Windows.
        return os.path.abspath(data)


def read_mix(path: str, config: DataConfig, role: str) -> tuple[tuple[Example, ...], str, tuple[Problem, ...]]:
    """The rows of a recipe, or of a folder that `keeptune mix` wrote, as `keeptune.data.load.read_examples`.

    The rows that lie beside the recipe are taken where they are those that it made. Otherwise the mix is made, and
    so it is where `config.test` was not among the test sets: no row of train may occur there. Prompts and groups are
    those of the mix; the templates of `config` are for the test set.

    Raises:
        ConfigError: a recipe that is wrong.
    """
    file = recipe_file(path)
    recipe = read_recipe(file)
    told = _with_test(recipe, config) if role == "train" else recipe
    mix = file.parent / MIX
    try:
        if told == recipe and recipe.made_sha256 and mix.is_file():
            examples = _rows(mix, recipe.made_sha256)
            problems: tuple[Problem, ...] = ()
        else:
            with tempfile.TemporaryDirectory(prefix="keeptune-mix-") as scratch:
                report = build_mix(told, Path(scratch), silent)
                examples, problems = _rows(Path(scratch) / MIX, report.sha256), report.problems
    except DataError as error:
        return (), "", (Problem(path, None, "mix", error.message, error.fix), *error.problems)
    with_turn = tuple(with_system(example, config.system) for example in examples)
    return with_turn, f"{len(recipe.sources)} sources mixed", problems


def _with_test(recipe: MixRecipe, config: DataConfig) -> MixRecipe:
    """The recipe that also keeps the rows of `config.test` out."""
    if config.test is None or not config.drop_duplicates:
        return recipe
    path = Path(config.test)
    sha256 = hash_file(path) if path.is_file() else ""
    if any(test.sha256 and test.sha256 == sha256 for test in recipe.test):
        return recipe
    added = MixSource(config.test, "test", prompt=config.prompt, completion=config.completion)
    others = []
    for test in recipe.test:
        if os.path.abspath(test.data) != os.path.abspath(config.test):
            others.append(test)
        elif not test.sha256 or not sha256:
            return recipe
        else:
            # The file has changed since, so its current rows are excluded.
            added = replace(test, sha256="")
    return replace(recipe, test=(*others, added), made_sha256="")


def _rows(mix: Path, sha256: str) -> tuple[Example, ...]:
    """The rows of ``mix.jsonl``.

    Raises:
        DataError: the file is not the one of that hash.
    """
    if hash_file(mix) != sha256:
        fix = "make it again with `keeptune mix`, or give the file itself as train"
        raise DataError(f"{mix} does not match its recipe: it was changed, or not copied completely", fix)
    with mix.open(encoding="utf-8", newline="\n") as handle:
        return tuple(to_example(json.loads(line), f"{mix}:{number}") for number, line in enumerate(handle, start=1))
