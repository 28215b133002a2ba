"""llama.cpp, by llama-cpp-python: `create_chat_completion` with the chat template in the GGUF file."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from keeptune.exports.tools.lines import lines, timed, turns


def main() -> None:
    """Answer the job that the command line names."""
    with lines() as (job, say):
        model = _load(job, whole=False)
        say({"tool": f"llama-cpp-python {version('llama-cpp-python')}"})
        shown: list[list[int]] = []
        complete = model.create_completion

        def completing(prompt: Any, **settings: Any) -> Any:
            shown.append(list(prompt))
            return complete(prompt, **settings)

        model.create_completion = completing
        for question in job["questions"]:
            say(_reply(model, question) | {"prompt": shown.pop()})
        del model
        if job["rows"]:
            model = _load(job, whole=True)
        for row in job["rows"]:
            say({"value": _likelihood(model, row)})


def _load(job: dict[str, Any], *, whole: bool) -> Any:
    """The model; `whole`: with the logits of every token, which makes writing answers slow."""
    from llama_cpp import Llama

    return Llama(
        job["model"],
        lora_path=job["adapter"] or None,
        n_ctx=job["length"] + 8,
        n_threads=job["threads"],
        n_threads_batch=job["threads"],
        logits_all=whole,
        verbose=False,
    )


def _reply(model: Any, question: dict[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = {}
    asked = {"max_tokens": question["max_new_tokens"], "temperature": 0.0}
    with timed(reply):
        if question["turns"]:
            made = model.create_chat_completion(messages=turns(question), **asked)
        else:
            made = model.create_completion(model.tokenize(question["text"].encode(), special=True), **asked)
    choice = made["choices"][0]
    text = choice["message"]["content"] if question["turns"] else choice["text"]
    reply |= {"text": text or "", "finish": choice["finish_reason"]}
    return reply | {"tokens": made["usage"]["completion_tokens"]}


def _likelihood(model: Any, row: dict[str, Any]) -> float:
    ids = row["ids"]
    model.reset()
    model.eval(ids)
    total = 0.0
    for start, stop in row["spans"]:
        for place in range(max(start - 1, 0), stop - 1):
            logits = model.scores[place].astype(np.float64)
            total += logits[ids[place + 1]] - logits.max() - np.log(np.exp(logits - logits.max()).sum())
    return float(total)


if __name__ == "__main__":
    main()
