"""The modules of the interpreter's own standard library, as source files on this machine."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from keeptune.errors import DataError

_LEFT_OUT = frozenset(
    # Tests, graphical programs, other people's code.
    {"test", "tests", "idle_test", "idlelib", "tkinter", "turtle", "turtledemo", "lib2to3", "ensurepip"}
    | {"site-packages", "dist-packages", "lib-dynload", "__pycache__"}
    # Tables written by a program, names kept for old imports, jokes.
    | {"encodings", "pydoc_data", "opcode", "_opcode_metadata", "symbol", "token", "keyword", "sre_constants"}
    | {"nturl2path", "this", "antigravity", "__hello__", "__phello__"}
)
_LEFT_OUT_PREFIXES = ("turtle", "config-", "_sysconfigdata", "_test", "lib-")

_PACKAGE_OF = {
    # Modules that are the hidden half of another, or share its text.
    "_collections_abc": "collections",
    "_compat_pickle": "pickle",
    "_sitebuiltins": "site",
    "_strptime": "datetime",
    "_threading_local": "threading",
    "_weakrefset": "weakref",
    "genericpath": "os",
    "ntpath": "os",
    "pickletools": "pickle",
    "posixpath": "os",
    "sre_compile": "re",
    "sre_parse": "re",
}


def library_folder() -> Path:
    """Where the standard library's source is.

    Raises:
        DataError: it is not on this machine as plain files.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    # A zipped or stripped library has no source of even these three.
    if not all((folder / name).is_file() for name in ("ast.py", "textwrap.py", "json/decoder.py")):
        raise DataError(
            f"the source of Python's standard library is not in {folder}, and the built-in task is made from it",
            "run keeptune with a Python whose library is plain .py files (python.org, a Linux distribution, "
            "uv, conda), or tune on rows of your own: keeptune tune --train FILE",
        )
    return folder


def modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """(dotted name, path) of every module that the task may draw from, in the order of the names."""
    pending = [folder]
    found: list[tuple[str, Path]] = []
    while pending:
        for path in pending.pop().iterdir():
            stem = path.name.removesuffix(".py")
            if stem in _LEFT_OUT or stem.startswith(_LEFT_OUT_PREFIXES):
                continue
            if path.is_dir():
                if (path / "__init__.py").is_file():
                    pending.append(path)
            elif path.suffix == ".py":
                name = ".".join(path.relative_to(folder).with_suffix("").parts)
                found.append((name.removesuffix(".__init__"), path))
    # A module that begins with "_" comes last: where it repeats a public one, the public one is kept.
    yield from sorted(found, key=lambda item: (item[0].startswith("_"), item[0]))


def package_of(module: str) -> str:
    """The public top-level package that a module belongs to: `_pydecimal` is part of `decimal`."""
    top = module.partition(".")[0]
    if top in _PACKAGE_OF:
        return _PACKAGE_OF[top]
    for prefix in ("_py", "_"):
        public = top.removeprefix(prefix)
        if public != top and public in sys.stdlib_module_names:
            return public
    return top
