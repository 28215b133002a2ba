"""Tokenizers that put a space before a text: none comes between a prompt and its answer."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from keeptune.data.encode import Encoder
from keeptune.records import Example, Message

TEXTS = ["The capital of France is Paris", "Where is it? Answer: Paris .", "London too"] * 50
LINE = "{{ '<|' + m['role'] + '|>\n' + m['content'] + '</s>\n' }}"
CHAT = f"{{% for m in messages %}}{LINE}{{% endfor %}}{{% if add_generation_prompt %}}<|assistant|>\n{{% endif %}}"
CLOSE = CHAT.replace("<|assistant|>\n", "<s>").replace("\n' + m['content']", "' + m['content']")


def tokenizer(style: str, template: str | None) -> PreTrainedTokenizerFast:
    """A Llama's, as transformers makes it now, or as older files hold it."""
    inner = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=460, special_tokens=["<unk>", "<s>", "</s>", *bytes_])
    if style == "metaspace":
        inner.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    else:
        steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        inner.normalizer = normalizers.Sequence(steps)
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    inner.train_from_iterator(TEXTS, trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    made.chat_template = template
    return made


@pytest.mark.parametrize("style", ["metaspace", "prepend"])
@pytest.mark.parametrize("template", [None, CHAT])
@pytest.mark.parametrize("answer", ["Paris", " Paris", "is\nParis", "ß", ""])
@pytest.mark.parametrize("question", ["Where is it?\n", "Where is it? Answer:"])
def test_prompt_and_answer_are_the_text(style: str, template: str | None, answer: str, question: str) -> None:
    made = tokenizer(style, template)
    encoder = Encoder(made, "causal", 256)
    example = Example("1", (Message("user", question),), answer)
    (prompt, _), completion = encoder.prompt(example), encoder.completion(example, answer)
    if template:
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        text = made.apply_chat_template(turns, tokenize=False).removesuffix("\n")
        joint = made(text, add_special_tokens=False)["input_ids"]
        assert [*prompt, *completion] == joint
    else:
        space = "" if answer[:1].isspace() or question[-1:].isspace() else " "
        assert made.decode([*prompt, *completion]) == f"{question}{space}{answer}</s>"


@pytest.mark.parametrize("style", ["metaspace", "prepend"])
def test_every_turn_of_a_conversation(style: str) -> None:
    made = tokenizer(style, CHAT)
    turns = (Message("user", "Where?"), Message("assistant", "Paris"), Message("user", "Answer:"))
    row = Encoder(made, "causal", 256, loss_on="all").row(Example("1", turns, "London"))
    assert row is not None
    learned = [made.decode(row.ids[start:stop]) for start, stop in row.spans]
    assert [text.removesuffix("</s>") for text in learned] == ["Paris", "London"]
    plain = [{"role": turn.role, "content": turn.content} for turn in (*turns, Message("assistant", "London"))]
    joint = made(made.apply_chat_template(plain, tokenize=False), add_special_tokens=False)["input_ids"]
    assert list(row.ids) == joint[: len(row.ids)]
