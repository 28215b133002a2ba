"""What the base writes to be replayed: its own, filtered, the same by seed, and written once."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from keeptune.assessment.diagnosis import SAMPLE_SEED
from keeptune.config import Adapter, DataConfig, TuneConfig
from keeptune.data.encode import Encoder
from keeptune.data.prompts import load_prompts
from keeptune.errors import DataError, ModelError
from keeptune.events import Event, Notice, Observer, silent
from keeptune.inference.base_text import sample_text
from keeptune.inference.generate import generate
from keeptune.mitigation import base_rows as base_texts
from keeptune.mitigation.base_rows import BASE_TEXT_SEED, base_rows
from keeptune.mitigation.methods import self_replay
from keeptune.mitigation.methods.self_replay import Writing
from keeptune.mitigation.mitigation import RowInputs
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example, Message
from tests.mitigation.talking import ECHO, load, taught

END = 1
ROOM = Writing(prompt_tokens=32, answer_tokens=24)


def self_replay_rows(
    loaded: LoadedModel,
    encoder: Encoder,
    count: int,
    forbidden: Sequence[Sequence[Example]],
    prompts: Sequence[Example] = (),
    writing: Writing | None = None,
    observer: Observer = silent,
) -> list[EncodedRow]:
    """The rows of a training with the default settings."""
    inputs = RowInputs(TuneConfig(), loaded, encoder, 4096, observer, prompts=prompts, forbidden=forbidden)
    return self_replay.self_replay_rows(inputs, count, writing or Writing())


@pytest.fixture(scope="module")
def talking(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LoadedModel]:
    """A tiny model by kind, taught to write."""
    folders: dict[str, Path] = {}

    def model(kind: str) -> LoadedModel:
        if kind not in folders:
            folders[kind] = taught(tiny(kind), tmp_path_factory.mktemp(f"taught-{kind}"))
        return load(folders[kind])

    return model


def encoder(loaded: LoadedModel, max_length: int = 256) -> Encoder:
    return Encoder(loaded.tokenizer, loaded.kind, max_length)


def told(events: list[Event]) -> str:
    (notice,) = (event.message for event in events if isinstance(event, Notice))
    return notice


def user(number: int, text: str) -> Example:
    return Example(f"p{number}", (Message("user", text),), "")


def test_a_chat_model_asks_itself_and_answers_greedily(talking: Callable[[str], LoadedModel]) -> None:
    loaded = talking("llama")
    events: list[Event] = []
    rows = self_replay_rows(loaded, encoder(loaded), 40, [], writing=ROOM, observer=events.append)
    assert {row.role for row in rows} == {"replay"}
    assert len({row.ids for row in rows}) == len({row.item_id for row in rows}) == 40
    prompts = [row.ids[: row.spans[0][0]] for row in rows]
    for row, prompt in zip(rows, prompts, strict=True):
        text = loaded.tokenizer.decode(prompt)
        assert text.startswith("<|user|>")
        assert text.endswith("<|end|>\n<|assistant|>")
        assert row.ids[-1] == END
        assert row.spans == ((len(prompt), len(row.ids)),)
    answers = [answer.text for answer in generate(loaded, prompts, 24, 4096)]
    learned = [loaded.tokenizer.decode(row.ids[row.spans[0][0] : -1]) for row in rows]
    assert learned == answers
    assert told(events).startswith("the base wrote 40 usable rows of 40 in 64 tries (")


@pytest.mark.parametrize("kind", ["plain-llama", "t5"])
def test_a_model_without_template_draws_whole_texts(talking: Callable[[str], LoadedModel], kind: str) -> None:
    loaded = talking(kind)
    rows = self_replay_rows(loaded, encoder(loaded), 20, [], writing=ROOM)
    texts = [loaded.tokenizer.decode(row.targets or row.ids[1:]) for row in rows]
    assert len(set(texts)) == 20
    assert sum(bool(re.fullmatch(r"take \d+ and \d+<\|end\|>", text)) for text in texts) > 12
    assert all(row.learned == len(row.targets or row.ids[1:]) for row in rows)


@pytest.mark.parametrize("kind", ["plain-llama", "t5"])
def test_a_text_that_did_not_end_is_not_taught_to_end(talking: Callable[[str], LoadedModel], kind: str) -> None:
    loaded = talking(kind)
    rows = self_replay_rows(loaded, encoder(loaded), 8, [], writing=Writing(answer_tokens=9))
    for row in rows:
        learned = row.targets or row.ids[1:]
        assert END not in learned
        assert row.learned == len(learned) == 9


def test_the_same_by_seed_and_more_keeps_the_first(talking: Callable[[str], LoadedModel]) -> None:
    loaded = talking("llama")
    state = torch.random.get_rng_state()
    few, many = (self_replay_rows(loaded, encoder(loaded), count, [], writing=ROOM) for count in (10, 40))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert many[:10] == few
    other = Writing(seed=1, prompt_tokens=32, answer_tokens=24)
    assert self_replay_rows(loaded, encoder(loaded), 10, [], writing=other) != few


def test_written_once(talking: Callable[[str], LoadedModel], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = talking("llama")
    written = self_replay_rows(loaded, encoder(loaded), 10, [], writing=ROOM)
    drawn = base_rows(loaded, 10, 12, seed=0)
    again = load(Path(loaded.found.source))
    monkeypatch.setattr(self_replay, "draw", None)
    monkeypatch.setattr(base_texts, "sample_text", None)
    assert self_replay_rows(again, encoder(again), 10, [], writing=ROOM) == written
    assert base_rows(again, 10, 12, seed=0) == drawn
    for count, writing in ((11, ROOM), (10, Writing(prompt_tokens=31, answer_tokens=24))):
        with pytest.raises(TypeError):
            self_replay_rows(again, encoder(again), count, [], writing=writing)
    with pytest.raises(TypeError):
        base_rows(again, 10, 12, seed=1)


def test_the_users_prompts_are_answered(talking: Callable[[str], LoadedModel], tmp_path: Path) -> None:
    loaded = talking("llama")
    file = tmp_path / "prompts.txt"
    file.write_text("".join(f"say {i} or {2 * i}\n" for i in range(70)) + "\nsay 5 or 10\n")
    prompts = load_prompts(str(file), DataConfig()).examples
    assert len(prompts) == 71
    assert prompts[70].source.endswith("prompts.txt:72")
    events: list[Event] = []
    rows = self_replay_rows(loaded, encoder(loaded), 40, [], prompts, ROOM, events.append)
    asked = [loaded.tokenizer.decode(row.ids[: row.spans[0][0]]) for row in rows]
    wanted = {f"<|user|>say {i} or {2 * i}<|end|>\n<|assistant|>" for i in range(70)}
    assert set(asked) <= wanted
    assert len(set(asked)) == 40
    assert "in 64 tries" in told(events)
    few: list[Event] = []
    assert len(self_replay_rows(loaded, encoder(loaded), 100, [], prompts, ROOM, few.append)) == 70
    assert told(few).startswith("the base wrote 70 usable rows of 100")


def test_what_is_asked_afterwards_is_never_written(talking: Callable[[str], LoadedModel]) -> None:
    loaded = talking("llama")
    prompts = [user(i, f"say {i} or {2 * i}") for i in range(20)]
    kept = [user(i, f"say {i} or {2 * i}") for i in range(0, 20, 2)]
    rows = self_replay_rows(loaded, encoder(loaded), 20, [kept], prompts, ROOM)
    assert {row.item_id for row in rows} == {f"p{i}" for i in range(1, 20, 2)}
    with pytest.raises(DataError, match="no prompts are left to answer"):
        self_replay_rows(loaded, encoder(loaded), 5, [prompts], prompts, ROOM)
    free = self_replay_rows(loaded, encoder(loaded), 10, [], writing=ROOM)
    texts = [loaded.tokenizer.decode(row.ids[1 : row.spans[0][0]]).split("<|end|>")[0] for row in free]
    guarded = self_replay_rows(loaded, encoder(loaded), 10, [[user(0, texts[0])]], writing=ROOM)
    assert free[0] not in guarded
    assert free[1] in guarded


def test_what_cannot_be_used_is_counted_and_too_little_is_an_error(
    tiny: Callable[..., Path], talking: Callable[[str], LoadedModel]
) -> None:
    # At random weights nothing ends, and bytes do not make characters.
    untaught = load(tiny("llama"))
    with pytest.raises(ModelError, match=r"wrote 0 usable rows of 5 in 64 tries \(.*\d+ not finished") as caught:
        self_replay_rows(untaught, encoder(untaught), 5, [], writing=ROOM)
    assert "--self-replay-prompts" in caught.value.fix
    loaded = talking("llama")
    with pytest.raises(ModelError, match=r"in 2 tries \(2 not finished within the length limit\)"):
        self_replay_rows(
            loaded, encoder(loaded), 2, [], [user(0, "say 1 or 2"), user(1, "say 3")], Writing(answer_tokens=3)
        )


def test_an_echo_and_a_repeat_are_left_out(talking: Callable[[str], LoadedModel]) -> None:
    loaded = talking("llama")
    prompts = [user(0, ECHO), user(1, "say 1 or 2"), user(2, "Say 1  or 2"), user(3, f"{ECHO} ")]
    events: list[Event] = []
    rows = self_replay_rows(loaded, encoder(loaded), 5, [], prompts, ROOM, events.append)
    assert [row.item_id for row in rows] == ["p1"]
    assert told(events).endswith("in 2 tries (1 copies of the prompt)")
    events.clear()
    self_replay_rows(loaded, encoder(loaded), 90, [], writing=ROOM, observer=events.append)
    assert re.search(r"\d+ copies of the prompt", told(events))


def test_text_for_kl_is_the_bases_own_and_not_what_drift_is_measured_on(
    talking: Callable[[str], LoadedModel],
) -> None:
    loaded = talking("llama")
    rows = base_rows(loaded, 12, 20, seed=0)
    assert {row.role for row in rows} == {"base"}
    assert [row.ids for row in rows] == [row.ids for row in sample_text(loaded, 12, 20, BASE_TEXT_SEED)]
    assert SAMPLE_SEED < BASE_TEXT_SEED
    measured = {row.ids for row in sample_text(loaded, 12, 20, SAMPLE_SEED)}
    assert len(measured & {row.ids for row in rows}) < 3


def test_rooms_shrink_with_the_models_positions(talking: Callable[[str], LoadedModel]) -> None:
    loaded = talking("llama")
    rows = self_replay_rows(loaded, encoder(loaded, max_length=64), 10, [])
    assert all(row.length <= 64 for row in rows)
    assert Writing().fitted(64) == Writing(prompt_tokens=16, answer_tokens=32)


def test_only_the_bare_base_writes(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    with pytest.raises(ModelError, match="has an adapter"):
        self_replay_rows(loaded, encoder(loaded), 2, [])
    with pytest.raises(ModelError, match="has an adapter"):
        base_rows(loaded, 2, 8, seed=0)


def test_a_base_without_the_template_of_the_model_that_is_trained_draws_whole_texts(
    talking: Callable[[str], LoadedModel],
) -> None:
    base = talking("plain-llama")
    tokenizer = copy.deepcopy(base.tokenizer)
    tokenizer.chat_template = talking("llama").tokenizer.chat_template
    of_chat = replace(encoder(base), tokenizer=tokenizer)
    assert of_chat.has_template
    rows = self_replay_rows(base, of_chat, 4, [], writing=ROOM)
    plain = self_replay_rows(base, encoder(base), 4, [], writing=ROOM)
    assert [row.ids for row in rows] == [row.ids for row in plain]
