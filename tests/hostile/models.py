"""Models, adapters, tokenizers and chat templates of a stranger."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keeptune.errors import DataError, ModelError, TrainingError
from tests.hostile.inputs import CANARY, CPU, ESCAPES, PICKLED, ROWS, Change, HostileInput, Write, edit, link, pipe


def changed_model(*changes: Change, words: Sequence[str] = ()) -> Write:
    """The tiny model, changed, answers some rows."""

    def write(folder: Path) -> Sequence[str]:
        shutil.copytree(folder / "tiny", folder / "model")
        for change in changes:
            change(folder / "model")
        (folder / "rows.jsonl").write_text(ROWS)
        return ["eval", "--model", "model", "--test", "rows.jsonl", *CPU, "--output", "out", *words]

    return write


def _adapter(*changes: Change) -> Write:
    def write(folder: Path) -> Sequence[str]:
        shutil.copytree(folder / "done" / "adapter", folder / "adapter")
        (folder / "adapter" / "SHA256SUMS").unlink(missing_ok=True)
        for change in changes:
            change(folder / "adapter")
        (folder / "rows.jsonl").write_text(ROWS)
        return ["eval", "--model", "adapter", "--test", "rows.jsonl", *CPU, "--output", "out"]

    return write


def _pickle(safe: str, name: str) -> Change:
    return lambda path: ((path / safe).unlink(), (path / name).write_bytes(PICKLED))


def _own_code(name: str, auto: str) -> Change:
    def change(path: Path) -> None:
        (path / "evil.py").write_text(f"open({CANARY!r}, 'w')\n")
        own = {"model_type": "evil"} if name == "config.json" else {"tokenizer_class": "Evil"}
        edit(name, auto_map={auto: "evil.Evil" if name == "config.json" else ["evil.Evil", None]}, **own)(path)

    return change


def _index(name: str) -> Change:
    def change(path: Path) -> None:
        shutil.move(path / "model.safetensors", path.parent / "outside.safetensors")
        (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": {"a": name}}))

    return change


def _tokenizer(**values: Any) -> Change:
    return edit("tokenizer.json", **values)


def _template(text: str) -> Write:
    return changed_model(lambda path: (path / "chat_template.jinja").write_text(text))


GROWING = {"type": "Replace", "pattern": {"String": "n"}, "content": "n" * 10}
MODELS = (
    (
        "pickled weights",
        "code",
        changed_model(_pickle("model.safetensors", "pytorch_model.bin")),
        ModelError,
        "--allow-pickle",
    ),
    (
        "a pickle named as safetensors",
        "code",
        changed_model(lambda p: (p / "model.safetensors").write_bytes(PICKLED)),
        ModelError,
        "again",
    ),
    ("an index that names a pickle", "code", changed_model(_index("x.bin")), ModelError, "next to it"),
    (
        "a pickled adapter",
        "code",
        _adapter(_pickle("adapter_model.safetensors", "adapter_model.bin")),
        ModelError,
        "--allow-pickle",
    ),
    (
        "a model with code of its own",
        "code",
        changed_model(_own_code("config.json", "AutoModelForCausalLM")),
        ModelError,
        "--allow-remote-code",
    ),
    (
        "a tokenizer with code of its own",
        "code",
        changed_model(_own_code("tokenizer_config.json", "AutoTokenizer")),
        ModelError,
        "custom code",
    ),
    (
        "attention by a kernel of the hub",
        "network",
        changed_model(edit("config.json", attn_implementation="evil/kernel")),
        ModelError,
        "kernels",
    ),
    (
        "an adapter that names a module to import",
        "code",
        _adapter(edit("adapter_config.json", megatron_config={"a": 1}, megatron_core="evil")),
        ModelError,
        "beyond its own",
    ),
    (
        "an index that names a file elsewhere",
        "path",
        changed_model(_index("../outside.safetensors")),
        ModelError,
        "next to it",
    ),
    (
        "weights that link elsewhere",
        "link",
        changed_model(_index("one.safetensors"), link("one.safetensors", "../outside.safetensors")),
        ModelError,
        "outside of its folder",
    ),
    ("weights that are a pipe", "endless", changed_model(pipe("model.safetensors")), ModelError, "not a file"),
    (
        "a config that never ends",
        "endless",
        changed_model(link("config.json", "/dev/zero")),
        ModelError,
        "cannot be read",
    ),
    (
        "ten million layers",
        "endless",
        changed_model(edit("config.json", num_hidden_layers=10**7)),
        ModelError,
        "10,000,000 as num_hidden_layers",
    ),
    (
        "layers of two kinds, ten billion times",
        "endless",
        changed_model(edit("config.json", model_type="gpt_neo", attention_types=[[["global"], 10**10]])),
        ModelError,
        "10,000,000,000 as attention_types",
    ),
    (
        "a vocabulary of a terabyte",
        "bomb",
        changed_model(edit("config.json", vocab_size=10**10)),
        TrainingError,
        "memory",
    ),
    (
        "an adapter of a rank of a terabyte",
        "bomb",
        _adapter(edit("adapter_config.json", r=10**10)),
        TrainingError,
        "memory",
    ),
    (
        "twenty thousand names of modules",
        "endless",
        _adapter(edit("adapter_config.json", modules_to_save=["x"] * 20_000)),
        ModelError,
        "modules_to_save",
    ),
    (
        "a billion copies of layers",
        "endless",
        _adapter(edit("adapter_config.json", layer_replication=[[0, 10**9]])),
        ModelError,
        "layer_replication",
    ),
    (
        "an initialisation without end",
        "endless",
        _adapter(edit("adapter_config.json", init_lora_weights=f"pissa_niter_{10**9}")),
        ModelError,
        "init_lora_weights",
    ),
    (
        "an adapter whose base is a URL",
        "network",
        _adapter(edit("adapter_config.json", base_model_name_or_path="http://evil.example/m")),
        ModelError,
        "no model at",
    ),
    (
        "JSON nested a million deep",
        "bomb",
        changed_model(lambda p: (p / "config.json").write_text("[" * 10**6)),
        ModelError,
        "deep",
    ),
    (
        "escapes in the kind of model",
        "escape",
        changed_model(edit("config.json", model_type=ESCAPES)),
        ModelError,
        "␛]8;;",
    ),
    (
        "a tokenizer that puts a million letters for one",
        "bomb",
        changed_model(_tokenizer(normalizer={"type": "Sequence", "normalizers": [GROWING] * 6})),
        ModelError,
        "more than 1,000",
    ),
    ("a tokenizer file that is a pipe", "endless", changed_model(pipe("vocab.txt")), ModelError, "not a file"),
)

LETTERS = "{% set b = 'a' * 24000000 %}"
ENDLESS = "does not terminate"
TEMPLATES = (
    ("that includes a file", "path", "{% include '/etc/passwd' %}", "no loader"),
    ("that imports", "code", "{% import 'os' as os %}{{ os.system('touch CANARY') }}", "no loader"),
    ("that climbs to Python's classes", "code", "{{ ().__class__.__base__.__subclasses__() }}", "unsafe"),
    ("that climbs by a global", "code", "{{ cycler.__init__.__globals__.os.system('touch CANARY') }}", "unsafe"),
    ("that climbs by a format", "code", "{{ '{0.__class__.__mro__}'.format(1) }}", "unsafe"),
    ("that loops without end", "endless", "{% for i in range(10**9) %}{% endfor %}", ENDLESS),
    ("that calls itself", "endless", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", ENDLESS),
    ("of a quadratic filter", "endless", "{{ ('a' * 1000000) | wordwrap(1) }}", ENDLESS),
    ("of another quadratic filter", "endless", "{{ ('<!---->' * 500000) | striptags }}", ENDLESS),
    ("that adds up lists", "endless", "{{ ([[0]] * 3000000) | sum(start=[]) }}", ENDLESS),
    ("of many large texts in a list", "bomb", LETTERS + "{{ ([b] * 10000) | tojson }}", ENDLESS),
    ("of lists in lists", "bomb", "{% set a = ['a'] %}" + "{% set a = [a, a, a, a] %}" * 30 + "{{ a }}", ENDLESS),
    ("of many slices", "bomb", LETTERS + "{{ [" + "b[1:]," * 1000 + "] | length }}", ENDLESS),
    ("of many bytes", "bomb", "{{ 'a'.encode() * 10000000000 }}", ENDLESS),
    ("of a width in an argument", "bomb", "{{ '{:{}}'.format(1, '9999999999') }}", ENDLESS),
    ("of a wide indent", "bomb", "{{ (['a'] * 10000) | tojson(indent=1000000) }}", ENDLESS),
    ("that divides by nothing", "endless", "{{ 1 / 0 }}", "division by zero"),
    ("nested deeper than Python goes", "bomb", "{% for a in [1] %}" * 120 + "{% endfor %}" * 120, "indentation"),
    ("that forges an error message", "escape", "{{ raise_exception('" + ESCAPES + "') }}", "␛]8;;"),
)

INPUTS = (
    *(HostileInput("Models and adapters", *each) for each in MODELS),
    *(
        HostileInput("Chat templates", f"one {what}", kind, _template(t), DataError, s)
        for what, kind, t, s in TEMPLATES
    ),
)
