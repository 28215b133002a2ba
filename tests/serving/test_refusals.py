"""What is sent without good will, or by mistake, is refused by a status and an error in OpenAI's form."""

from __future__ import annotations

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from keeptune.config import DataConfig, ModelConfig
from keeptune.errors import ConfigError, MissingDependency, ModelError
from keeptune.events import silent
from keeptune.inference.task_format import PLAIN
from keeptune.serving import app as app_module
from keeptune.serving import listener as listener_module
from keeptune.serving import rule as rule_module
from keeptune.serving.asked import Asked
from keeptune.serving.refused import Refused
from keeptune.serving.server import Server, start_server
from keeptune.serving.settings import ServeSettings
from tests.serving.conftest import ask, opened
from tests.serving.models import CPU

CHAT = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "base", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}


def sent(
    server: Server, body: bytes | str | dict[str, Any], path: str = CHAT, method: str = "POST", **headers: str
) -> tuple[int, dict[str, Any]]:
    """(status, content) of a request as it stands here."""
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    content = json.dumps(body) if isinstance(body, dict) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, content, {"Content-Type": "application/json"} | named)
    with connection.getresponse() as response:
        return response.status, json.loads(response.read())


def test_a_good_request_is_answered(server: Server) -> None:
    status, content = sent(server, HELLO)
    assert (status, content["object"]) == (200, "chat.completion")
    assert sent(server, "", "/health", "GET") == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n": 2}, "n is not supported"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logit_bias": {"5": 100}}, "logit_bias"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"top_k": 5}, "'top_k'"),
        ({"temperature": "hot"}, "temperature has to be a number"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 10**400}, "max_tokens"),
        ({"max_tokens": 3, "max_completion_tokens": 4}, "differ"),
        ({"seed": 1 << 70}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"stop": {"a": 1}}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include": 1}}, "stream_options"),
        ({"model": 7}, "model"),
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "'name'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "content[0]"),
        ({"messages": [{"role": "user", "content": "half \ud800"}]}, "surrogates"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_would_change_the_answer_is_refused_by_name(server: Server, change: Any, named: str) -> None:
    status, content = sent(server, HELLO | change)
    assert status == 400
    assert named in content["error"]["message"]
    assert set(content["error"]) == {"message", "type", "param", "code"}
    assert content["error"]["type"] == "invalid_request_error"


def test_what_asks_for_nothing_is_taken(server: Server) -> None:
    neutral = {"n": 1, "logprobs": False, "tools": [], "logit_bias": {}, "presence_penalty": 0.0, "stop": None}
    more = {"user": "me", "response_format": {"type": "text"}, "temperature": 0, "tool_choice": "none"}
    cached = {"type": "text", "text": "lo", "cache_control": {"type": "ephemeral"}, "annotations": None}
    parts = [{"role": "user", "content": [{"type": "text", "text": "hel"}, cached]}]
    asked = HELLO | neutral | more | {"messages": parts, "stream_options": {"include_usage": None}}
    assert sent(server, asked)[1]["usage"] == sent(server, HELLO)[1]["usage"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"model": NaN}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: str(body[:12]),
)
def test_a_body_that_is_no_object_is_refused(server: Server, body: bytes) -> None:
    status, content = sent(server, body)
    assert (status, content["error"]["code"]) == (400, "invalid_json")
    assert len(json.dumps(content)) < 1000


def test_an_unknown_model_is_told_the_names(server: Server) -> None:
    for name in ("gpt-4", "tuned\0", "../base", "x" * 5000):
        status, content = sent(server, HELLO | {"model": name})
        assert (status, content["error"]["code"]) == (404, "model_not_found")
        assert "base, tuned, route" in content["error"]["message"]
        assert len(content["error"]["message"]) < 400
    assert sent(server, "", "/v1/models/none", "GET")[0] == 404
    assert sent(server, "", "/v1/models/route", "GET")[1]["id"] == "route"
    assert sent(server, HELLO, "/v1/embeddings")[0] == 404
    assert sent(server, "", CHAT, "GET")[0] == 405


