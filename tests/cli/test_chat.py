"""The conversation, with two models made up here."""

from __future__ import annotations

import io
from typing import Any

import pytest

from keeptune.cli.chat import talk
from keeptune.cli.main import main


class Echo:
    names = ("base", "tuned")

    def __init__(self) -> None:
        self.heard: list[str] = []

    def reply(self, text: str) -> tuple[str, ...]:
        self.heard.append(text)
        return (f"{len(self.heard)} {text} [/b]", text.upper())

    def forget(self) -> None:
        self.heard.clear()


def say(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))


def test_each_line_is_answered_by_both(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    say(monkeypatch, "hello", "", "you", "/forget", "again")
    talk(Echo())
    assert capsys.readouterr().out.splitlines() == [
        "base: 1 hello [/b]",
        "tuned: HELLO",
        "base: 2 you [/b]",
        "tuned: YOU",
        "base: 1 again [/b]",
        "tuned: AGAIN",
    ]


def test_quit_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = Echo()
    say(monkeypatch, "one", "/quit", "two")
    talk(chat)
    assert chat.heard == ["one"]


def test_unknown_commands_are_not_sent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    chat = Echo()
    say(monkeypatch, "/help me")
    talk(chat)
    assert chat.heard == []
    assert "there is no /help" in capsys.readouterr().err


def test_the_verb_opens_the_model_it_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[Any] = []

    def open_chat(model: Any, observer: object, data: Any) -> Echo:
        opened.append((model.name, data.system))
        return Echo()

    monkeypatch.setattr("keeptune.api.chat.open_chat", open_chat)
    say(monkeypatch, "hi")
    assert main(["chat", "--model", "runs/a", "--system", "Be kind."]) == 0
    assert opened == [("runs/a", "Be kind.")]
    assert "tuned: HI" in capsys.readouterr().out
