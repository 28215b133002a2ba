"""How far settings travel: every function that receives them in one small `tune`, counted while it runs.

    python benchmarks/settings_way.py [--source SRC]        of this code, or of another checkout's `src`

A *stop* is a function or method of keeptune that receives settings as an argument: a `TuneConfig`, one of its
sections, or several of them in a tuple. *Held* are the stops that receive them inside of another object (a field of
`self`, of a session …), so that their signature does not name them. *Files* are those of both. A *climb* is a call
with settings from a lower layer of the house up into a higher one; a *return* is a function that gives settings back.
Each function counts once, however often it is called; `replace` and the like are not keeptune's and do not count.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

SMALL = {"limit_train": 10, "limit_test": 10}


def is_settings(value: Any) -> bool:
    """Whether this is a `TuneConfig`, a section of one, or a tuple that holds one."""
    if isinstance(value, tuple) and len(value) < 10:
        return any(map(is_settings, value))
    return type(value).__module__.startswith(("keeptune.config.schema", "keeptune.config.sections"))


def holds_settings(value: Any) -> bool:
    """Whether this is an object of keeptune with settings in one of its fields."""
    if not type(value).__module__.startswith("keeptune.") or not dataclasses.is_dataclass(value):
        return False
    return any(is_settings(getattr(value, field.name, None)) for field in dataclasses.fields(value))


@dataclasses.dataclass
class Way:
    """What was seen of a run's calls."""

    root: str
    stops: set[CodeType] = dataclasses.field(default_factory=set)
    held: set[CodeType] = dataclasses.field(default_factory=set)
    returns: set[CodeType] = dataclasses.field(default_factory=set)
    climbs: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    order: tuple[str, ...] = ()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if not code.co_filename.startswith(self.root) or code.co_filename.endswith("config/canonical.py"):
            return
        if event == "return" and is_settings(argument):
            self.returns.add(code)
        if event != "call" or code.co_name.startswith("<"):
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        values = [frame.f_locals.get(name) for name in names]
        if any(map(is_settings, values)):
            self.stops.add(code)
        elif any(map(holds_settings, values)):
            self.held.add(code)
        else:
            return
        caller = frame.f_back.f_code if frame.f_back else code
        if caller.co_filename.startswith(self.root) and self._layer(code) < self._layer(caller):
            self.climbs.add((caller.co_qualname, code.co_qualname))

    def _layer(self, code: CodeType) -> int:
        """0 for the top of the house."""
        room = Path(code.co_filename).relative_to(self.root).parts[0].removesuffix(".py")
        return next((at for at, line in enumerate(self.order) if room in line.split(" | ")), len(self.order))

    def told(self) -> str:
        """The counts in one line."""
        files = {code.co_filename for code in self.stops | self.held}
        return (
            f"{len(self.stops)} stops and {len(self.held)} held, in {len(files)} files; "
            f"{len(self.climbs)} climbs, {len(self.returns)} returns"
        )


def layers(source: Path) -> tuple[str, ...]:
    """The layers of the import contract beside `source`, the top first."""
    import tomllib

    contracts = tomllib.loads((source.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return tuple(next(contract["layers"] for contract in contracts if contract["type"] == "layers"))


def main() -> None:
    """Count, in a process whose path begins with the source that was named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=Path(__file__).parent.parent / "src")
    source = parser.parse_args().source.resolve()
    if os.environ.get("PYTHONPATH") != str(source):
        sys.exit(subprocess.call([sys.executable, *sys.argv], env={**os.environ, "PYTHONPATH": str(source)}))
    import keeptune

    assert Path(keeptune.__file__).parent == source / "keeptune", keeptune.__file__
    way = Way(f"{source}/keeptune/", order=layers(source))
    with tempfile.TemporaryDirectory() as folder:
        config = keeptune.TuneConfig(
            data=keeptune.DataConfig(train="stdlib", **SMALL),
            training=keeptune.TrainingConfig(epochs=1.0),
            measure=keeptune.MeasureConfig(abilities=("grammar",), items=10),
            output=f"{folder}/run",
        )
        if hasattr(config, "mitigation") and hasattr(config.mitigation, "plain"):
            # What earlier checkouts did.
            config = dataclasses.replace(config, mitigation=keeptune.MitigationConfig(plain=True))
        sys.setprofile(way)
        try:
            keeptune.tune(config, keeptune.silent)
        finally:
            sys.setprofile(None)
    print(way.told())


if __name__ == "__main__":
    main()
