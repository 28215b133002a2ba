"""What a trial on a cluster gets of this process's environment."""

from __future__ import annotations

from keeptune.experiments.ray_trials import handed_on


def test_no_secret_is_handed_on() -> None:
    kept = {"KEEPTUNE_CACHE": "/c", "HF_HOME": "/h", "OMP_NUM_THREADS": "1"}
    secrets = {"HF_TOKEN": "a", "KEEPTUNE_API_KEY": "b"}
    assert handed_on({**kept, **secrets, "PATH": "/bin"}) == kept
