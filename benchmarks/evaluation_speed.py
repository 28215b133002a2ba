"""What evaluation costs on this processor in keeptune and in its own plain path, side by side in one process.

    python benchmarks/evaluation_speed.py [--items 64] [--pairs 3] [--new-tokens 48] [--dtype bfloat16]
        [--work "4 choices" generation] [--keep]

Work, on the built-in model and prompts made here, so that nothing is downloaded: choices by likelihood (2, 4 and 15
choices; 4 after a few-shot block that all items share) and greedy generation. Plain is one row a choice, and
transformers' `generate` in the same batches. Each pair runs both, in turn; the table gives medians. The largest
difference in log-likelihood, and the share of answers with the same tokens, stand beside the speed.

Ratios are by the clock and by processor time. A process that waits for its turn makes the first meaningless: such
rows are marked, and `--keep`, which writes results/evaluation_speed.json, is refused for them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from keeptune.config import ModelConfig
from keeptune.data.batching import split_by_budget
from keeptune.data.encode import Encoder
from keeptune.events import Event
from keeptune.inference.decoding import way_to_decode
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.inference.shared_prefix import shared_loglikelihoods
from keeptune.inference.transformers_decoding import transformers_decode
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example, Message
from keeptune.workspace import provenance

RESULTS = Path(__file__).parent / "results" / "evaluation_speed.json"
TOKEN_BUDGET = 16384
WAITED = 0.1
"""Share of the clock's time that a process may wait before the clock is not believed."""
TOPICS = (
    "sports", "business", "science", "music", "travel", "weather", "health", "history",
    "politics", "cooking", "fashion", "farming", "housing", "film", "law",
)  # fmt: skip
WHO = ("The council", "A small firm from the north", "Her brother", "The national team", "An old teacher", "The bank")
DID = ("announced a plan for", "lost all its money on", "wrote a long letter about", "was praised for its work on")
WHAT = ("the new bridge across the river", "a school garden", "three trains that never came", "the cup of this year")
WHEN = ("on Monday morning", "after months of quarrels", "two days before the vote", "as the rain began", "in spring")


def story(number: int) -> str:
    """A text of about 80 tokens; no two numbers below 7,000 give the same."""
    sentences = []
    for turn in range(4):
        at = number * 4 + turn * 7919
        picks = []
        for words in (WHO, DID, WHAT, WHEN):
            at, word = divmod(at, len(words))
            picks.append(words[word])
        sentences.append(" ".join(picks) + f", {number} people said.")
    return " ".join(sentences)


def question(number: int, topics: tuple[str, ...], shots: int = 0) -> str:
    asked = f"Which topic is the text about: {', '.join(topics)}?\n\n"
    before = "".join(f"Text: {story(5000 + at)}\nTopic: {topics[at % len(topics)]}\n\n" for at in range(shots))
    return f"{asked}{before}Text: {story(number)}\nTopic:"


def choice_rows(encoder: Encoder, items: int, choices: int, shots: int) -> list[EncodedRow]:
    topics = TOPICS[:choices]
    examples = [Example(str(at), (Message("user", question(at, topics, shots)),), "") for at in range(items)]
    return [encoder.scored_row(example, topic) for example in examples for topic in topics]


def unexpected(event: Event, /) -> None:
    raise SystemExit(f"the fast way was not taken: {event}")


