"""Base, tuned and route, asked by OpenAI's own client, answer as `keeptune predict` does."""

from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders

from keeptune.api.predict import predict
from keeptune.config import DataConfig, EvaluationConfig, ModelConfig
from keeptune.serving.server import Server
from tests.serving.conftest import ask, opened
from tests.serving.models import CPU, FORMAT, adapted, varied, with_end

ROOM = 24
CONTROLS = 7
"""Tokens of the chat template around a system and a user message, line feeds counted."""
THINGS = ("spoon", "red house", "river", "k", "a much longer thing than all the others, with a bridge")


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def predicted(model: Path, folder: Path, things: tuple[str, ...] = THINGS, **data: str) -> list[tuple[str, str]]:
    """Answers and how they ended, by `predict`."""
    ask, out = folder / "ask.jsonl", folder / "out.jsonl"
    ask.write_text("".join(json.dumps({"thing": thing}) + "\n" for thing in things))
    out.unlink(missing_ok=True)
    rows = DataConfig(test=str(ask), **data)
    predict(ModelConfig(name=str(model), **CPU), rows, EvaluationConfig(max_new_tokens=ROOM), str(out))
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [(row["output"], row["finish"]) for row in found]


def answered(client: Any, model: str, messages: list[dict[str, str]], **more: Any) -> tuple[str, str]:
    found = client.chat.completions.create(model=model, messages=messages, max_tokens=ROOM, **more)
    return found.choices[0].message.content, found.choices[0].finish_reason


def streamed(client: Any, model: str, messages: list[dict[str, str]], **more: Any) -> tuple[str, str]:
    parts = [
        part.choices[0]
        for part in client.chat.completions.create(model=model, messages=messages, max_tokens=ROOM, stream=True, **more)
    ]
    return "".join(part.delta.content or "" for part in parts), parts[-1].finish_reason


def test_both_answer_as_predict_does(client: Any, base: Path, adapter: Path, tmp_path: Path) -> None:
    tuned = predicted(adapter, tmp_path)
    bare = predicted(base, tmp_path, prompt="{thing}")
    assert len({text for text, _ in tuned + bare}) > len(THINGS)
    for way in (answered, streamed):
        assert [way(client, "tuned", user(thing)) for thing in THINGS] == tuned
        assert [way(client, "base", user(thing)) for thing in THINGS] == bare


def test_the_task_s_form_is_put_on_once(client: Any) -> None:
    plain = answered(client, "tuned", user("spoon"))
    system = {"role": "system", "content": FORMAT["system"]}
    filled = user("A spoon, please")
    assert answered(client, "tuned", filled) == plain
    assert answered(client, "tuned", [system, *filled]) == plain
    assert answered(client, "tuned", [{"role": "system", "content": "Be kind."}, *filled]) != plain


@pytest.mark.parametrize(
    ("messages", "route"),
    [
        (user("A spoon, please"), "tuned"),
        ([{"role": "system", "content": FORMAT["system"]}, *user("A spoon, please")], "tuned"),
        ([{"role": "system", "content": FORMAT["system"]}, *user("What is a spoon?")], "base"),
        ([{"role": "system", "content": "Be kind."}, *user("A spoon, please")], "base"),
        (user("spoon"), "base"),
        ([*user("A spoon, please"), {"role": "assistant", "content": "red"}, *user("Why?")], "base"),
    ],
)
def test_a_request_in_the_task_s_form_is_routed_to_tuned(client: Any, messages: Any, route: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model="route", messages=messages, max_tokens=ROOM)
    found = raw.parse()
    assert (raw.headers["x-keeptune-route"], found.model) == (route, f"route:{route}")
    assert found.choices[0].message.content == answered(client, route, messages)[0]


def test_a_pattern_routes_too_and_what_is_known_by_nothing_has_no_route(base: Path, tmp_path: Path) -> None:
    formless = adapted(base, tmp_path / "formless", form={})
    with opened(formless) as server:
        assert [model.id for model in ask(server).models.list()] == ["base", "tuned"]
    with opened(formless, route_if="^Colour") as server:
        client = ask(server)
        models = [
            client.chat.completions.create(model="route", messages=user(text), max_tokens=1).model
            for text in ("Colour a house", "What is a Colour?")
        ]
        text = client.completions.create(model="route", prompt="Colour", max_tokens=1)
    assert [*models, text.model] == ["route:tuned", "route:base", "route:tuned"]


def test_fifty_at_once_are_answered_as_one_by_one(client: Any) -> None:
    asked = [("tuned" if n % 2 else "base", f"thing {'x' * (n * 7 % 60)}{n}") for n in range(50)]
    alone = [answered(client, model, user(text)) for model, text in asked]
    ways = (answered, streamed)
    with ThreadPoolExecutor(50) as pool:
        together = [pool.submit(ways[n % 3 == 0], client, model, user(text)) for n, (model, text) in enumerate(asked)]
        assert [each.result() for each in together] == alone


def test_a_short_answer_does_not_wait_for_a_long_one(server: Server, client: Any, long: str) -> None:
    ended: list[str] = []

    def run(name: str, tokens: int) -> None:
        client.completions.create(model="base", prompt=long, max_tokens=tokens)
        ended.append(name)

    thread = threading.Thread(target=run, args=("long", 400))
    thread.start()
    while not server._service.worker._decoders["base"].is_busy:
        time.sleep(0.001)
    run("short", 2)
    thread.join()
    assert ended == ["short", "long"]