def test_a_prompt_that_is_too_long_names_tokens_and_the_limit(server: Server) -> None:
    status, content = sent(server, {"model": "base", "prompt": "x" * 600}, "/v1/completions")
    assert (status, content["error"]["code"]) == (400, "context_length_exceeded")
    assert "600 tokens" in content["error"]["message"]
    assert "512" in content["error"]["message"]
    status, content = sent(server, {"model": "base", "prompt": "x" * 500, "max_tokens": 13}, "/v1/completions")
    assert (status, content["error"]["code"]) == (400, "context_length_exceeded")


def test_texts_of_any_characters_are_answered(server: Server) -> None:
    for text in ("\0", "a\0b", "", "🙂 \u202e\u0000", "<|end|><|assistant|>", "<|end|>"):
        assert sent(server, HELLO | {"messages": [{"role": "user", "content": text}]})[0] == 200, text
        assert sent(server, {"model": "base", "prompt": text, "max_tokens": 2}, "/v1/completions")[0] == 200, text


def test_one_text_goes_on_and_several_are_refused(server: Server) -> None:
    texts = {"model": "base", "prompt": ["hello"], "max_tokens": 2}
    assert sent(server, texts, "/v1/completions")[0] == 200
    status, content = sent(server, texts | {"prompt": ["hello", "you"]}, "/v1/completions")
    assert (status, content["error"]["param"]) == (400, "prompt")


def test_a_huge_body_is_refused_while_it_comes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "MOST_BYTES", 5000)
    status, content = sent(server, HELLO | {"messages": [{"role": "user", "content": "x" * 5000}]})
    assert (status, content["error"]["code"]) == (413, "body_too_large")


def test_a_page_of_a_stranger_cannot_ask(server: Server) -> None:
    assert sent(server, HELLO, Content_Type="text/plain")[0] == 415
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::1", "localhost."):
        status, content = sent(server, HELLO, Host=host)
        assert (status, content["error"]["code"]) == (403, "wrong_host"), host
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:80"):
        assert sent(server, HELLO, Host=host)[0] == 200, host
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    connection.request("OPTIONS", CHAT, headers=asking)
    allowed = [name for name, _ in connection.getresponse().getheaders() if name.lower().startswith("access-control")]
    assert allowed == []


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_key_is_asked_for_and_never_shown(adapter: Path, host: str) -> None:
    openai = pytest.importorskip("openai")
    settings = ServeSettings(api_key="sk-of-mine")
    assert "sk-of-mine" not in repr(settings)
    with opened(adapter, api_key="sk-of-mine", host=host) as server:
        assert "sk-of-mine" not in repr(server)
        for wrong in ("", "sk-of-min", "sk-of-mine2", "é"):
            status, content = sent(server, HELLO, Authorization=f"Bearer {wrong}")
            assert (status, content["error"]["code"]) == (401, "invalid_api_key")
            assert "sk-of-mine" not in json.dumps(content)
        assert sent(server, "", "/v1/models", "GET")[0] == 401
        assert sent(server, "", "/health", "GET")[0] == 200
        with pytest.raises(openai.AuthenticationError):
            ask(server, "other").models.list()
        # Others reach it by names of their own, be it through a proxy on this machine.
        assert sent(server, HELLO, Authorization="Bearer sk-of-mine", Host="gpu-box:8000")[0] == 200
        assert [model.id for model in ask(server, "sk-of-mine").models.list()] == ["base", "tuned", "route"]


def test_answers_that_nobody_waits_for_are_not_made(server: Server, client: Any, long: str) -> None:
    decoder = server._service.worker._decoders["base"]
    stream = client.completions.create(model="base", prompt=long, max_tokens=400, stream=True)
    next(iter(stream))
    stream.close()
    address = urlsplit(server.url)
    body = json.dumps({"model": "base", "prompt": long, "max_tokens": 400}).encode()
    named = ("Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}")
    head = "\r\n".join(["POST /v1/completions HTTP/1.1", *named])
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
        until(lambda: decoder.is_busy)
    until(lambda: not decoder.is_busy)
    assert sent(server, HELLO)[0] == 200


