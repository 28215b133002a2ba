"""The chat template in Ollama's language writes the same conversations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from keeptune.chat_template import render_chat
from keeptune.exports.modelfile import go_template, write_modelfile
from tests.templated import Templated
from tests.tiny import CHAT_TEMPLATE, save_llama

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are helpful<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\n\n' %}"
    "{% set turns = messages[1:] %}{% else %}{% set first = '' %}{% set turns = messages %}{% endif %}"
    "{% for m in turns %}{{ '<start_of_turn>' + m['role'] + '\n' }}{% if loop.first %}{{ first }}{% endif %}"
    "{{ m['content'] + '<end_of_turn>\n' }}{% endfor %}"
)
CONVERSATIONS = (
    [("user", "What is 2 + 2?")],
    [("system", "Be brief."), ("user", "  Why?\n")],
    [("user", "a"), ("assistant", "b"), ("user", "c")],
    [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", ""), ("user", "e")],
)


def rendered_by_go(template: str, turns: list[tuple[str, str]]) -> str:
    """What Go's text/template makes of the few forms that are written."""
    found = re.fullmatch(r"\{\{ range \$place, \$turn := \.Messages \}\}(.*)\{\{ end \}\}(.*?)", template, re.DOTALL)
    assert found is not None
    body, opening = found.groups()
    default = ""
    if first := re.match(
        r'\{\{ if and \(eq \$place 0\) \(ne \.Role "system"\) \}\}(.*?)\{\{ end \}\}', body, re.DOTALL
    ):
        default, body = first[1], body[first.end() :]
    branch = r'\{\{ (?:else )?if eq \.Role "(\w+)" \}\}(.*?)\{\{ \.Content \}\}(.*?)(?=\{\{ else if|\{\{ end \}\}$)'
    around = {role: (before, after) for role, before, after in re.findall(branch, body, re.DOTALL)}
    assert set(around) == {"system", "user", "assistant"}
    head = "" if turns[0][0] == "system" else default
    return head + "".join(f"{around[role][0]}{content}{around[role][1]}" for role, content in turns) + opening


@pytest.mark.parametrize("template", [CHATML, CHAT_TEMPLATE])
def test_the_same_conversations(template: str) -> None:
    tokenizer = Templated(template)
    in_go = go_template(tokenizer)
    assert in_go is not None
    for turns in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in turns]
        assert rendered_by_go(in_go, turns) == render_chat(tokenizer, messages, add_generation_prompt=True)


@pytest.mark.parametrize("template", [GEMMA, "{{ messages[0]['content'] }}", "{{ raise_exception('no') }}"])
def test_a_template_of_another_kind_has_no_counterpart(template: str) -> None:
    assert go_template(Templated(template)) is None


def test_what_ollama_adds_is_not_written_again() -> None:
    tokenizer = Templated("{{ bos_token }}" + CHATML)
    in_go = go_template(tokenizer, "<s>")
    assert in_go is not None
    assert "<s>" not in in_go
    turns = [("user", "a"), ("assistant", "b"), ("user", "c")]
    messages = [{"role": role, "content": content} for role, content in turns]
    assert f"<s>{rendered_by_go(in_go, turns)}" == render_chat(tokenizer, messages, add_generation_prompt=True)


def test_the_file(tmp_path: Path) -> None:
    model = save_llama(tmp_path / "model")
    assert write_modelfile(model, tmp_path / "model.gguf", tmp_path / "Modelfile")
    lines = (tmp_path / "Modelfile").read_text()
    assert lines.startswith('FROM ./model.gguf\nTEMPLATE """{{ range')
    assert 'PARAMETER stop "<|end|>"' in lines
    tokenizer = AutoTokenizer.from_pretrained(model)
    assert go_template(tokenizer) in lines
    assert not write_modelfile(save_llama(tmp_path / "bare", chat=False), tmp_path / "m.gguf", tmp_path / "None")
    assert not (tmp_path / "None").exists()
