"""The public names of the package: all there, and `import keeptune` stays light."""

from __future__ import annotations

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
