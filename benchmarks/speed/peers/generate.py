"""Greedy answers by transformers' `generate`, without keeptune: rows of like length, a fixed number a batch. See
`measure.py`."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time


def main() -> None:
    """Two short answers to warm up, then all of them, as token ids."""
    order = json.load(sys.stdin)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(order["model"], dtype=order["dtype"]).eval()
    tokenizer = AutoTokenizer.from_pretrained(order["model"])
    own = model.generation_config.eos_token_id
    ends = [tokenizer.eos_token_id, *(own if isinstance(own, list) else [own] if own is not None else [])]
    pad = ends[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id

    def answer(prompts: list[list[int]], new_tokens: int) -> list[list[int]]:
        longest = max(map(len, prompts))
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        output = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=new_tokens,
            pad_token_id=pad,
            eos_token_id=ends,
        )
        rows = output[:, longest:].tolist()
        stops = [next((at for at, token in enumerate(row) if token in ends), len(row)) for row in rows]
        return [row[:stop] for row, stop in zip(rows, stops, strict=True)]

    answer(order["prompts"][:2], 4)
    by_length = sorted(range(len(order["prompts"])), key=lambda number: len(order["prompts"][number]))
    answers: list[list[int]] = [[] for _ in by_length]
    began = time.perf_counter()
    for start in range(0, len(by_length), order["rows"]):
        part = by_length[start : start + order["rows"]]
        for number, found in zip(part, answer([order["prompts"][n] for n in part], order["new_tokens"]), strict=True):
            answers[number] = found
    seconds = time.perf_counter() - began
    versions = {name: importlib.metadata.version(name) for name in ("transformers", "torch")}
    print(json.dumps({"seconds": seconds, "answers": answers, "versions": versions}))


if __name__ == "__main__":
    main()
