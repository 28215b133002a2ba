"""Every engine that computes here gives what `plain` does; engines of other packages are found by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from keeptune.abilities.evaluable import refuse_not_evaluable
from keeptune.config import Adapter, EvaluationConfig, ModelConfig
from keeptune.errors import ConfigError
from keeptune.events import Observer, silent
from keeptune.inference.engine import ENGINES, Engine, Progress, Request, engine_of
from keeptune.inference.generate import generate
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow
from tests.inference.test_shared_prefix import SHOTS, load, rows_of

PROMPTS = [[40 + i * 7 % 90 for i in range(n)] for n in (3, 17, 1, 9, 30, 9)]


def asked(engine: Engine, loaded: LoadedModel) -> list[list[int]]:
    done: list[int] = []
    found = dict(engine.generate(loaded, Request(PROMPTS, 12, 200), done.append, silent))
    assert done == sorted(done)
    assert done[-1] == len(PROMPTS)
    ends = loaded.end_ids()
    rows = [found[index] for index in range(len(PROMPTS))]
    return [row[: next((at + 1 for at, token in enumerate(row) if token in ends), len(row))] for row in rows]


@pytest.mark.parametrize("method", [None, "lora", "prompt"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_torch_is_plain(tiny: Callable[..., Path], kind: str, method: str | None) -> None:
    loaded = load(tiny(kind))
    if method:
        attach_adapter(loaded, Adapter(kind=method, rank=3), seed=0)
        loaded.model.eval()
    fast, plain = ENGINES["torch"], ENGINES["plain"]
    assert asked(fast, loaded) == asked(plain, loaded)
    rows = rows_of(loaded, SHOTS)
    expected = plain.loglikelihoods(loaded, rows, 1 << 16, lambda _: None, silent)
    assert fast.loglikelihoods(loaded, rows, 1 << 16, lambda _: None, silent) == pytest.approx(expected, abs=1e-3)


class Parrot:
    """Repeats the prompt, and finds everything equally likely."""

    in_process = False

    def refuse(self, kind: str, name: str, *, mergeable: bool) -> None:
        if not mergeable:
            raise ConfigError(f"{name} is not merged", "merge it")

    def generate(
        self, loaded: LoadedModel, request: Request, progress: Progress, observer: Observer
    ) -> Iterator[tuple[int, list[int]]]:
        for index, prompt in enumerate(request.prompts):
            yield index, list(prompt[: request.max_new_tokens])

    def loglikelihoods(
        self, loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, progress: Progress, observer: Observer
    ) -> list[float]:
        return [-1.0] * len(rows)

    def close(self) -> None:
        pass


def test_an_engine_of_another_package_is_asked_by_its_name(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    list(ENGINES)
    monkeypatch.setattr(ENGINES, "_entries", dict(ENGINES._entries))
    monkeypatch.setattr(ENGINES, "_origins", dict(ENGINES._origins))
    ENGINES.add("parrot", Parrot())
    loaded = replace(load(tiny("llama")), engine="parrot")
    answers = generate(loaded, PROMPTS[:1], 2, 100)
    assert answers[0].text == loaded.tokenizer.decode(PROMPTS[0][:2]).strip()
    model = ModelConfig(name=str(tiny("llama")), engine="parrot")
    refuse_not_evaluable(model, EvaluationConfig())
    with pytest.raises(ConfigError, match="not merged"):
        refuse_not_evaluable(model, EvaluationConfig(), mergeable=False)


def test_an_unknown_engine_is_refused_before_anything_loads(tiny: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="no engine 'tourch'") as raised:
        refuse_not_evaluable(ModelConfig(name=str(tiny("llama")), engine="tourch"), EvaluationConfig())
    assert "torch" in raised.value.fix
    with pytest.raises(ConfigError, match="no engine"):
        engine_of(SimpleNamespace(engine="tourch"))  # type: ignore[arg-type]
