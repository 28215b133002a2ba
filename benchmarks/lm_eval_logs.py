"""Two finished logs of lm-evaluation-harness, compared as pairs, beside the harness's own unpaired z-test.

    python benchmarks/lm_eval_logs.py            run the harness's command line, then print and keep the table
    python benchmarks/lm_eval_logs.py --table    print the table from the record alone

The task is this file's own: 324 words, "Heron is a kind of" bird, tool, drink …, four choices by likelihood. The base
is the built-in model; the others are the same with Gaussian noise on every weight matrix, in shares of its standard
deviation, standing for tuned checkpoints. The harness runs offline, in a process of its own for each,
with ``--log_samples``; both verdicts are read from what it left. Its z is that of scripts/model_comparator.py,
(a − b)/√(se² + se²) with the standard errors of its results file (EleutherAI/lm-evaluation-harness#3831): it takes the
two models' answers to the same items for answers to different ones, and where it finds nothing it cannot say that
nothing was lost. Needs `pip install "keeptune[lm-eval]"`. The record goes to results/lm_eval_logs.json.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from model_case import interval, negated

RESULTS = Path(__file__).parent / "results" / "lm_eval_logs.json"
TASK = "word_kinds"
NOISE = (0.02, 0.05, 0.1, 0.2)
KINDS = {
    "bird": "heron finch wren sparrow robin magpie pigeon falcon owl swallow thrush raven crow eagle hawk "
    "duck goose swan stork gull pelican parrot woodpecker cuckoo kingfisher ostrich penguin",
    "fish": "trout salmon cod herring carp perch mackerel sardine tuna eel haddock halibut anchovy sturgeon "
    "barracuda catfish goldfish swordfish bass snapper minnow tilapia piranha grouper flounder sole "
    "pike",
    "tree": "oak beech birch willow poplar elm maple spruce larch cedar alder hornbeam sycamore yew fir pine "
    "cypress sequoia eucalyptus mahogany juniper chestnut rowan hawthorn aspen acacia baobab",
    "fruit": "plum pear apricot cherry peach mango papaya banana fig grape quince lemon lime melon strawberry "
    "raspberry blueberry kiwi guava nectarine apple pineapple grapefruit tangerine lychee cranberry "
    "persimmon",
    "vegetable": "carrot turnip leek cabbage spinach parsnip celery broccoli cauliflower lettuce radish beetroot "
    "onion asparagus kale artichoke zucchini eggplant cucumber rutabaga fennel shallot okra chard "
    "endive kohlrabi yam",
    "insect": "beetle wasp ant grasshopper cricket mosquito moth butterfly dragonfly ladybird hornet bumblebee "
    "termite earwig cockroach locust aphid firefly weevil mantis gnat flea louse mayfly cicada bee "
    "horsefly",
    "flower": "tulip daffodil lily rose daisy poppy violet iris orchid peony dahlia marigold carnation crocus "
    "hyacinth snowdrop lavender sunflower buttercup bluebell primrose geranium petunia pansy foxglove "
    "zinnia chrysanthemum",
    "tool": "hammer chisel saw spanner wrench pliers screwdriver mallet rasp spade shovel rake hoe axe drill "
    "sickle trowel crowbar hacksaw hatchet pickaxe sander pitchfork scythe jigsaw handsaw "
    "sledgehammer",
    "drink": "cider lemonade cocoa coffee tea wine beer whisky rum gin vodka brandy sherry champagne cola "
    "milkshake smoothie espresso cappuccino ale lager mead bourbon tequila sake latte punch",
    "fabric": "linen wool cotton silk velvet denim tweed satin muslin corduroy flannel felt gauze lace nylon "
    "polyester cashmere chiffon taffeta brocade gingham calico twill damask rayon fleece tulle",
    "dance": "waltz tango polka foxtrot rumba samba mambo flamenco jive ballet minuet quickstep salsa bolero "
    "mazurka gavotte merengue bachata charleston jitterbug lindy hornpipe jig reel cancan lambada "
    "tarantella",
    "boat": "canoe kayak yacht ferry barge dinghy raft gondola catamaran schooner trawler tugboat sloop "
    "frigate rowboat speedboat sailboat steamboat lifeboat houseboat galleon punt ketch trimaran "
    "clipper junk submarine",
}
YAML = """task: {task}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{word | capitalize}}}} is a kind of"
doc_to_choice: choices
doc_to_target: answer
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""


