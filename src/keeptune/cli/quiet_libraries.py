"""Silence the output of libraries; the command line draws its own progress."""

from __future__ import annotations

import os
import warnings
from typing import Any

_CHATTY = r"(transformers|peft|torch|accelerate|datasets|huggingface_hub)(\.|$)"


def quiet_libraries() -> None:
    """Turn off progress bars and advice of transformers and datasets. Imports transformers: call it in a verb."""
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", module=_CHATTY)
    from transformers.utils import logging as untyped

    logging: Any = untyped
    logging.set_verbosity_error()
    logging.disable_progress_bar()