def test_a_client_that_leaves_while_it_asks_is_no_failure(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    address = urlsplit(server.url)
    head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert sent(server, HELLO)[0] == 200
    assert sent(server, HELLO)[0] == 200
    assert caplog.messages == []


def test_more_connections_than_it_bears_are_turned_away(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "MOST_CONNECTIONS", 2)
    with opened(adapter) as server:
        address = urlsplit(server.url)

        def health() -> int:
            connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
            connection.request("GET", "/health")
            with connection.getresponse() as response:
                return response.status

        with socket.create_connection((address.hostname, address.port)):
            until(lambda: health() == 503)
        until(lambda: health() == 200)


def test_what_is_told_by_and_by_is_ascii() -> None:
    event = app_module._event({"content": "é\u2028\x85"})
    assert event.isascii()
    assert json.loads(event.removeprefix("data: ")) == {"content": "é\u2028\x85"}


def test_a_pattern_without_end_is_stopped_and_lets_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_module, "SECONDS", 0.5)
    rule = rule_module.Rule(PLAIN, ServeSettings(route_if=r"\s+$").rule())
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(rule.route, Asked("route", " " * 200_000 + "x"))
        turns = 0
        while not found.done():
            time.sleep(0.01)
            turns += 1
    with pytest.raises(Refused, match="takes too long"):
        found.result()
    assert turns > 0


def until(come: Any) -> None:
    end = time.monotonic() + 120
    while not come():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_a_failure_ends_the_answers_it_concerns_and_not_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decoder = server._service.worker._decoders["base"]
    at_once = decoder._at_once

    def fail_with(error: Exception) -> tuple[int, str]:
        def step() -> None:
            monkeypatch.undo()
            decoder._admit()
            raise error

        monkeypatch.setattr(type(decoder), "step", lambda _: step())
        status, content = sent(server, HELLO)
        return status, content["error"]["message"]

    for error in (ValueError("of a test"), ModelError("/secret gives NaN", "")):
        assert fail_with(error) == (500, "the answer failed; the server's log has the reason")
        assert str(error) in caplog.text
        assert sent(server, HELLO)[0] == 200
    assert fail_with(RuntimeError("CUDA out of memory"))[0] == 503
    assert decoder._at_once == at_once // 2
    decoder._at_once = at_once
    assert sent(server, HELLO)[0] == 200


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"host": "0.0.0.0"}, "KEEPTUNE_API_KEY"),
        ({"host": "::"}, "KEEPTUNE_API_KEY"),
        ({"host": "no such host"}, "is not known"),
        ({"api_key": ""}, "the API key"),
        ({"api_key": "a\nb"}, "the API key"),
        ({"route_if": "("}, "--route-if"),
    ],
    ids=str,
)
def test_settings_are_refused_before_a_model_loads(adapter: Path, settings: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told), opened(adapter / "none", **settings):
        pass


def test_a_server_that_is_not_run_lets_its_models_go(adapter: Path) -> None:
    server = start_server(ModelConfig(str(adapter), **CPU), None, DataConfig(), ServeSettings(port=0), silent)
    assert server._service.worker.is_alive
    server.close()
    assert not server._service.worker.is_alive
    with pytest.raises(ConfigError, match="any more"):
        server.run()


def test_a_port_that_is_taken_and_packages_that_are_missing_are_told(
    adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="cannot listen on 127"):
        listener_module.listen(ServeSettings(port=taken.getsockname()[1]))
    monkeypatch.setattr(listener_module, "PACKAGES", ("starlette", "no_such_package"))
    with pytest.raises(MissingDependency, match="pip install"), opened(adapter):
        pass
