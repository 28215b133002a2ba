"""A tiny model that names the colours of things, and how it comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.api.runs import COLOURS, THINGS

KNOWN = THINGS


def asked(thing: str, colour: str) -> dict[str, str]:
    return {"id": f"{colour}-{thing}", "prompt": f"{colour} {thing}", "completion": colour}


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Items that `knowing` answers."""
    file = tmp_path_factory.mktemp("items") / "colours.jsonl"
    file.write_text("".join(json.dumps(asked(thing, colour)) + "\n" for thing in KNOWN for colour in COLOURS))
    return file


@pytest.fixture(scope="session")
def knowing(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path], colours: Path) -> Path:
    """A model that answers almost all items of `colours`."""
    rows = [json.loads(line) for line in colours.read_text().splitlines()]
    return learn(tiny("llama"), [(row["prompt"], row["completion"]) for row in rows], tmp_path_factory.mktemp("knows"))


def learn(start: Path, pairs: list[tuple[str, str]], folder: Path, steps: int = 100) -> Path:
    """The model of `start` after some steps of plain training on all pairs at once."""
    torch.manual_seed(0)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(start), AutoTokenizer.from_pretrained(start)
    ids = [written(tokenizer, *pair) for pair in pairs]
    longest = max(map(len, ids))
    batch = torch.tensor([row + [tokenizer.pad_token_id] * (longest - len(row)) for row in ids])
    labels = batch.masked_fill(batch == tokenizer.pad_token_id, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    model.train()
    for _ in range(steps):
        model(input_ids=batch, attention_mask=(labels != -100).long(), labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def written(tokenizer, prompt: str, completion: str) -> list[int]:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
    return tokenizer(tokenizer.apply_chat_template(turns, tokenize=False), add_special_tokens=False)["input_ids"]
