from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from keeptune.abilities.table import SUITES
from keeptune.config import TuneConfig
from keeptune.errors import ConfigError, MetricError
from keeptune.inference.engine import ENGINES, close_engines
from keeptune.mitigation.active import active
from keeptune.mitigation.candidates import refuse_other_mitigations
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.registry import PluginWarning, Registry
from keeptune.scoring.table import METRICS
from tests.plugins import install_plugin

GROUP = "keeptune.shapes"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """(package, names → object, text of its module): the package is there until the test ends."""
    modules = set(sys.modules)

    def installs(package: str, entries: dict[str, str], text: str) -> None:
        module = package.replace("-", "_")
        objects = {name: f"{module}:{target}" for name, target in entries.items()}
        folder = install_plugin(tmp_path / package, package, {f"{module}.py": text}, {GROUP: objects})
        monkeypatch.syspath_prepend(str(folder))

    yield installs
    for module in set(sys.modules) - modules:
        del sys.modules[module]


def shapes(**options: Any) -> Registry[str]:
    registry: Registry[str] = Registry("shape", GROUP, **options)
    registry.add("circle", "round")
    return registry


def test_what_is_registered_is_found_in_its_order() -> None:
    registry = shapes()

    @registry.register("area")
    def area() -> None: ...

    assert registry["circle"] == "round"
    assert registry["area"] is area
    assert list(registry) == ["circle", "area"]
    assert len(registry) == 2
    assert dict(registry.items()) == {"circle": "round", "area": area}
    assert registry.loaded() == ("round", area)
    assert registry.get("square") is None


def test_an_unknown_name_gets_the_nearest_and_all_that_are_known() -> None:
    with pytest.raises(MetricError) as caught:
        shapes(error=MetricError, also="or your own")["Circel"]
    assert "did you mean circle?" in caught.value.fix
    assert caught.value.fix.endswith("Known: circle; or your own")


def test_what_is_registered_is_adapted() -> None:
    registry: Registry[str] = Registry("shape", GROUP, adapt=lambda name, registered: f"{name}: {registered}")
    registry.add("circle", 1)
    assert registry["circle"] == "circle: 1"


def test_built_in_entries_are_imported_when_first_needed(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install("holder", {}, "from keeptune.registry import Registry\nSHAPES = Registry('shape', 'g', built_in='rooms')\n")
    folder = Path(sys.path[0]) / "rooms"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "square.py").write_text("from holder import SHAPES\nSHAPES.add('square', 4)\n")
    from holder import SHAPES  # type: ignore[import-not-found]

    assert "rooms.square" not in sys.modules
    assert SHAPES["square"] == 4
    assert list(SHAPES) == ["square"]


def test_a_plugin_is_known_by_name_before_its_code_is_imported(install: Any) -> None:
    install("six-corners", {"hexagon": "SIX"}, "SIX = 'six'\n")
    registry = shapes()
    assert list(registry) == ["circle", "hexagon"]
    assert "hexagon" in registry
    assert "six_corners" not in sys.modules
    assert registry["hexagon"] == "six"
    assert registry.origin("hexagon") == "six-corners 1.0"
    assert registry.origin("circle") == "tests.test_registry"


def test_a_broken_plugin_fails_where_it_is_named_and_nowhere_else(install: Any) -> None:
    install("broken", {"hexagon": "SIX", "heptagon": "SEVEN"}, "1 / 0\n")
    registry = shapes()
    assert registry["circle"] == "round"
    with pytest.raises(ConfigError, match=r"broken 1\.0.*ZeroDivisionError"):
        registry["hexagon"]
    assert registry.loaded() == ("round",)
    with pytest.warns(PluginWarning, match=r"broken 1\.0") as caught:
        assert dict(registry.items()) == {"circle": "round"}
    assert len(caught) == 2, "one for each name"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dict(registry.items()) == {"circle": "round"}


def test_a_plugin_that_ends_the_program_is_an_error_too(install: Any) -> None:
    install("ending", {"hexagon": "SIX"}, "raise SystemExit(3)\n")
    with pytest.raises(ConfigError, match=r"ending 1\.0.*SystemExit"):
        shapes()["hexagon"]


def test_nothing_that_keeptune_does_with_all_entries_imports_a_plugin_that_is_not_named(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, registry in enumerate((ENGINES, MITIGATIONS, METRICS, SUITES)):
        monkeypatch.setattr(f"{__name__}.GROUP", registry.group)
        install(f"unused-{number}", {f"unused-{number}": "UNUSED"}, "raise AssertionError\n")
        monkeypatch.delitem(registry.__dict__, "_plugins", raising=False)
    close_engines()
    refuse_other_mitigations(TuneConfig())
    active(TuneConfig())
    assert not [name for name in sys.modules if name.startswith("unused_")]
    for registry in (ENGINES, MITIGATIONS, METRICS, SUITES):
        assert any(name.startswith("unused-") for name in registry)


def test_a_name_of_two_plugins_is_refused_with_both(install: Any) -> None:
    install("one", {"hexagon": "SIX"}, "SIX = 1\n")
    install("two", {"hexagon": "SIX"}, "SIX = 2\n")
    with pytest.raises(ConfigError, match=r"one 1\.0 and two 1\.0"):
        shapes()["hexagon"]


def test_a_plugin_does_not_take_the_place_of_a_built_in_entry(install: Any) -> None:
    install("taker", {"circle": "SIX"}, "SIX = 'square'\n")
    registry = shapes()
    with pytest.warns(PluginWarning, match=r"taker 1\.0"):
        assert list(registry) == ["circle"]
    assert registry["circle"] == "round"


def test_a_name_is_registered_by_one_module(install: Any) -> None:
    registry = shapes()
    registry.add("circle", "rounder")
    assert registry["circle"] == "rounder", "a cell of a notebook, run again"
    install("other", {}, "def add(registry):\n    registry.add('circle', 'square')\n")
    import other  # type: ignore[import-not-found]

    with pytest.raises(ConfigError, match=r"tests\.test_registry and by other"):
        other.add(registry)
    assert registry["circle"] == "rounder"


def test_a_decorator_and_an_entry_point_of_one_object_agree(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import shelf\n@shelf.SHAPES.register('hexagon')\ndef six(): ...\n"
    install("shelf", {}, f"from keeptune.registry import Registry\nSHAPES = Registry('shape', '{GROUP}')\n")
    install("six-corners", {"hexagon": "six"}, text)
    import shelf  # type: ignore[import-not-found]

    six = shelf.SHAPES["hexagon"]
    assert six.__name__ == "six"
    assert shelf.SHAPES.origin("hexagon") == "six-corners 1.0"
    assert list(shelf.SHAPES) == ["hexagon"]
