"""docs/peers.md: keeptune's column names commands that it takes; a peer's verdict says what it rests on."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benchmarks" / "peers"
GROUPS = yaml.safe_load((PEERS / "rows.yaml").read_text(encoding="utf-8"))
ROWS = {row: said for group in GROUPS.values() for row, said in group.items()}
SOURCES = yaml.safe_load((PEERS / "sources.yaml").read_text(encoding="utf-8"))
ENTRIES = json.loads((ROOT / "benchmarks" / "results" / "peers.json").read_text(encoding="utf-8"))
OWN = {row: said["keeptune"] for row, said in ROWS.items()}
COMMANDS = sorted({way for _, way, _ in OWN.values() if way.startswith("keeptune ")})


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_parses(line: str) -> None:
    from keeptune.cli.main import keeptune

    verb, *arguments = shlex.split(line)[1:]
    keeptune.get_command(None, verb).make_context(verb, arguments)


@pytest.mark.parametrize("row", sorted(ROWS))
def test_a_yes_is_a_command_and_a_page_says_more(row: str) -> None:
    verdict, way, page = OWN[row]
    assert verdict != "yes" or way in COMMANDS
    file, _, anchor = page.partition("#")
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / file).read_text(encoding="utf-8"), re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert not anchor or anchor in anchors


def test_every_row_of_every_peer_was_looked_at_once() -> None:
    seen = sorted((entry["peer"], entry["row"]) for entry in ENTRIES)
    assert seen == sorted((peer, row) for peer in SOURCES for row in ROWS)


def test_a_verdict_rests_on_something() -> None:
    verdicts = {
        "run": {"yes", "partly", "no"},
        "read": {"yes", "partly", "no"},
        "searched": {"not found"},
        "outside": {"outside"},
        "not tried": {"not tried"},
    }
    for entry in ENTRIES:
        assert entry["verdict"] in verdicts[entry["evidence"]], entry
        assert entry["version"]
        assert 0 < len(entry["excerpt"]) <= 200
        assert entry["where"] or entry["evidence"] in ("outside", "not tried")


def test_what_was_run_has_its_script() -> None:
    scripts = [path.read_text(encoding="utf-8") for path in PEERS.glob("try_*.py")]
    for entry in ENTRIES:
        if entry["evidence"] == "run":
            (script,) = [text for text in scripts if f'Tried("{entry["peer"]}"' in text]
            assert f'saw("{entry["row"]}"' in re.sub(r"saw\(\s+", "saw(", script)