def documents() -> list[dict[str, Any]]:
    """Every word once, its kind among three others that move on from word to word."""
    kinds = list(KINDS)
    found = []
    for at, (kind, words) in enumerate(KINDS.items()):
        others = kinds[at + 1 :] + kinds[:at]
        for number, word in enumerate(words.split()):
            choices = [others[(number + step) % len(others)] for step in (0, 4, 7)]
            choices.insert(number % 4, kind)
            found.append({"word": word, "choices": choices, "answer": number % 4})
    return found


def write_task(folder: Path) -> None:
    rows = documents()
    (folder / "words.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / f"{TASK}.yaml").write_text(YAML.format(task=TASK, data=folder / "words.jsonl"), encoding="utf-8")


def save_noisy(share: float, folder: Path) -> Path:
    """The built-in model with noise of `share` standard deviations on each weight matrix; its folder."""
    import torch

    from keeptune.config.schema import ModelConfig
    from keeptune.models.load import load_model

    loaded = load_model(ModelConfig(name="smollm2", device="cpu", dtype="float32"))
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in loaded.model.parameters():
            if weight.dim() == 2:
                weight += share * weight.std() * torch.randn_like(weight)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


def run_harness(model: Path, output: Path, tasks: Path) -> None:
    command = [sys.executable, "-m", "lm_eval", "--model", "hf"]
    command += ["--model_args", f"pretrained={model},dtype=float32", "--device", "cpu", "--batch_size", "16"]
    command += ["--tasks", TASK, "--include_path", str(tasks), "--log_samples", "--output_path", str(output)]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tasks / "cache")}
    subprocess.run(command, check=True, env=os.environ | offline)


def compare_logs(share: float, base: Path, tuned: Path) -> dict[str, Any]:
    """One row: both tests on the same two logs."""
    from keeptune.data.lm_eval_log import read_lm_eval_log
    from keeptune.data.lm_eval_task import same_ability
    from keeptune.forgetting.verdict import judge
    from keeptune.records import Interval

    before, after = read_lm_eval_log(base)[TASK], read_lm_eval_log(tuned)[TASK]
    report = judge(same_ability(before.ability, after.ability), before.records, after.records)
    a, se_a = _told(base)
    b, se_b = _told(tuned)
    z = (a - b) / math.sqrt(se_a**2 + se_b**2)
    assert isinstance(report.drop, Interval)
    return {
        "noise": share,
        "items": report.items,
        "base": report.base,
        "tuned": report.tuned,
        "fell": report.fell,
        "rose": report.rose,
        "harness": {"base": a, "tuned": b, "stderr": [se_a, se_b], "z": z, "p": math.erfc(abs(z) / math.sqrt(2))},
        "drop": {"estimate": report.drop.estimate, "low": report.drop.low, "high": report.drop.high},
        "method": report.drop.method,
        "p": report.change_p,
        "margin": report.margin,
        "verdict": report.verdict,
        "reason": report.reason,
    }


def _told(log: Path) -> tuple[float, float]:
    """The harness's own accuracy and standard error."""
    (file,) = log.rglob("results_*.json")
    found = json.loads(file.read_text(encoding="utf-8"))["results"][TASK]
    return found["acc,none"], found["acc_stderr,none"]


def table(record: dict[str, Any]) -> str:
    """As Markdown."""
    lines = [
        "| noise | base → noisy | right→wrong, back | harness, unpaired: z, p | paired: change, 95 % | p | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        z, change = row["harness"], interval(negated(row["drop"]))
        lines.append(
            f"| {row['noise']:g} | {row['base']:.1f} → {row['tuned']:.1f} | {row['fell']}, {row['rose']} "
            f"| {z['z']:.2f}, {_p(z['p'])} | {change} "
            f"| {_p(row['p'])} | {row['verdict']} |"
        )
    return "\n".join(lines).replace("-", "−").replace("|−−−", "|---")


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def measure(folder: Path) -> dict[str, Any]:
    tasks = folder / "task"
    tasks.mkdir(exist_ok=True)
    write_task(tasks)
    for share in (0.0, *NOISE):
        log = folder / f"log-{share:g}"
        if not log.exists():
            run_harness(save_noisy(share, folder / "model"), log, tasks)
    return {
        "task": f"{TASK}: {len(documents())} words, four choices",
        "model": "smollm2, float32, CPU",
        "versions": {
            name: importlib.metadata.version(name) for name in ("lm_eval", "keeptune", "transformers", "torch")
        },
        "rows": [compare_logs(share, folder / "log-0", folder / f"log-{share:g}") for share in NOISE],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="print the table from the record alone")
    parser.add_argument("--folder", type=Path, help="keep models and logs here; logs that are there are not made again")
    given = parser.parse_args()
    if not given.table:
        with tempfile.TemporaryDirectory() as scratch:
            folder = given.folder or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            record = measure(folder)
        RESULTS.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