def test_tokens_are_told_as_they_are_made_and_counted(client: Any) -> None:
    parts = list(
        client.chat.completions.create(
            model="tuned",
            messages=user("red house"),
            max_tokens=ROOM,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert sum(bool(part.choices and part.choices[0].delta.content) for part in parts) > 3
    whole = client.chat.completions.create(model="tuned", messages=user("red house"), max_tokens=ROOM)
    assert parts[-1].usage == whole.usage
    assert whole.usage.prompt_tokens == len(FORMAT["system"]) + len("A red house, please") + CONTROLS
    assert {part.id for part in parts} == {parts[0].id}


def test_a_stop_ends_an_answer_and_is_not_part_of_it(client: Any) -> None:
    whole, _ = answered(client, "base", user("red house"))
    stop = next(part for at in range(4, len(whole)) if len(part := whole[at : at + 2]) == 2 and part.isalnum())
    before = whole[: whole.find(stop)].rstrip()
    for way in (answered, streamed):
        assert way(client, "base", user("red house"), stop=[stop, "never"]) == (before, "stop")


def test_a_text_goes_on_without_a_template(client: Any) -> None:
    found = client.completions.create(model="tuned", prompt="red house", max_tokens=ROOM)
    parts = list(client.completions.create(model="tuned", prompt="red house", max_tokens=ROOM, stream=True))
    assert found.usage.prompt_tokens == len("red house")
    assert found.choices[0].text == "".join(part.choices[0].text for part in parts)
    assert found.choices[0].text != answered(client, "tuned", user("red house"))[0]


def test_the_first_token_of_a_text_keeps_its_space(client: Any, base: Path, tmp_path: Path) -> None:
    def going_on(client: Any, model: str, prompt: str) -> str:
        text: str = client.completions.create(model=model, prompt=prompt, max_tokens=ROOM).choices[0].text
        return text

    texts = ((prompt, going_on(client, "base", prompt)) for prompt in map(str, range(50)))
    prompt, text = next((prompt, text) for prompt, text in texts if text[:1].isalnum())
    copy = shutil.copytree(base, tmp_path / "copy")
    tokenizer = Tokenizer.from_file(str(copy / "tokenizer.json"))
    # As SentencePiece drops a space, this drops what the answer begins with where a text begins.
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(text[0], 1, 0)])
    tokenizer.save(str(copy / "tokenizer.json"))
    with opened(copy, base) as server:
        assert going_on(ask(server), "tuned", prompt) == text


def test_a_seed_draws_the_same_again(client: Any) -> None:
    def drawn(**more: Any) -> str:
        return answered(client, "base", user("river"), temperature=1.5, **more)[0]

    assert drawn(seed=3) == drawn(seed=3)
    assert len({drawn(seed=seed) for seed in range(4)}) > 1
    assert len({drawn() for _ in range(4)}) > 1
    # The likeliest token alone holds so much.
    for least in (1e-9, 1e-50, 0):
        assert drawn(seed=3, top_p=least) == answered(client, "base", user("river"))[0]
    assert answered(client, "base", user("river"), temperature=1e-40) == answered(client, "base", user("river"))


@pytest.mark.parametrize(("kind", "method"), [("gpt2", "lora"), ("t5", "lora"), ("llama", "prompt")])
def test_models_without_a_chat_template_or_a_cache_of_ours(kind: str, method: str, tmp_path: Path) -> None:
    base = varied(tmp_path / "base", kind)
    adapter = adapted(base, tmp_path / "adapter", kind=method)
    wanted = predicted(adapter, tmp_path), predicted(base, tmp_path, prompt="{thing}")
    with opened(adapter) as server:
        client = ask(server)
        with ThreadPoolExecutor(10) as pool:
            for model, expected in zip(("tuned", "base"), wanted, strict=True):
                found = [pool.submit(streamed, client, model, user(thing)) for thing in THINGS]
                assert [each.result() for each in found] == expected


def test_the_base_ends_its_answers_by_its_own_tokenizer(client: Any, adapter: Path, tmp_path: Path) -> None:
    whole, _ = answered(client, "base", user("river"))
    copy = shutil.copytree(adapter, tmp_path / "adapter")
    with_end(copy, next(letter for letter in whole if letter.isascii() and letter.isalpha()))
    with opened(copy) as server:
        assert answered(ask(server), "base", user("river"))[0] == whole
        found = [
            ask(server).chat.completions.create(model=model, messages=user("river"), max_tokens=1)
            for model in ("base", "tuned")
        ]
        assert len({each.system_fingerprint for each in found}) == 2


def test_full_weights_are_served_beside_the_base_that_is_named(base: Path, tmp_path: Path) -> None:
    tuned = varied(tmp_path / "tuned", seed=8)
    with opened(tuned, base) as server:
        client = ask(server)
        assert answered(client, "base", user("k")) == predicted(base, tmp_path, ("k",), prompt="{thing}")[0]
        assert answered(client, "tuned", user("k")) == predicted(tuned, tmp_path, ("k",), prompt="{thing}")[0]


def test_a_folded_adapter_answers_the_same(client: Any, adapter: Path) -> None:
    with opened(adapter, folded=True) as server:
        folded = ask(server)
        for model in ("base", "tuned"):
            assert answered(folded, model, user("river")) == answered(client, model, user("river"))


def test_the_longest_answer_that_fits_ends_at_the_last_position(client: Any, server: Server) -> None:
    side = server._service.sides["base"]
    found = client.completions.create(model="base", prompt="x" * 500, max_tokens=12)
    assert found.usage.total_tokens <= side.positions == 512
