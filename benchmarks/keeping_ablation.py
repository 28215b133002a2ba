"""Which settings keep the most? β × share × length × α of KL on the base's own text, on one case.

    KEEPTUNE_DATA=<folder> python benchmarks/keeping_ablation.py --work build/model-case
    python benchmarks/keeping_ablation.py --table           print from the records alone, and draw the picture

The case `intents` of `keeping.py`, full fine-tuning, one seed: the plain training loses three abilities there, and a
training takes minutes. β is the weight of the KL, share the share of the tokens that are the base's text, length the
most tokens of a text; `prompts` takes half of it from prompts of the declared abilities; `replay` adds own text that is
learned by cross-entropy (`--self-replay`), and `whole` uses all of the KL's gradient. From the first setting, the
default's, the others but `plain` differ in one thing. Each is trained once; the other α of the first three use that
training again. The order of `SETTINGS` is that of
their value, since a call may end anywhere; what has a record is not run again. Text that an earlier setting had the
base write is used again, so the minutes are not a price. Records are kept in `results/keeping_ablation/`, and the
picture in `docs/images/`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import model_case
from keeping import BUILT_IN, base_of
from keeping_ablation_table import PICTURE, RESULTS, drawings, table
from keeping_cases import CASES, make_files, task_command
from keeping_records import Runner, read_records

CASE = CASES[1]
SEED = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """One training."""

    beta: float
    share: float = 0.0
    length: int = 0
    prompts: bool = False
    replay: float = 0.0
    whole: bool = False

    @property
    def name(self) -> str:
        """``kl1-share0.1-tokens64-prompts``; ``plain``."""
        kl = f"kl{self.beta:g}-share{self.share:g}-tokens{self.length}" if self.beta else "plain"
        replay = f"-replay{self.replay:g}" * (self.replay > 0)
        return kl + "-prompts" * self.prompts + replay + "-whole" * self.whole

    def words(self) -> list[str]:
        """What its command has beside the task."""
        if not self.beta:
            return ["--plain"]
        kl = ["--kl", f"{self.beta:g}", "--kl-share", f"{self.share:g}", "--kl-tokens", str(self.length)]
        kl += ["--kl-gradient", "whole"] if self.whole else []
        kl += [] if self.prompts else ["--prompt-fraction", "0"]
        return [*kl, "--self-replay", f"{self.replay:g}"] if self.replay else kl


SETTINGS = (
    Setting(3, 0.125, 64, prompts=True),
    Setting(0),
    Setting(3, 0.125, 64, prompts=True, whole=True),
    Setting(3, 0.125, 64),
    Setting(1, 0.125, 64, prompts=True),
    Setting(10, 0.125, 64, prompts=True),
    Setting(3, 0.0625, 64, prompts=True),
    Setting(3, 0.25, 64, prompts=True),
    Setting(3, 0.125, 16, prompts=True),
    Setting(3, 0.125, 256, prompts=True),
    Setting(3, 0.125, 64, prompts=True, replay=0.2),
)
POINTS = [(each, alpha) for each in SETTINGS[:3] for alpha in (1.0, 0.75, 0.5)] + [
    (other, 1.0) for other in SETTINGS[3:]
]
"""Setting, α."""


def command(setting: Setting, alpha: float, base: str, folder: Path) -> list[str]:
    """The command line of one point. Settings that are named replace the default recipe."""
    words = [*task_command(CASE, base, folder), "--method", "full", "--seed", str(SEED), *setting.words()]
    # --plain leaves out the default recipe, and an α that is named is no default.
    return words if alpha == 1 else [*(word for word in words if word != "--plain"), "--interpolation", f"{alpha:g}"]


def main() -> None:
    """Run what is missing, then print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/model-case"), help="where the models lie")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="settings whose names begin so, alone")
    parser.add_argument("--minutes", type=float, help="start none after so many minutes")
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args()
    if not options.table:
        data, work = model_case.places(options.work)
        model_case.make_rows(data, work)
        runner = Runner(work / "keeping", RESULTS, shares_text=True)
        folder = runner.work / CASE.name
        make_files(CASE, data, folder)
        base = base_of(CASE, BUILT_IN, data, runner)
        began = time.monotonic()
        for setting, alpha in POINTS:
            name = setting.name if alpha == 1 else f"{setting.name}-alpha{alpha:g}"
            late = options.minutes is not None and time.monotonic() - began > 60 * options.minutes
            chosen = not options.only or any(name.startswith(start) for start in options.only)
            if late or not chosen or runner.has_record(name):
                continue
            facts = {
                "case": CASE.name,
                "recipe": "plain" if name == "plain" else "setting",
                "setting": setting.name,
                "alpha": alpha,
            }
            runner.keep(name, command(setting, alpha, base, folder), facts)
    for name, drawn in drawings().items():
        PICTURE.with_name(name).write_text(drawn, encoding="utf-8")
    print(table(read_records(RESULTS)))


if __name__ == "__main__":
    main()
