"""The completion's span is exact, and a prompt's ids are the very ones that a model sees when it answers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers
from transformers import PreTrainedTokenizerFast

from keeptune.data.encode import Encoder, _any_of
from keeptune.errors import DataError
from keeptune.records import EncodedRow, Example, Message
from tests.tiny import byte_tokenizer

THINKING = (
    "{% for m in messages %}<|{{ m['role'] }}|>"
    "{% if m['role'] == 'assistant' and loop.last %}<think></think>{% endif %}{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system turns here') }}{% endif %}"
    "<|{{ m['role'] }}|>{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def encoder(template: str | bool = True, kind: Any = "causal", limit: int = 512, **settings: Any) -> Encoder:
    tokenizer = byte_tokenizer(chat=bool(template))
    if isinstance(template, str):
        tokenizer.chat_template = template
    return Encoder(tokenizer, kind, limit, **settings)


def ask(prompt: str = "Hi?", completion: str = "Hello.", **settings: Any) -> Example:
    return Example("e", (Message("user", prompt),) if prompt else (), completion, (completion,), **settings)


CONVERSATION = Example(
    "talk",
    (
        Message("system", "Be kind."),
        Message("user", "One?"),
        Message("assistant", "First."),
        Message("user", "Two?"),
        Message("assistant", "Second."),
        Message("user", "Three?"),
    ),
    "Third.",
    source="rows.jsonl:7",
)


def row(encoder: Encoder, example: Example) -> EncodedRow:
    found = encoder.row(example)
    assert found is not None
    return found


def learned(encoder: Encoder, row: EncodedRow) -> list[str]:
    ids = row.targets or row.ids
    return [encoder.tokenizer.decode(ids[start:stop]) for start, stop in row.spans]


@pytest.mark.parametrize(
    ("template", "kind", "answer"),
    [
        (True, "causal", "Hello.<|end|>"),
        (False, "causal", " Hello.<|end|>"),
        (False, "encoder-decoder", "Hello.<|end|>"),
    ],
)
def test_learned_is_the_completion_and_its_end_token(template: bool, kind: str, answer: str) -> None:
    coder = encoder(template, kind)
    found = row(coder, ask())
    assert learned(coder, found) == [answer]
    prompt = coder.prompt(ask())[0]
    start = found.spans[0][0]
    assert (found.ids if kind == "encoder-decoder" else found.ids[:start]) == prompt
    assert found.cut == 0
    assert found.length == len(prompt) + found.learned


def test_the_prompt_of_a_chat_is_what_the_template_opens() -> None:
    coder = encoder()
    assert coder.tokenizer.decode(coder.prompt(ask())[0]) == "<|user|>Hi?<|end|>\n<|assistant|>"


def test_a_conversation_ends_at_its_last_answer() -> None:
    coder = encoder()
    found = row(coder, CONVERSATION)
    assert learned(coder, found) == ["Third.<|end|>"]
    assert found.spans[0][1] == len(found.ids)


def test_loss_on_all_is_every_assistant_turn_and_nothing_else() -> None:
    coder = encoder(loss_on="all")
    found = row(coder, CONVERSATION)
    assert learned(coder, found) == ["First.<|end|>", "Second.<|end|>", "Third.<|end|>"]
    # The ids are those of the template, to the last end token.
    whole = encoder()._render((*CONVERSATION.prompt, Message("assistant", "Third.")), open_answer=False)
    assert coder.tokenizer.decode(found.ids) == whole.removesuffix("\n")
    outside = set(range(len(found.ids))) - {i for a, b in found.spans for i in range(a, b)}
    rest = coder.tokenizer.decode([found.ids[i] for i in sorted(outside)])
    assert not any(word in rest for word in ("First", "Second", "Third."))


def test_loss_on_all_of_a_single_answer_is_the_same_as_on_the_last() -> None:
    assert row(encoder(loss_on="all"), ask()) == row(encoder(), ask())


def test_loss_on_all_needs_a_template() -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl:7.*needs a chat template") as caught:
        encoder(False, loss_on="all").row(CONVERSATION)
    assert "--loss-on last" in caught.value.fix


def test_a_template_that_rewrites_earlier_turns() -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl:7.*rewrites earlier turns"):
        encoder(THINKING, loss_on="all").row(CONVERSATION)
    coder = encoder(THINKING)
    found = row(coder, CONVERSATION)
    assert learned(coder, found) == ["<think></think>Third.<|end|>"]
    assert found.ids[: found.spans[0][0]] == coder.prompt(CONVERSATION)[0]


@pytest.mark.parametrize("call", ["row", "prompt", "scored_row"])
def test_a_template_that_refuses_a_turn_names_the_row(call: str) -> None:
    coder = encoder(NO_SYSTEM)
    with pytest.raises(DataError) as caught:
        coder.scored_row(CONVERSATION, "x") if call == "scored_row" else getattr(coder, call)(CONVERSATION)
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("rows.jsonl", 7)
    assert "no system turns here" in str(caught.value)
    assert problem.fix


def test_a_template_that_is_no_template() -> None:
    with pytest.raises(DataError, match="chat template"):
        encoder("{% for m in %}")


@pytest.mark.parametrize("template", [True, False])
def test_the_start_token_is_not_doubled(template: bool) -> None:
    from tokenizers.processors import TemplateProcessing

    coder = encoder("<s>" + byte_tokenizer().chat_template if template else False)
    coder.tokenizer.add_special_tokens({"bos_token": "<s>"})
    bos = coder.tokenizer.bos_token_id
    coder.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A <|end|>", special_tokens=[("<s>", bos), ("<|end|>", 1)]
    )
    found = row(coder, ask())
    assert found.ids[0] == bos
    assert found.ids.count(bos) == 1
    # Neither does the end token that such a tokenizer puts after every text stand before the answer.
    assert found.ids.count(1) == (2 if template else 1)
    assert row(coder, ask("")).ids[0] == bos


@pytest.mark.parametrize("kind", ["causal", "encoder-decoder"])
def test_plain_text_follows_a_start_token(kind: str) -> None:
    # This tokenizer has no start token of its own; as for GPT-2, the end token is one.
    coder = encoder(False, kind)
    found = row(coder, ask(""))
    assert coder.prompt(ask(""))[0] == coder.prompt(ask("<|end|>"))[0] == (1,)
    assert learned(coder, found) == ["Hello.<|end|>"]
    assert (found.ids if kind == "encoder-decoder" else found.ids[:1]) == (1,)


@pytest.mark.parametrize("kind", ["causal", "encoder-decoder"])
def test_truncation_keeps_both_ends_of_the_prompt_and_the_completion(kind: str) -> None:
    coder = encoder(False, kind, limit=40)
    found = row(coder, ask("HEAD" + "x" * 100 + "TAIL", "an answer"))
    whole = row(encoder(False, kind), ask("HEAD" + "x" * 100 + "TAIL", "an answer"))
    assert found.length == 40
    assert found.cut == whole.length - 40
    prompt = coder.tokenizer.decode(found.ids if kind == "encoder-decoder" else found.ids[: found.spans[0][0]])
    assert prompt.startswith("HEAD")
    assert prompt.rstrip("\x01").removesuffix("<|end|>").endswith("TAIL")
    assert learned(coder, found)[0].strip() == "an answer<|end|>"


def test_a_prompt_that_is_cut_for_inference_counts_its_tokens() -> None:
    ids, cut = encoder(False, limit=20).prompt(ask("y" * 50))
    assert (len(ids), cut) == (20, 30)


def test_a_completion_above_the_limit_leaves_the_prompt_a_quarter() -> None:
    coder = encoder(False, limit=40)
    found = row(coder, ask("p" * 30, "c" * 100))
    assert found.spans == ((10, 40),)
    assert found.length == 40
    assert found.cut == 30 + 102 - 40


def test_a_longer_row_is_dropped_or_refused_as_asked() -> None:
    long, short = ask("z" * 60, source="rows.csv:3"), ask()
    assert encoder(False, limit=40, too_long="drop").row(long) is None
    assert len(encoder(False, limit=40, too_long="drop").rows([long, short, long])) == 1
    with pytest.raises(DataError) as caught:
        encoder(False, limit=40, too_long="error").row(long)
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.kind) == ("rows.csv", 3, "too-long")
    assert "68 tokens, the limit is 40" in problem.message
    # What is scored is never dropped.
    assert encoder(False, limit=40, too_long="error").scored_row(long, "b").length == 40


@pytest.mark.parametrize("policy", ["truncate", "drop", "error"])
def test_a_long_conversation_with_loss_on_all(policy: Any) -> None:
    whole = row(encoder(loss_on="all"), CONVERSATION)
    coder = encoder(loss_on="all", limit=whole.length - 3, too_long=policy)
    if policy == "drop":
        assert coder.row(CONVERSATION) is None
    elif policy == "error":
        with pytest.raises(DataError, match="too long"):
            coder.row(CONVERSATION)
    else:
        found = row(coder, CONVERSATION)
        assert learned(coder, found) == ["Second.<|end|>", "Third.<|end|>"]
        text = coder.tokenizer.decode(found.ids)
        assert text.startswith("<|system|>Be kind.")
        assert "One?" not in text
        assert found.cut == whole.length - found.length


@pytest.mark.parametrize("limit", [16, 40])
def test_a_conversation_of_which_one_answer_fits_learns_the_last(limit: int) -> None:
    coder = encoder(loss_on="all", limit=limit)
    (answer,) = learned(coder, row(coder, CONVERSATION))
    assert "Third.<|end|>".startswith(answer)
    assert len(answer) >= 6


TEXT = st.text(max_size=40).filter(lambda text: "<" not in text)


@settings(max_examples=150, deadline=None)
@given(
    prompt=TEXT,
    completion=TEXT.filter(bool),
    style=st.sampled_from([(True, "causal"), (False, "causal"), (False, "encoder-decoder")]),
)
def test_any_texts_are_split_exactly_at_the_answer(prompt: str, completion: str, style: tuple[bool, str]) -> None:
    coder = CODERS[style]
    example = Example("e", (Message("user", prompt),), completion)
    found = row(coder, example)
    start, stop = found.spans[0]
    asked = coder.prompt(example)[0]
    ids = found.targets or found.ids
    assert stop == len(ids)
    assert (found.ids if found.targets else ids[:start]) == asked
    text = coder.tokenizer.decode(ids[start:stop])
    if style == (False, "causal") and text.startswith(" ") and not completion[:1].isspace():
        assert not prompt[-1:].isspace()
        text = text.removeprefix(" ")
    assert text == f"{completion}<|end|>"


CODERS = {
    (True, "causal"): encoder(True),
    (False, "causal"): encoder(False),
    (False, "encoder-decoder"): encoder(False, "encoder-decoder"),
}


def test_answers_are_rendered_without_thinking_and_on_one_day() -> None:
    template = (
        "{{ strftime_now('%d %b %Y') }} {% for m in messages %}<|{{ m['role'] }}|>"
        "{% if m['role'] == 'assistant' and loop.last %}<think></think>{% endif %}{{ m['content'] }}<|end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>"
        "{% if enable_thinking is false %}<think></think>{% endif %}{% endif %}"
    )
    coder = encoder(template)
    assert learned(coder, row(coder, ask()))[0] == "Hello.<|end|>"
    prompt = coder.tokenizer.decode(coder.prompt(ask())[0])
    assert prompt.startswith("26 Jul 2024 <|user|>Hi?")
    assert prompt.endswith("<|assistant|><think></think>")


@pytest.mark.parametrize("kind", ["causal", "encoder-decoder"])
def test_choices_of_a_long_item_follow_the_same_prompt(kind: str) -> None:
    coder = encoder(False, kind, limit=40)
    short, long = coder.scored_rows(ask("x" * 100), ("a", "a long choice"))
    assert (short.cut, long.cut) == (long.cut, long.cut)
    prompts = [found.ids if kind == "encoder-decoder" else found.ids[: found.spans[0][0]] for found in (short, long)]
    assert prompts[0] == prompts[1]
    assert long.length == 40


class Translating(PreTrainedTokenizerFast):  # type: ignore[misc]
    """A tokenizer of two languages: the other one's words are written in capitals."""

    def _switch_to_target_mode(self) -> None:
        self.backend_tokenizer.normalizer = normalizers.Replace("a", "A")

    def _switch_to_input_mode(self) -> None:
        self.backend_tokenizer.normalizer = None


def test_what_a_translation_model_answers_is_of_the_other_language() -> None:
    plain = byte_tokenizer(chat=False)
    tokenizer = Translating(tokenizer_object=plain.backend_tokenizer, eos_token="</s>", pad_token="<pad>")
    found = Encoder(tokenizer, "encoder-decoder", 64).scored_row(ask("a cat"), "a hat")
    assert tokenizer.decode(found.targets, skip_special_tokens=True) == "A hAt"
    assert tokenizer.decode(found.ids, skip_special_tokens=True) == "a cat"


@given(st.sets(st.text("<|ab>", min_size=1, max_size=5)), st.text("<|ab>", max_size=40))
@settings(max_examples=200, derandomize=True)
def test_the_longest_control_token_is_found(tokens: set[str], text: str) -> None:
    by_length = "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
    assert re.findall(_any_of(tokens) or "(?!)", text) == re.findall(by_length or "(?!)", text)
