"""A mix in a terminal: the rows that go in, those that are left out, and why."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from keeptune.commands import command
from keeptune.data.mix.report import MixedSource, MixReport
from keeptune.report.ending_lines import command_line
from keeptune.report.visible import visible

PROBLEMS_SHOWN = 10
TESTS_SHOWN = 3
"""Maximum test sets with a column each; the leaks of more share one column."""


def mix_report(report: MixReport) -> RenderableType:
    """The answer, then each source, then unusable rows."""
    parts: list[RenderableType] = [Text(""), Text(_headline(report), style="bold"), Text(""), _table(report)]
    for test in report.tests:
        invalid = f", {test.invalid:,} unreadable" if test.invalid else ""
        parts.append(Text(f"test set {test.name}: {test.rows:,} rows{invalid}, {test.data}"))
    if not report.near_duplicates:
        parts.append(Text("near repeats were not searched for"))
    if report.problems:
        parts += [Text(""), Text("rows left out because they are unusable", style="bold yellow")]
        parts += [Text(visible(f"  {problem}")) for problem in report.problems[:PROBLEMS_SHOWN]]
        count = sum(source.invalid for source in report.sources) + sum(test.invalid for test in report.tests)
        if count > PROBLEMS_SHOWN:
            parts.append(Text(f"  … {count:,} in all; `keeptune check` on a source lists its own", style="dim"))
    if report.folder:
        parts += [Text(""), Text(f"files: {report.folder}  (mix.jsonl, recipe.yaml)")]
        parts.append(command_line("to train on it", command("tune", train=report.folder)))
    else:
        parts += [Text(""), Text("nothing written: --output FOLDER writes the mix")]
    return Group(*parts)


def _headline(report: MixReport) -> str:
    sources = report.sources
    read = sum(source.read for source in sources)
    leaks = sum(sum(source.leaks) for source in sources)
    repeats = sum(source.exact_within + source.exact_across + source.near for source in sources)
    return (
        f"{report.rows:,} rows of {read:,} from {len(sources)} source{'s' * (len(sources) != 1)}; left out: "
        f"{leaks:,} that occur in a test set, {repeats:,} repeats, "
        f"{sum(source.invalid for source in sources):,} that cannot be used"
    )


def _table(report: MixReport) -> Table:
    tests = [test.name for test in report.tests]
    in_tests = [f"in {name}" for name in tests] if len(tests) <= TESTS_SHOWN else ["in a test set"]
    tokens = any(source.tokens is not None for source in report.sources)
    columns = ["read", "unusable", *in_tests, "exact within", "exact across", *["near"] * report.near_duplicates]
    columns += ["usable", "rows", "share", "characters", *["tokens"] * tokens]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("source")
    for name in columns:
        table.add_column(name, justify="right")
    for source in report.sources:
        table.add_row(Text(visible(source.name)), *_cells(source, len(in_tests) == len(tests), report.near_duplicates))
    if len(report.sources) > 1:
        table.add_section()
        table.add_row("all", *_sums(report.sources, len(in_tests) == len(tests), report.near_duplicates), style="bold")
    return table


def _cells(source: MixedSource, each_test: bool, near: bool) -> list[str]:
    counts, share, sizes = _numbers(source, each_test, near)
    return [*(f"{count:,}" for count in counts), f"{share:.1%}", *(f"{size:,}" for size in sizes)]


def _sums(sources: Sequence[MixedSource], each_test: bool, near: bool) -> list[str]:
    counts, shares, sizes = zip(*(_numbers(source, each_test, near) for source in sources), strict=True)
    columns = [[f"{sum(column):,}" for column in zip(*rows, strict=True)] for rows in (counts, sizes)]
    return [*columns[0], f"{sum(shares):.1%}", *columns[1]]


def _numbers(source: MixedSource, each_test: bool, near: bool) -> tuple[list[int], float, list[int]]:
    """Counts of rows, share, characters and perhaps tokens, in the order of the table."""
    leaks = list(source.leaks) if each_test else [sum(source.leaks)]
    repeats = [source.exact_within, source.exact_across, *[source.near] * near]
    sizes = [source.characters] if source.tokens is None else [source.characters, source.tokens]
    return [source.read, source.invalid, *leaks, *repeats, source.usable, source.rows], source.share, sizes
