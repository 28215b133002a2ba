"""keeptune beside other tools, from `results/peers.json` and `peers/rows.yaml`: the tables of docs/peers.md.

python benchmarks/peers/try_trl.py      run a peer, in an environment that has it (try_*.py)
python benchmarks/peers/look.py FOLDER  look up what the files of the others say (peers/sources.yaml)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "peers.json"
ROWS: Mapping[str, Mapping[str, Any]] = yaml.safe_load((HERE / "peers" / "rows.yaml").read_text(encoding="utf-8"))
SOURCES: Mapping[str, Any] = yaml.safe_load((HERE / "peers" / "sources.yaml").read_text(encoding="utf-8"))
ALL = {row: said for group in ROWS.values() for row, said in group.items()}
SHOWN = {"outside": "–"}


def table(entries: Sequence[Mapping[str, Any]]) -> str:
    """Verdicts: row × tool, bold where the tool was run here; then keeptune's own way for each row."""
    found = {(entry["peer"], entry["row"]): entry for entry in entries}
    parts = []
    for group, rows in ROWS.items():
        lines = [f"| {group.lower()} | keeptune | {' | '.join(SOURCES)} |", "|---" * (len(SOURCES) + 2) + "|"]
        for row, said in rows.items():
            cells = [_cell(found.get((peer, row))) for peer in SOURCES]
            lines.append(f"| {said['name']} | {said['keeptune'][0]} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def own() -> str:
    """What *yes* means in each row, and how keeptune does it."""
    lines = ["| row | yes means | keeptune | by |", "|---|---|---|---|"]
    for said in ALL.values():
        verdict, way, page = said["keeptune"]
        shown = f"`{way}`" if way.startswith(("keeptune ", "torchrun ")) else way
        lines.append(f"| {said['name']} | {said['means']} | {verdict} | {shown} ([page]({page})) |")
    return "\n".join(lines)


def evidence(entries: Sequence[Mapping[str, Any]]) -> str:
    """What each verdict rests on, a table a peer."""
    parts = []
    for peer, source in SOURCES.items():
        mine = {entry["row"]: entry for entry in entries if entry["peer"] == peer}
        if not mine:
            continue
        lines = [f"### {peer} {next(iter(mine.values()))['version']}", "", f"{source['run']}.", ""]
        lines += ["| row | verdict | how | where | what it says |", "|---|---|---|---|---|"]
        for row, said in ALL.items():
            if row in mine:
                one = mine[row]
                where = f"`{one['where']}`" if one["where"] and one["evidence"] != "searched" else one["where"]
                cells = [said["name"], SHOWN.get(one["verdict"], one["verdict"]), one["evidence"], where, _quoted(one)]
                lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cell(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "not tried"
    verdict = SHOWN.get(entry["verdict"], entry["verdict"])
    return f"**{verdict}**" if entry["evidence"] == "run" else verdict


def _quoted(entry: Mapping[str, Any]) -> str:
    """What it says, as text that Markdown leaves alone."""
    if entry["evidence"] in ("outside", "not tried"):
        return str(entry["excerpt"])
    return "<code>" + entry["excerpt"].replace("&", "&amp;").replace("<", "&lt;").replace("`", "&#96;") + "</code>"
