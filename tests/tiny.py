"""Tiny random models and a byte-like tokenizer, built in the process: no network, no files of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<pad>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


def byte_tokenizer(chat: bool = True) -> PreTrainedTokenizerFast:
    """One token a byte, and the special tokens of a chat."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *letters])}
    inner = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token="<|end|>",
        pad_token="<pad>",
        additional_special_tokens=SPECIAL[2:],
        model_max_length=512,
    )
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def save_llama(folder: Path, *, seed: int = 0, chat: bool = True, dropout: float = 0.0) -> Path:
    """A two-layer Llama with random weights."""
    tokenizer = byte_tokenizer(chat)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
        tie_word_embeddings=True,
        attention_dropout=dropout,
    )
    return _save(LlamaForCausalLM(config), tokenizer, folder)


def save_gpt2(folder: Path, *, seed: int = 0, dropout: float = 0.1) -> Path:
    """A two-layer GPT-2 without chat template or pad token, with dropout."""
    tokenizer = byte_tokenizer(chat=False)
    tokenizer.pad_token = None
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=512,
        bos_token_id=1,
        eos_token_id=1,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
    )
    return _save(GPT2LMHeadModel(config), tokenizer, folder)


def save_t5(folder: Path, *, seed: int = 0, dropout: float = 0.0) -> Path:
    """A two-layer T5 with random weights."""
    tokenizer = byte_tokenizer(chat=False)
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        dropout_rate=dropout,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        tie_word_embeddings=True,
    )
    return _save(T5ForConditionalGeneration(config), tokenizer, folder)


def save_other(folder: Path, kind: str, *, seed: int = 0, **settings: Any) -> Path:
    """A two-layer model of any decoder-only architecture of transformers: ``gpt_neox``, ``falcon``, ``mixtral`` …"""
    tokenizer = byte_tokenizer()
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    ends = {"pad_token_id": 0, "bos_token_id": None, "eos_token_id": 1}
    torch.manual_seed(seed)
    config = AutoConfig.for_model(kind, **{"vocab_size": len(tokenizer), **sizes, **ends, **settings})
    return _save(AutoModelForCausalLM.from_config(config), tokenizer, folder)


def _save(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
