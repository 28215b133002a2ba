"""A tiny model with random weights and a token a byte, made in the process: to try whether a training runs at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

END = "<|end|>"


def save_random_model(folder: Path) -> None:
    """A Llama of two layers in `folder`, as transformers loads it."""
    import torch
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(BPE(vocab={token: index for index, token in enumerate([END, *letters])}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    made: Any = PreTrainedTokenizerFast
    tokenizer = made(tokenizer_object=inner, eos_token=END, pad_token=END, model_max_length=256)
    config = LlamaConfig(
        vocab_size=len(letters) + 1,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