def timed(work: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What `work` gives, and its seconds by the clock and of processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    return work(), (time.perf_counter() - clock, time.process_time() - processor)


def in_turn(pairs: int, plain: Callable[[], Any], ours: Callable[[], Any]) -> tuple[Any, Any, list[dict[str, Any]]]:
    """What both give, and the seconds of each pair."""
    seconds = []
    for _ in range(pairs):
        expected, slow = timed(plain)
        found, fast = timed(ours)
        seconds.append({"plain": slow, "keeptune": fast})
    return expected, found, seconds


def measure_choices(loaded: LoadedModel, encoder: Encoder, items: int, pairs: int, choices: int, shots: int) -> Any:
    rows = choice_rows(encoder, items, choices, shots)
    expected, found, seconds = in_turn(
        pairs,
        lambda: loglikelihoods(loaded, rows, TOKEN_BUDGET),
        lambda: shared_loglikelihoods(loaded, rows, TOKEN_BUDGET, unexpected),
    )
    apart = max(abs(one - other) for one, other in zip(expected, found, strict=True))
    # Tokens of prompts and choices, each once: what there is to read.
    tokens = sum(row.learned for row in rows) + sum(row.spans[0][0] for row in rows[::choices])
    return summary(seconds, items, tokens) | {"agreement": f"{apart:.1e} nats apart at most"}


def measure_generation(loaded: LoadedModel, encoder: Encoder, items: int, pairs: int, new_tokens: int) -> Any:
    asked = [f"List the people and things in this text.\n\n{story(at)}" for at in range(items)]
    prompts = [encoder.prompt(Example(str(at), (Message("user", text),), ""))[0] for at, text in enumerate(asked)]
    lengths = [len(prompt) + new_tokens for prompt in prompts]
    ends = set(loaded.end_ids())

    def answer(decode: Callable[..., list[list[int]]]) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in prompts]
        for part in split_by_budget(range(len(prompts)), lengths, TOKEN_BUDGET):
            for index, row in zip(part, decode([prompts[i] for i in part], new_tokens), strict=True):
                stop = next((at + 1 for at, token in enumerate(row) if token in ends), len(row))
                found[index] = row[:stop]
        return found

    expected, found, seconds = in_turn(
        pairs,
        lambda: answer(partial(transformers_decode, loaded)),
        lambda: answer(way_to_decode(loaded, prompts, max(lengths))),
    )
    same = sum(one == other for one, other in zip(expected, found, strict=True))
    tokens = sum(map(len, found))
    return summary(seconds, items, tokens) | {"agreement": f"{same} of {items} answers with the same tokens"}


def summary(seconds: list[dict[str, Any]], items: int, tokens: int) -> dict[str, Any]:
    ratios = {
        by: [pair["plain"][at] / pair["keeptune"][at] for pair in seconds]
        for at, by in enumerate(("clock", "processor"))
    }
    # A process that has the processor to itself takes no less of its time than the clock says.
    waited = [1 - processor / clock for pair in seconds for clock, processor in pair.values()]
    return {
        "items": items,
        "tokens": tokens,
        "seconds": seconds,
        "ratios": ratios,
        "busy": max(waited) > WAITED,
    }


def table(record: dict[str, Any]) -> str:
    """Markdown, medians over the pairs."""
    lines = [
        "| work | plain items/s | keeptune items/s | plain tokens/s | keeptune tokens/s | ratio by the clock (range) | "
        "by processor time (range) | agreement |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in record["work"].items():
        slow, fast = (statistics.median(pair[who][0] for pair in row["seconds"]) for who in ("plain", "keeptune"))
        rates = [f"{row[what] / s:.{digits}f}" for what, digits in (("items", 2), ("tokens", 0)) for s in (slow, fast)]
        ratios = [f"{statistics.median(r):.2f} ({min(r):.2f} to {max(r):.2f})" for r in row["ratios"].values()]
        mark = " (machine busy: not by the clock)" if row["busy"] else ""
        lines.append(f"| {name}{mark} | {' | '.join([*rates, *ratios])} | {row['agreement']} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, keep the record where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--work", nargs="*", help="some rows of the table, by name; all without it")
    parser.add_argument("--keep", action="store_true", help="write the record to results/")
    options = parser.parse_args()
    loaded = load_for_inference(ModelConfig(dtype=options.dtype, device="cpu"))
    encoder = Encoder(loaded.tokenizer, loaded.kind, 2048)
    items, pairs = options.items, options.pairs
    work: dict[str, Callable[[], Any]] = {
        "2 choices": partial(measure_choices, loaded, encoder, items, pairs, 2, 0),
        "4 choices": partial(measure_choices, loaded, encoder, items, pairs, 4, 0),
        "15 choices": partial(measure_choices, loaded, encoder, items, pairs, 15, 0),
        "4 choices, 4 shots": partial(measure_choices, loaded, encoder, items, pairs, 4, 4),
        "generation": partial(measure_generation, loaded, encoder, items, pairs, options.new_tokens),
    }
    loglikelihoods(loaded, choice_rows(encoder, 1, 2, 0), TOKEN_BUDGET)
    record: dict[str, Any] = {
        "commit": provenance.source_commit(),
        "created": provenance.now(),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "model": loaded.found.name,
        "dtype": options.dtype,
        "threads": torch.get_num_threads(),
        "new_tokens": options.new_tokens,
        "work": {},
    }
    for name in options.work or work:
        ask = work[name]
        record["work"][name] = ask()
        print(f"{name}: done", flush=True)
    print(table(record))
    if options.keep and any(row["busy"] for row in record["work"].values()):
        raise SystemExit("not kept: other work held the processor")
    if options.keep:
        RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
