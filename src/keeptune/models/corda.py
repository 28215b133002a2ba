"""CorDA's preparation: find which directions of a layer's inputs the rows use, before the adapter is attached.

Yang et al. 2024, arXiv:2406.05223.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow


def measure_inputs(loaded: LoadedModel, config: Any, rows: Sequence[EncodedRow]) -> None:
    """Leave on each target layer of `loaded` what `peft` begins its adapter from, and takes off again.

    Args:
        config: a `peft.LoraConfig` with `corda_config`.
        rows: what is to be kept. `peft` counts one row as one sample, so that they run one by one.
    """
    from peft.tuners.lora.corda import preprocess_corda

    def run() -> None:
        for row in rows:
            batch = make_batch([row], loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
            completion_logits(loaded.model, batch)

    preprocess_corda(loaded.model, config, run_model=run)
