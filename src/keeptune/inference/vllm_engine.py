"""vLLM behind the same questions: the weights as they were loaded, in a process of vLLM's own, token ids in and out.

Of several models, the last that was asked stands ready. Source: Kwon et al. 2023, arXiv:2309.06180.
"""

from __future__ import annotations

import importlib.util
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from keeptune.commands import install
from keeptune.errors import ConfigError, MissingDependency, NonFiniteLogits
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.models.load import Kind, LoadedModel
from keeptune.models.memory import Meter
from keeptune.records import EncodedRow

SHARE = 0.5
"""Of the free memory, for keys and values: the model that torch holds stays beside it."""
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


_standing: Server | None = None


def stop_server() -> None:
    """End the server that stands, if there is one: what comes next needs its memory."""
    global _standing
    if _standing is not None:
        _standing.stop()
        _standing = None


def vllm_decode(
    loaded: LoadedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, progress: Callable[[int], None]
) -> list[list[int]]:
    """The greedy answer to each prompt: its new tokens, up to and with the end token.

    Raises:
        MissingDependency: vLLM is not installed.
        ConfigError: a model that it cannot be given.
    """
    ends = loaded.end_ids()
    settings = {"max_tokens": max_new_tokens, "stop_token_ids": list(ends)}
    found = _run(loaded, prompts, max(map(len, prompts), default=0) + max_new_tokens, settings)
    progress(len(prompts))
    answers = [list(request.outputs[0].token_ids) for request in found]
    stopped = [request.outputs[0].finish_reason == "stop" for request in found]
    # The end token itself is not always given back.
    return [
        [*ids, ends[0]] if over and (not ids or ids[-1] not in ends) else ids
        for ids, over in zip(answers, stopped, strict=True)
    ]


def vllm_loglikelihoods(
    loaded: LoadedModel, rows: Sequence[EncodedRow], token_budget: int, progress: Callable[[int], None]
) -> list[float]:
    """Σ ln p of each row's learned tokens given all before them, in nats.

    vLLM writes one token after what it reads: a row that leaves no room for it is scored by torch.

    Raises:
        MissingDependency: vLLM is not installed.
        ConfigError: a model that it cannot be given.
    """
    given = [index for index, row in enumerate(rows) if row.length < loaded.context_length]
    full = [index for index, row in enumerate(rows) if row.length >= loaded.context_length]
    longest = max((rows[index].length for index in given), default=0) + 1
    found = _run(loaded, [rows[index].ids for index in given], longest, {"max_tokens": 1, "prompt_logprobs": 0})
    sums = dict(zip(full, loglikelihoods(loaded, [rows[index] for index in full], token_budget), strict=True))
    for index, request in zip(given, found, strict=True):
        places = (place for start, stop in rows[index].spans for place in range(start, stop))
        sums[index] = sum(request.prompt_logprobs[place][rows[index].ids[place]].logprob for place in places)
        if not math.isfinite(sums[index]):
            raise NonFiniteLogits(loaded.found.name, (), [rows[index].item_id])
    progress(len(rows))
    return [sums[index] for index in range(len(rows))]


def _run(loaded: LoadedModel, prompts: Sequence[Sequence[int]], longest: int, settings: dict[str, Any]) -> list[Any]:
    if not prompts:
        return []
    llm = _server(loaded, longest).llm
    from vllm import SamplingParams

    asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
    return list(llm.generate(asked, SamplingParams(temperature=0.0, detokenize=False, **settings), use_tqdm=False))


def _server(loaded: LoadedModel, longest: int) -> Server:
    global _standing
    key = (loaded.hash, loaded.placement.dtype_name)
    if _standing is None or _standing.key != key or _standing.room < longest:
        stop_server()
        # What torch keeps for itself is not free for another process.
        Meter(loaded.placement.device).release()
        _standing = _start(loaded, key, longest)
    return _standing


def _start(loaded: LoadedModel, key: tuple[str, str], longest: int) -> Server:
    refuse_vllm(loaded.kind, loaded.found.name, mergeable=not hasattr(loaded.model, "peft_config"))
    from vllm import LLM

    room = max(longest, min(ROOM, loaded.context_length))
    if broken := next((name for name, w in loaded.model.named_parameters() if not bool(w.isfinite().all())), ""):
        raise NonFiniteLogits(loaded.found.name, (), [broken])
    with tempfile.TemporaryDirectory() as folder:
        loaded.model.save_pretrained(folder)
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


def refuse_vllm(kind: Kind, name: str, *, mergeable: bool) -> None:
    """Raise where vLLM cannot ask a model of this kind, or is not installed.

    Raises:
        MissingDependency: vLLM is not installed.
        ConfigError: a model that it cannot be given.
    """
    if kind != "causal" or not mergeable:
        what = "an adapter that cannot be merged" if kind == "causal" else "an encoder-decoder"
        raise ConfigError(f"the engine vllm is not given {what} ({name})", "use --engine torch")
    if importlib.util.find_spec("vllm") is None:
        raise MissingDependency("the engine vllm needs the package vllm", install("vllm"))


def _memory(device: torch.device) -> dict[str, Any]:
    free = Meter(device).free()
    if device.type == "cuda":
        return {"gpu_memory_utilization": SHARE * (free or 0) / torch.cuda.mem_get_info(device)[1]}
    return {} if free is None else {"kv_cache_memory_bytes": int(SHARE * free)}
