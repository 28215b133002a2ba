"""The public names of the package: all there, and `import keeptune` stays light."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import keeptune


@pytest.mark.parametrize("name", keeptune.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(keeptune, name)
    assert value.__doc__
    assert name in dir(keeptune)


def test_homes_and_all_are_the_same_names() -> None:
    assert sorted(keeptune._HOME_OF) == sorted(keeptune.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        _ = keeptune.train  # type: ignore[attr-defined]


def test_import_is_light() -> None:
    code = "import sys, keeptune; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("given", "found"), [(None, "passive"), ("active", "active")])
def test_threads_of_torch_sleep_while_they_wait_unless_asked_otherwise(given: str | None, found: str) -> None:
    own = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    asked = own if given is None else own | {"OMP_WAIT_POLICY": given}
    code = "import os, keeptune; print(os.environ['OMP_WAIT_POLICY'])"
    told = subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=True)
    assert told.stdout == f"{found}\n"
