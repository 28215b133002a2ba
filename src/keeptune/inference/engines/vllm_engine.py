"""`vllm`: the weights as they were loaded, in a process of vLLM's own, token ids in and out.

Kwon et al. 2023, arXiv:2309.06180.
"""

from __future__ import annotations

import importlib.util
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from keeptune.commands import install
from keeptune.errors import ConfigError, MissingDependency, NonFiniteLogits
from keeptune.events import Observer
from keeptune.inference.engine import ENGINES, Progress, Request
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.models.architecture import Kind
from keeptune.models.load import LoadedModel
from keeptune.models.memory import Meter
from keeptune.records import EncodedRow

SHARE = 0.5
"""Of the free memory, for keys and values: the model that torch holds stays beside it."""
AT_ONCE = 2048
"""Prompts that vLLM is given at once: its answers come when the last of them is done."""
ROOM = 2048
"""Tokens that a row may have at least; more is made ready when it is needed, as far as the model's positions go."""


@dataclass(frozen=True, slots=True)
class Server:
    """A model that vLLM holds."""

    key: tuple[str, str]
    """The model's hash, the numbers it runs in."""
    room: int
    """Tokens a row at most."""
    llm: Any

    def stop(self) -> None:
        """End its process, which gives all memory back."""
        self.llm.llm_engine.engine_core.shutdown()


class VllmEngine:
    """Holds one server: of several models, the last that was asked."""

    in_process = False

    def __init__(self) -> None:
        self._server: Server | None = None

    def refuse(self, kind: Kind, name: str, *, mergeable: bool) -> None:
        if kind != "causal" or not mergeable:
            what = "an adapter that cannot be merged" if kind == "causal" else "an encoder-decoder"
            raise ConfigError(f"the engine vllm cannot run {what} ({name})", "use --engine torch")
        if importlib.util.find_spec("vllm") is None:
            raise MissingDependency("the engine vllm needs the package vllm", install("vllm"))

    def generate(
        self,
        loaded: LoadedModel,
        request: Request,
        progress: Progress,
        observer: Observer,  # noqa: ARG002
    ) -> Iterator[tuple[int, list[int]]]:
        for start in range(0, len(request.prompts), AT_ONCE):
            part = request.prompts[start : start + AT_ONCE]
            yield from enumerate(self._answers(loaded, part, request.max_new_tokens), start)
            progress(start + len(part))

    def loglikelihoods(
        self, loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, progress: Progress, observer: Observer
    ) -> list[float]:
        """vLLM writes one token after what it reads: a row that leaves no room for it is scored by torch."""
        given = [index for index, row in enumerate(rows) if row.length < loaded.context_length]
        full = [index for index, row in enumerate(rows) if row.length >= loaded.context_length]
        of_full = loglikelihoods(loaded, [rows[index] for index in full], token_budget, observer=observer)
        sums = dict(zip(full, of_full, strict=True))
        longest = max((rows[index].length for index in given), default=0) + 1
        settings = {"max_tokens": 1, "prompt_logprobs": 0}
        for index, read in zip(given, self._run(loaded, [rows[i].ids for i in given], longest, settings), strict=True):
            places = (place for start, stop in rows[index].spans for place in range(start, stop))
            sums[index] = sum(read.prompt_logprobs[place][rows[index].ids[place]].logprob for place in places)
            if not math.isfinite(sums[index]):
                raise NonFiniteLogits(loaded.found.name, (), [rows[index].item_id])
        progress(len(rows))
        return [sums[index] for index in range(len(rows))]

    def close(self) -> None:
        """End the server's process, which gives all memory back."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _answers(self, loaded: LoadedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> list[list[int]]:
        ends = loaded.end_ids()
        settings = {"max_tokens": max_new_tokens, "stop_token_ids": list(ends)}
        found = self._run(loaded, prompts, max(map(len, prompts), default=0) + max_new_tokens, settings)
        answers = [list(request.outputs[0].token_ids) for request in found]
        stopped = [request.outputs[0].finish_reason == "stop" for request in found]
        # vLLM does not always return the end token itself.
        return [
            [*ids, ends[0]] if over and (not ids or ids[-1] not in ends) else ids
            for ids, over in zip(answers, stopped, strict=True)
        ]

    def _run(
        self, loaded: LoadedModel, prompts: Sequence[Sequence[int]], longest: int, settings: dict[str, Any]
    ) -> list[Any]:
        if not prompts:
            return []
        llm = self._server_for(loaded, longest).llm
        from vllm import SamplingParams

        asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        return list(llm.generate(asked, SamplingParams(temperature=0.0, detokenize=False, **settings), use_tqdm=False))

    def _server_for(self, loaded: LoadedModel, longest: int) -> Server:
        key = (loaded.hash, loaded.placement.dtype_name)
        if self._server is None or self._server.key != key or self._server.room < longest:
            self.close()
            self.refuse(loaded.kind, loaded.found.name, mergeable=not hasattr(loaded.model, "peft_config"))
            # What torch keeps for itself is not free for another process.
            Meter(loaded.placement.device).release()
            self._server = _start(loaded, key, longest)
        return self._server


def _start(loaded: LoadedModel, key: tuple[str, str], longest: int) -> Server:
    from vllm import LLM

    room = max(longest, min(ROOM, loaded.context_length))
    if broken := next((name for name, w in loaded.model.named_parameters() if not bool(w.isfinite().all())), ""):
        raise NonFiniteLogits(loaded.found.name, (), [broken])
    with tempfile.TemporaryDirectory() as folder:
        loaded.save(Path(folder))
        llm = LLM(
            model=folder,
            dtype=loaded.placement.dtype_name,
            max_model_len=room,
            skip_tokenizer_init=True,
            generation_config="vllm",
            trust_remote_code=type(loaded.inner).__module__.startswith("transformers_modules"),
            **_memory(loaded.placement.device),
        )
    return Server(key, room, llm)


def _memory(device: torch.device) -> dict[str, Any]:
    free = Meter(device).free()
    if device.type == "cuda":
        return {"gpu_memory_utilization": SHARE * (free or 0) / torch.cuda.mem_get_info(device)[1]}
    return {} if free is None else {"kv_cache_memory_bytes": int(SHARE * free)}


ENGINES.add("vllm", VllmEngine())
