"""Tokens that a model does not have, and templates that lose the answer, are refused where they are first seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptune.cli.main import main
from keeptune.data.encode import Encoder
from keeptune.errors import DataError
from keeptune.records import Example, Message
from tests.tiny import byte_tokenizer, save_llama

ITEM = Example("the-item", (Message("user", "hello"),), "good bye")
TEMPLATES = {
    "drops it": "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}{% endif %}{% endfor %}",
    "changes it": "{% for m in messages %}{{ m['content'] | upper }}<|end|>{% endfor %}",
    "writes it twice": "{% for m in messages %}{{ m['content'] }}{{ m['content'] }}<|end|>{% endfor %}",
}
SHORTENS = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'].split('|')[-1] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


FAILS = SHORTENS + "{{ 1 / (messages[0]['content'] != 'hello') | int }}"


@pytest.mark.parametrize("what", TEMPLATES)
def test_a_template_that_loses_the_answer(what: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATES[what]
    with pytest.raises(DataError, match="answer"):
        Encoder(tokenizer, "causal", 64)


def test_a_template_that_fails() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = FAILS
    with pytest.raises(DataError, match=r"the-item.*division by zero"):
        Encoder(tokenizer, "causal", 64).row(ITEM)


def test_a_template_that_shortens_some_answers() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = SHORTENS
    encoder = Encoder(tokenizer, "causal", 64)
    assert encoder.row(ITEM)
    with pytest.raises(DataError, match="the-item"):
        encoder.completion(ITEM, "thinking | good bye")


@pytest.mark.parametrize("ask", ["row", "prompt", "scored"])
def test_a_token_beyond_the_embeddings(ask: str) -> None:
    tokenizer = byte_tokenizer()
    encoder = Encoder(tokenizer, "causal", 64, vocabulary=len(tokenizer))
    tokenizer.add_tokens(["hello", "bye"])
    with pytest.raises(DataError, match=f"the-item.*{len(tokenizer) - 2}|the-item.*{len(tokenizer) - 1}"):
        {
            "row": lambda: encoder.row(ITEM),
            "prompt": lambda: encoder.prompt(ITEM),
            "scored": lambda: encoder.scored_row(Example("the-item", (Message("user", "x"),), ""), "bye"),
        }[ask]()
    assert encoder.row(Example("other", (Message("user", "x"),), "y"))


@pytest.mark.parametrize("fault", ["token", "template"])
@pytest.mark.parametrize("verb", ["eval", "tune", "check"])
def test_the_command_line(
    fault: str, verb: str, tiny: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_llama(tmp_path / "model")
    if fault == "token":
        tokenizer = byte_tokenizer()
        tokenizer.add_tokens(["number"])
        tokenizer.save_pretrained(path)
    else:
        (path / "chat_template.jinja").write_text(TEMPLATES["drops it"])
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"prompt": f"number {i}", "completion": f"it is {i}"}) + "\n" for i in range(12))
    )
    where = ["--device", "cpu", "--dtype", "float32", "--output", str(tmp_path / "out")]
    words = {
        "eval": ["eval", "--model", str(path), "--test", str(rows), *where],
        "tune": ["tune", "--model", str(path), "--train", str(rows), "--measure", "none", *where],
        "check": ["check", "--model", str(path), "--train", str(rows)],
    }[verb]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert "error: " in err
    assert "Traceback" not in err
    assert not (tmp_path / "out" / "training.json").exists()
