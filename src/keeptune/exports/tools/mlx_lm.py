"""mlx-lm, by `load` and `stream_generate`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from keeptune.exports.tools.lines import lines, timed, turns


def main() -> None:
    """Answer the job that the command line names."""
    from mlx_lm import load

    with lines() as (job, say):
        model, tokenizer = load(job["model"])[:2]
        say({"tool": f"mlx-lm {version('mlx-lm')}"})
        for question in job["questions"]:
            say(_reply(model, tokenizer, question))
        for row in job["rows"]:
            say({"value": _likelihood(model, row)})


def _reply(model: Any, tokenizer: Any, question: dict[str, Any]) -> dict[str, Any]:
    from mlx_lm import stream_generate

    reply: dict[str, Any] = {}
    with timed(reply):
        if question["turns"]:
            shown = tokenizer.apply_chat_template(turns(question), add_generation_prompt=True)
        else:
            # As `stream_generate` encodes a text.
            begun = tokenizer.bos_token is not None and question["text"].startswith(tokenizer.bos_token)
            shown = tokenizer.encode(question["text"], add_special_tokens=not begun)
        made = list(stream_generate(model, tokenizer, shown, max_tokens=question["max_new_tokens"]))
    return reply | {
        "text": "".join(each.text for each in made),
        "finish": made[-1].finish_reason,
        "tokens": made[-1].generation_tokens,
        "prompt": list(shown),
    }


def _likelihood(model: Any, row: dict[str, Any]) -> float:
    import mlx.core

    mx: Any = mlx.core
    if len(row["ids"]) < 2:
        return 0.0  # the first token has no likelihood
    ids = mx.array(row["ids"])
    logits = model(ids[None, :-1])[0].astype(mx.float32)
    found = mx.take_along_axis(logits, ids[1:, None], -1)[:, 0] - mx.logsumexp(logits, -1)
    return float(sum(found[max(start - 1, 0) : stop - 1].sum().item() for start, stop in row["spans"]))


if __name__ == "__main__":
    main()
