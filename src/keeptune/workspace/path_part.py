"""Turn any name into exactly one part of a path, unique to that name."""

from __future__ import annotations

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9._=+-]{0,79}(?<!\.)")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names of devices on Windows, whatever their suffix."""
LONGEST = 60
"""Maximum characters kept of a name that is not a valid part of a path."""


def path_part(name: str) -> str:
    """`name` where it can stand in a path on any system as it is; else what is readable of it, ``~`` and a hash.

    Two names never share a part, also where the file system takes upper and lower case for the same.
    """
    if _PLAIN.fullmatch(name) and not _RESERVED.fullmatch(name):
        return name
    readable = re.sub(r"[^\w=+-]+", "_", name.lower())[: LONGEST // 2].strip("_-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable}~{digest[:8]}"


def readable_part(name: str) -> str:
    """What can stand in a path of `name`, to which something of its own is added: a number, a hash."""
    return re.sub(r"[^\w.=+@-]+", "-", name)[:LONGEST].lstrip(".-") or "run"
