"""A chat template alone, as a tokenizer has it."""

from __future__ import annotations


class Templated:
    """What a chat template needs of a tokenizer."""

    special_tokens_map = {"bos_token": "<s>", "eos_token": "</s>"}  # noqa: RUF012

    def __init__(self, template: str) -> None:
        self.chat_template = template

    def get_chat_template(self, given: str | None) -> str:
        return given or self.chat_template
