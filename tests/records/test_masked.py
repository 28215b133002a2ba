"""Secrets are masked in whatever is written of a run, and nothing else is changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from keeptune.records.masked import has_secret, masked, masked_text, public, without_home
from tests.report.forgetting_reports import forgetting_report
from tests.report.results import RESULT

LONG = "abcdefghijklmnopqrstuvwxyz012345"
SECRETS = (
    f"hf_{LONG}",
    f"sk-{LONG}",
    f"sk-ant-api03-{LONG}",
    f"sk-proj-{LONG}",
    f"ghp_{LONG}",
    f"github_pat_{LONG}",
    f"glpat-{LONG}",
    "AKIAIOSFODNN7EXAMPLE",
    f"AIza{LONG}",
    f"xoxb-{LONG}",
    f"eyJhbGciOiJIUzI1NiJ9.{LONG}.{LONG}",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_known_tokens(secret: str) -> None:
    for text in (secret, f"use {secret}, please", f"--system={secret}", f"https://x.org/{secret}/y"):
        assert secret not in masked_text(text)
        assert "***" in masked_text(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pass@x.org/rows.csv", "https://***@x.org/rows.csv"),
        ("s3://key:secret@bucket/rows", "s3://***@bucket/rows"),
        ("https://x.org/a?token=abc&rows=5", "https://x.org/a?token=***&rows=5"),
        ("https://x.org/a?rows=5&password=abc", "https://x.org/a?rows=5&password=***"),
        ("HF_TOKEN=abc keeptune tune", "HF_TOKEN=*** keeptune tune"),
        ("api-key: abc", "api-key: ***"),
        ('my password: "a b", and', 'my password: "***", and'),
        ("DB_PASSWORD='abc' keeptune tune", "DB_PASSWORD='***' keeptune tune"),
        ('{"api_key": "abc", "rows": "5"}', '{"api_key": "***", "rows": "5"}'),
        (r'"{\"hf_token\": \"abc\", \"rows\": 5}"', r'"{\"hf_token\": \"***\", \"rows\": 5}"'),
        ("postgres://me:p@ss@x.org/rows", "postgres://***@x.org/rows"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
    ],
)
def test_what_is_named_as_a_secret(text: str, shown: str) -> None:
    assert masked_text(text) == shown
    assert masked_text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "max_new_tokens=12, token_budget: 4096, tokens: 7",
        "set eos_token: </s> in its tokenizer_config.json",
        "nats per token",
        '{"token": "John", "label": "PER"}',
        'password: "", user: "me"',
        "task-sk-1",
        "org/name@main",
        "me@x.org",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ask-me-anything-about-this-long-name",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked_text(text) == text


def test_records_of_the_right_kind_come_out() -> None:
    command = ("keeptune", "tune", "--hf-token", "abc", "--system", SECRETS[0])
    config = {"model": {"name": "m"}, "password": "abc", "max_new_tokens": 12, "api_key": None}
    result = dataclasses.replace(RESULT, config=config, notices=(f"read {SECRETS[1]}",))
    result = dataclasses.replace(result, manifest=dataclasses.replace(result.manifest, command=command))
    found = masked(result)
    assert found.manifest.command == ("keeptune", "tune", "--hf-token", "***", "--system", "***")
    assert found.config == {"model": {"name": "m"}, "password": "***", "max_new_tokens": 12, "api_key": None}
    assert found.notices == ("read ***",)
    assert has_secret(result)
    for whole in (RESULT, forgetting_report()):
        assert masked(whole) == whole
        assert not has_secret(whole)


def test_home_folders_are_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/people/ann"))
    assert without_home("/srv/people/ann/rows.csv") == "~/rows.csv"
    assert without_home("--train=/srv/people/ann") == "--train=~"
    assert without_home("/srv/people/anne/rows.csv") == "/srv/people/anne/rows.csv"
    assert without_home("/home/bob/x and /Users/eve/y") == "~/x and ~/y"
    assert public({"a": f"/home/bob/{SECRETS[0]}"}) == {"a": "~/***"}
