"""transformers, by `AutoModel…` and `generate`; an adapter by peft."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import torch

from keeptune.exports.tools.lines import lines, timed, turns


def main() -> None:
    """Answer the job that the command line names."""
    import transformers

    with lines() as (job, say):
        torch.set_num_threads(job["threads"])
        causal = job["kind"] == "causal"
        auto: Any = transformers.AutoModelForCausalLM if causal else transformers.AutoModelForSeq2SeqLM
        if job["adapter"]:
            import peft

            by_peft: Any = peft.AutoPeftModelForCausalLM if causal else peft.AutoPeftModelForSeq2SeqLM
            model, files = by_peft.from_pretrained(job["adapter"], dtype=job["dtype"]), job["adapter"]
            say({"tool": f"peft {version('peft')}, transformers {version('transformers')}"})
        else:
            model, files = auto.from_pretrained(job["model"], dtype=job["dtype"]), job["model"]
            say({"tool": f"transformers {version('transformers')}"})
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(files)
        model.eval()
        with torch.inference_mode():
            for question in job["questions"]:
                say(_reply(model, tokenizer, question, causal=causal))
            for row in job["rows"]:
                say({"value": _likelihood(model, row, causal=causal)})


def _reply(model: Any, tokenizer: Any, question: dict[str, Any], *, causal: bool) -> dict[str, Any]:
    reply: dict[str, Any] = {}
    with timed(reply):
        if question["turns"]:
            shown = tokenizer.apply_chat_template(
                turns(question), add_generation_prompt=True, return_dict=True, return_tensors="pt"
            )
        else:
            shown = tokenizer(question["text"], return_tensors="pt")
        shown.pop("token_type_ids", None)
        made = model.generate(**shown, do_sample=False, max_new_tokens=question["max_new_tokens"])[0]
        new = made[shown["input_ids"].shape[1] :] if causal else made[1:]
        reply["text"] = tokenizer.decode(new, skip_special_tokens=True)
    ended = model.generation_config.eos_token_id
    ends = ended if isinstance(ended, list) else [ended]
    reply["finish"] = "stop" if len(new) and int(new[-1]) in ends else "length"
    return reply | {"tokens": len(new), "prompt": shown["input_ids"][0].tolist()}


def _likelihood(model: Any, row: dict[str, Any], *, causal: bool) -> float:
    ids = torch.tensor([row["ids"]])
    if causal:
        logits, targets = model(input_ids=ids).logits[0, :-1], ids[0, 1:]
        spans = [(start - 1, stop - 1) for start, stop in row["spans"]]
    else:
        targets = torch.tensor(row["targets"])
        logits, spans = model(input_ids=ids, labels=targets[None]).logits[0], row["spans"]
    total = 0.0
    for start, stop in ((max(start, 0), stop) for start, stop in spans):
        found = torch.log_softmax(logits[start:stop].float(), -1).gather(1, targets[start:stop, None])
        total += float(found.double().sum())
    return total


if __name__ == "__main__":
    main()
