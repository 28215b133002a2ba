"""Find, load, place and adapt pre-trained models, and compute their logits."""

import logging
import os

# On a CPU with bfloat16, bitsandbytes, which peft imports where it is installed, would fetch code from the hub.
_BY_HUB = "kernels-community/quantization-bitsandbytes"
if _BY_HUB not in os.environ.get("LOCAL_KERNELS", ""):
    os.environ["LOCAL_KERNELS"] = ":".join(filter(None, [os.environ.get("LOCAL_KERNELS"), f"{_BY_HUB}={os.devnull}"]))
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
