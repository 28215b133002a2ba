"""Registries: the objects of one kind by name, built in or from another package.

A package adds to a registry by an entry point of its group, without an edit in keeptune::

    [project.entry-points."keeptune.metrics"]
    one_sentence = "my_package.metrics:OneSentence"

A script adds to it by the decorator `register`, before it calls a verb.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from keeptune.errors import ConfigError, KeeptuneError
from keeptune.near_names import did_you_mean

T = TypeVar("T")
Registered = TypeVar("Registered")


class PluginWarning(UserWarning):
    """A plugin that cannot be used. Everything that does not name it goes on."""


def _as_it_is(name: str, registered: Any) -> Any:  # noqa: ARG001
    return registered


class Registry(Generic[T]):
    """Name → object: the built-in ones by module, then those that a script registers, then those of plugins, by name.

    Names of plugins come from the metadata of the installed packages, which is read once. A plugin's code is imported
    when one of its names is looked up.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        *,
        built_in: str = "",
        adapt: Callable[[str, Any], T] = _as_it_is,
        error: type[KeeptuneError] = ConfigError,
        also: str = "",
    ) -> None:
        """
        Args:
            kind: what messages call an entry: ``metric``.
            group: the group of entry points: ``keeptune.metrics``.
            built_in: the package whose modules register the built-in entries; they are imported when first needed.
            adapt: (name, what was registered) → the entry; it raises a `KeeptuneError` for what cannot be one.
            error: the type of the errors about a name.
            also: ends the list of known names: ``or your own as file.py:function``.
        """
        self.kind = kind
        self.group = group
        self._built_in = built_in
        self._adapt = adapt
        self._error = error
        self._also = also
        self._entries: dict[str, T] = {}
        self._origins: dict[str, str] = {}
        """Name → the module that registered it, or the package whose entry point it is."""
        self._warned: set[str] = set()

    def register(self, name: str) -> Callable[[Registered], Registered]:
        """A decorator that registers what it decorates under `name`, and returns it unchanged.

        Raises:
            KeeptuneError: another module has registered that name.
        """
        module = _calling_module()

        def registers(registered: Registered) -> Registered:
            self._add(name, registered, module)
            return registered

        return registers

    def add(self, name: str, registered: Any) -> None:
        """As `register`, of an object that is there already."""
        self._add(name, registered, _calling_module())

    def _add(self, name: str, registered: Any, module: str) -> None:
        if not module.startswith("keeptune."):
            self._import_built_in()
        before = self._origins.setdefault(name, module)
        if before != module:  # the same module again: a cell of a notebook that is run once more
            raise self._error(
                f"the {self.kind} {name!r} is registered twice: by {before} and by {module}",
                "choose another name for one of them",
            )
        self._entries[name] = self._adapt(name, registered)

    def __getitem__(self, name: str) -> T:
        """The entry of that name.

        Raises:
            KeeptuneError: no such entry, a plugin that cannot be loaded, or two packages that define the name.
        """
        self._import_built_in()
        if name not in self._entries:
            self._load(name)
        return self._entries[name]

    def get(self, name: str) -> T | None:
        """The entry of that name; None where there is none.

        Raises:
            KeeptuneError: a plugin that cannot be loaded, or two packages that define the name.
        """
        if name not in self:
            return None
        return self[name]

    def __contains__(self, name: object) -> bool:
        self._import_built_in()
        return name in self._entries or name in self._plugins

    def __iter__(self) -> Iterator[str]:
        self._import_built_in()
        return iter(sorted({**self._entries, **self._plugins}, key=self._place))

    def __len__(self) -> int:
        return len(tuple(iter(self)))

    def items(self) -> Iterator[tuple[str, T]]:
        """Every name and its entry. A plugin that cannot be loaded is left out, with one `PluginWarning`."""
        for name in self:
            try:
                entry = self[name]
            except KeeptuneError as error:
                self._warn(name, str(error))
                continue
            yield name, entry

    def loaded(self) -> tuple[T, ...]:
        """The entries whose code is imported: of plugins, those whose names were looked up."""
        return tuple(self._entries.values())

    def origin(self, name: str) -> str:
        """Who adds the name: ``keeptune``, a plugin as ``my-package 1.0``, or the module of a script."""
        self._import_built_in()
        origin = self._origins.get(name) or " and ".join(_package(entry) for entry in self._plugins[name])
        return "keeptune" if origin.startswith("keeptune.") else origin

    @property
    def built_in(self) -> tuple[str, ...]:
        """The names of keeptune's own entries."""
        self._import_built_in()
        return tuple(sorted((name for name in self._entries if self.origin(name) == "keeptune"), key=self._place))

    def _place(self, name: str) -> tuple[int, str]:
        """Where a name stands among all: it does not depend on what was imported or loaded first."""
        if name in self._plugins:
            return 2, name
        return (0 if self.origin(name) == "keeptune" else 1), self._origins[name]

    def _import_built_in(self) -> None:
        if not self._built_in:
            return
        package, self._built_in = import_module(self._built_in), ""
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)

    @cached_property
    def _plugins(self) -> dict[str, list[EntryPoint]]:
        """Name → the entry points that define it: one, unless packages disagree."""
        found: dict[str, list[EntryPoint]] = {}
        for entry in sorted(entry_points(group=self.group), key=lambda entry: (entry.name, _package(entry))):
            owner = self._origins.get(entry.name, entry.module)
            if owner == entry.module:
                found.setdefault(entry.name, []).append(entry)
            else:
                message = f"the {self.kind} {entry.name!r} of {_package(entry)} is not used: {owner} has that name"
                self._warn(entry.name, message)
        return found

    def _load(self, name: str) -> None:
        entries = self._plugins.get(name, [])
        if not entries:
            known = "; ".join(filter(None, (", ".join(self), self._also)))
            raise self._error(f"there is no {self.kind} {name!r}", f"{did_you_mean(name, self)}Known: {known}")
        packages = [_package(entry) for entry in entries]
        if len(entries) > 1:
            raise self._error(
                f"the {self.kind} {name!r} is defined by several packages: {' and '.join(packages)}",
                "uninstall all but one of them",
            )
        try:
            registered = entries[0].load()
            if name not in self._entries:  # a decorator in the module may have registered it
                self._entries[name] = self._adapt(name, registered)
            self._origins[name] = packages[0]
        except (Exception, SystemExit) as error:
            raise self._error(
                f"the {self.kind} {name!r} of the package {packages[0]} cannot be loaded: "
                f"{type(error).__name__}: {getattr(error, 'message', error)}",
                f"update the package, or leave out {name}",
            ) from error

    def _warn(self, name: str, message: str) -> None:
        if name not in self._warned:
            self._warned.add(name)
            warnings.warn(message, PluginWarning, stacklevel=3)


def _calling_module() -> str:
    """The module that called `register` or `add`."""
    return str(sys._getframe(2).f_globals.get("__name__", "__main__"))


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.module
