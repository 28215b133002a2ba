"""How near the two likeliest next tokens are after given texts, by the plain model in float32, one text at a time."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Differences of the two logits."""
    order = json.load(sys.stdin)
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(order["model"], dtype="float32").eval()
    gaps = []
    with torch.inference_mode():
        for ids in order["texts"]:
            first, second = model(torch.tensor([ids])).logits[0, -1].topk(2).values.tolist()
            gaps.append(first - second)
    print(json.dumps({"gaps": gaps}))


if __name__ == "__main__":
    main()
