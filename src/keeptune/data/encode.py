"""Encode Examples as token ids with the exact span of the completion.

This is the only place that decides which tokens are learned. Prompt and completion are tokenised separately and joined,
so that the prompt's ids are exactly those that a model sees when it answers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from keeptune.chat_template import EndlessTemplate, UnusableTemplate, render_chat
from keeptune.config.schema import LossOn, TooLong
from keeptune.errors import DataError, Problem
from keeptune.records import EncodedRow, Example, Message

PROBE = "keeptune☃completion☃probe"
"""Placeholder for an answer, to find what a chat template writes after it."""
TEMPLATE_FIX = "correct chat_template.jinja next to the model, or remove it to write prompts without a template"
ONE_DAY = "{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro -%}"
"""Fixed date for templates that write one; otherwise prompts would change from day to day, and between base and
tuned."""


def template_settings(tokenizer: Any) -> dict[str, Any]:
    """Arguments of chat templates in addition to the turns. Thinking is off, because text before the answer is neither
    learned nor scored."""
    own = getattr(tokenizer, "chat_template", None)
    dated = isinstance(own, str) and "strftime_now" in own
    return {"enable_thinking": False} | ({"chat_template": f"{ONE_DAY}{own}"} if dated else {})


@dataclass(slots=True)
class Encoder:
    """Turns Examples into ids for one tokenizer."""

    tokenizer: Any
    kind: Literal["causal", "encoder-decoder"]
    max_length: int
    too_long: TooLong = "truncate"
    loss_on: LossOn = "last"
    vocabulary: int | None = None
    """Number of ids with an embedding in the model; None if unknown."""
    end_text: str = field(init=False, default="")
    """What the chat template writes after an answer, up to and with the end token."""
    _controls: re.Pattern[str] = field(init=False)
    """The tokens that mark turns, ends and the like."""
    _puts_space: bool = field(init=False, default=False)
    """The tokenizer puts a space before a text: SentencePiece does, and it belongs before the first text alone."""

    def __post_init__(self) -> None:
        added = getattr(self.tokenizer, "added_tokens_decoder", {}).values()
        marked = [token.content for token in added if token.special]
        controls = {token for token in (*self.tokenizer.all_special_tokens, *marked) if token}
        self._controls = re.compile(_any_of(controls) or "(?!)")
        line, word = self._ids("\n"), self._ids("a")
        self._puts_space = (*line, *word) != self._ids("\na")
        if self.has_template:
            turns = (Message("user", "?"), Message("assistant", PROBE))
            written = self._render(turns, open_answer=False).split(PROBE)
            if len(written) != 2:
                told = "drops or changes" if len(written) < 2 else "repeats"
                raise DataError(
                    f"the model's chat template {told} the answer, so no answer could be learned or scored",
                    TEMPLATE_FIX,
                )
            self.end_text = self._up_to_end_token(written[1])

    @property
    def has_template(self) -> bool:
        """Whether prompts are written through a chat template."""
        return bool(self.kind == "causal" and getattr(self.tokenizer, "chat_template", None))

    def prompt(self, example: Example, limit: int | None = None) -> tuple[tuple[int, ...], int]:
        """Ids of the prompt, ready for an answer to follow, and the number of tokens cut to fit `limit`."""
        ids = self._known(example, self._prompt_ids(example))
        return self._cut_middle(ids, self.max_length if limit is None else limit)

    def text(self, text: str) -> tuple[int, ...]:
        """Ids of a text that is to go on, without the chat template."""
        return self._known(Example("the text", (Message("user", text),), ""), self._text_ids(text))

    def completion(self, example: Example, text: str) -> tuple[int, ...]:
        """Ids of one answer to `example`, its end token included."""
        if self.has_template and example.prompt:
            opened = self._render(example.prompt, open_answer=True, example=example)
            return self._following(self._answer_text(example, text, opened), opened)
        # A space between prompt and answer, as in the text that such models were trained on.
        glued = not example.prompt
        joined = glued or text[:1].isspace() or example.prompt_text[-1:].isspace()
        if self.kind == "encoder-decoder":
            # For a translation model, the vocabulary of the target language.
            ids = tuple(self.tokenizer(text_target=text, add_special_tokens=False)["input_ids"])
        elif glued:
            ids = self._ids(text)
        else:
            ids = self._following(text if joined else f" {text}", example.prompt_text)
        return (*ids, self.tokenizer.eos_token_id)

    def row(self, example: Example) -> EncodedRow | None:
        """A row to learn from; None if it is too long and such rows are dropped.

        Raises:
            DataError: it is too long and `too_long` is ``error``, or the template rejects these turns.
        """
        if self.loss_on == "all" and self._has_earlier_answers(example):
            return self._whole_conversation(example)
        answer = self.completion(example, example.completion)
        prompt = self._prompt_ids(example)
        over = len(prompt) + len(answer) - self.max_length
        if over > 0 and self.too_long == "error":
            raise self._too_long(example, len(prompt) + len(answer))
        if over > 0 and self.too_long == "drop":
            return None
        return self._fitted(example, prompt, answer)

    def scored_row(self, example: Example, answer: str) -> EncodedRow:
        """A row whose `answer` is scored. It is never dropped: an item that is too long is cut to fit."""
        return self.scored_rows(example, (answer,))[0]

    def scored_rows(self, example: Example, answers: Sequence[str]) -> list[EncodedRow]:
        """A row for each of `answers` after the same prompt, which is cut to leave room for the longest answer if
        necessary."""
        prompt = self._prompt_ids(example)
        completions = [self.completion(example, answer) for answer in answers]
        longest = max(map(len, completions), default=0)
        return [self._fitted(example, prompt, completion, longest) for completion in completions]

    def _fitted(
        self, example: Example, prompt: tuple[int, ...], answer: tuple[int, ...], longest: int = 0
    ) -> EncodedRow:
        self._known(example, (*prompt, *answer))
        most = max(self.max_length - len(prompt), 3 * self.max_length // 4)
        # The answer is kept whole as long as that leaves the prompt a quarter of the room.
        room = min(max(longest, len(answer)), most)
        over = len(prompt) + max(longest, len(answer)) - self.max_length
        answer = answer[:most]
        prompt, _ = self._cut_middle(prompt, self.max_length - room)
        if self.kind == "encoder-decoder":
            return EncodedRow(example.id, prompt, answer, ((0, len(answer)),), max(over, 0))
        ids = (*prompt, *answer)
        return EncodedRow(example.id, ids, (), ((len(prompt), len(ids)),), max(over, 0))

    def control_tokens(self, example: Example) -> tuple[str, ...]:
        """The control tokens that the texts of an example hold. They are read as such, not as text."""
        texts = "\n".join([*(turn.content for turn in example.prompt), example.completion])
        return tuple(dict.fromkeys(self._controls.findall(texts)))

    def rows(self, examples: Sequence[Example]) -> list[EncodedRow]:
        """`row` of each example, without dropped ones."""
        return [row for row in map(self.row, examples) if row is not None]

    def _prompt_ids(self, example: Example) -> tuple[int, ...]:
        if self.has_template and example.prompt:
            return self._ids(self._render(example.prompt, open_answer=True, example=example))
        return self._text_ids(example.prompt_text)

    def _text_ids(self, text: str) -> tuple[int, ...]:
        if self.kind == "encoder-decoder":
            return tuple(self.tokenizer(text)["input_ids"] or self._start_ids())
        # Special tokens before a text (BOS), but not after it, because the text continues.
        ids = self.tokenizer(text)["input_ids"] if text else self._start_ids()
        if text and ids and ids[-1] == self.tokenizer.eos_token_id:
            ids = ids[:-1]
        return tuple(ids or self._start_ids())

    def _known(self, example: Example, ids: tuple[int, ...]) -> tuple[int, ...]:
        """`ids`; a DataError if the model has no embedding for one of them."""
        if self.vocabulary is None or not ids or max(ids) < self.vocabulary:
            return ids
        beyond = max(ids)
        token = self.tokenizer.convert_ids_to_tokens(beyond)
        problem = Problem(
            *example.place,
            "token",
            f"item {example.id} holds the token {token!r} with the id {beyond}, and the model has embeddings for "
            f"{self.vocabulary} tokens only",
            "use the tokenizer that belongs to the model, or one whose embeddings were resized for it",
        )
        raise DataError("the tokenizer does not fit the model", problems=(problem,))

    def _start_ids(self) -> list[int]:
        """The start of a text without a prompt, from which its first token is predicted."""
        bos = self.tokenizer.bos_token_id
        return [self.tokenizer.eos_token_id if bos is None else bos]

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _following(self, text: str, before: str) -> tuple[int, ...]:
        """Ids of `text` as the continuation of `before`."""
        if not self._puts_space:
            return self._ids(text)
        lead = next((token for token in self.tokenizer.all_special_tokens if before.endswith(token)), "\n")
        first, both = self._ids(lead), self._ids(lead + text)
        return both[len(first) :] if both[: len(first)] == first else self._ids(text)

    def _render(self, turns: Sequence[Message], *, open_answer: bool, example: Example | None = None) -> str:
        plain = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            return render_chat(
                self.tokenizer, plain, add_generation_prompt=open_answer, **template_settings(self.tokenizer)
            )
        except UnusableTemplate as error:
            raise self._template_refuses(error, example) from error

    def _answer_text(self, example: Example, answer: str, opened: str) -> str:
        """The text after the prompt, up to and including the end token."""
        answered = (*example.prompt, Message("assistant", answer))
        whole = self._render(answered, open_answer=False, example=example)
        if whole.startswith(opened):
            after = whole[len(opened) :]
            if "".join(answer.split()) not in "".join(after.split()):
                raise self._template_refuses(UnusableTemplate("it drops or changes the answer"), example)
            return self._up_to_end_token(after)
        # Some templates rewrite earlier text once there is an answer (thinking models do).
        return answer.strip() + self.end_text

    def _up_to_end_token(self, text: str) -> str:
        """`text` without what a template writes after the last end-of-turn token (a line feed, mostly)."""
        ends = {self.tokenizer.eos_token, *self.tokenizer.all_special_tokens}
        stop = max((text.rfind(end) + len(end) for end in ends if end and end in text), default=0)
        return text[:stop] if stop and not text[stop:].strip() else text + self.tokenizer.eos_token

    def _has_earlier_answers(self, example: Example) -> bool:
        return any(message.role == "assistant" for message in example.prompt)

    def _whole_conversation(self, example: Example) -> EncodedRow | None:
        """Learn every assistant turn, but not the turns between them."""
        if not self.has_template:
            raise DataError(
                f"{example.source or example.id}: loss on all turns needs a chat template, which this model lacks",
                "use --loss-on last",
            )
        turns = (*example.prompt, Message("assistant", example.completion))
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        done = ""
        for position, turn in enumerate(turns):
            if turn.role != "assistant":
                continue
            opened = self._render(turns[:position], open_answer=True, example=example)
            whole = self._render(turns[: position + 1], open_answer=False, example=example)
            if not (opened.startswith(done) and whole.startswith(opened)):
                raise DataError(
                    f"{example.source or example.id}: this chat template rewrites earlier turns, "
                    "so they cannot all be learned in one row",
                    "use --loss-on last",
                )
            answer = self._up_to_end_token(whole[len(opened) :])
            ids.extend(self._following(opened[len(done) :], done) if done else self._ids(opened))
            start = len(ids)
            ids.extend(self._following(answer, opened))
            spans.append((start, len(ids)))
            done = opened + answer
        self._known(example, tuple(ids))
        over = len(ids) - self.max_length
        if over > 0 and self.too_long == "error":
            raise self._too_long(example, len(ids))
        if over > 0 and self.too_long == "drop":
            return None
        if over > 0:
            return self._without_oldest_answer(example, len(ids))
        return EncodedRow(example.id, tuple(ids), (), tuple(spans), 0)

    def _without_oldest_answer(self, example: Example, length: int) -> EncodedRow | None:
        """The conversation after its first answer. The last answers matter most, so the start is dropped."""
        first = next(place for place, turn in enumerate(example.prompt) if turn.role == "assistant")
        system = [turn for turn in example.prompt[:first] if turn.role == "system"]
        rest = example.prompt[first + 1 :]
        row = self.row(replace(example, prompt=(*system, *rest))) if rest else None
        if row is None:
            row = self._fitted(example, self._prompt_ids(example), self.completion(example, example.completion))
        return replace(row, cut=length - row.length)

    def _cut_middle(self, ids: tuple[int, ...], limit: int) -> tuple[tuple[int, ...], int]:
        """Keep both ends: one has the instruction, the other the cue to answer."""
        if len(ids) <= limit:
            return ids, 0
        head = max(limit, 0) // 2
        tail = max(limit, 0) - head
        return (*ids[:head], *ids[len(ids) - tail :]), len(ids) - max(limit, 0)

    def _too_long(self, example: Example, length: int) -> DataError:
        problem = Problem(
            *example.place,
            "too-long",
            f"item {example.id} has {length} tokens, the limit is {self.max_length}",
            "raise --max-length, or use --too-long truncate or drop",
        )
        return DataError("a row is too long", problems=(problem,))

    def _template_refuses(self, error: UnusableTemplate, example: Example | None) -> DataError:
        fix = "change the roles or their order, or correct the template"
        fix += ", or use --loss-on last" if self.loss_on == "all" else ""
        message = f"the model's chat template refuses these turns: {error}"
        if isinstance(error, EndlessTemplate):
            fix = "correct chat_template in the model's tokenizer_config.json, or use another model"
            message = f"the model's chat template does not terminate: {error}"
        if example is None:
            return DataError(message, fix)
        problem = Problem(*example.place, "template", f"item {example.id}: {message}", fix)
        return DataError("a row does not fit the chat template", problems=(problem,))


def same_tokenizer(first: Encoder, second: Encoder) -> bool:
    """Whether losses by token can be compared."""
    return first.kind == second.kind and first.tokenizer.get_vocab() == second.tokenizer.get_vocab()


def _any_of(words: Collection[str]) -> str:
    """A regular expression for the longest of these words that begins at a place, by its characters one after another:
    an alternation of a thousand words would try each."""
    rest = {word for word in words if word}
    branches = [
        re.escape(first) + _any_of({word[1:] for word in rest if word[0] == first})
        for first in sorted({word[0] for word in rest})
    ]
    if not branches:
        return ""
    ends_here = len(rest) < len(words)
    return branches[0] if len(branches) == 1 and not ends_here else f"(?:{'|'.join(branches)}){'?' * ends_here}"
