"""How an endpoint is opened."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keeptune.errors import ConfigError

if TYPE_CHECKING:
    import regex

KEY = "KEEPTUNE_API_KEY"
"""The environment variable of the key."""
MOST_WAITING = 1024
"""Requests that wait or are answered, beyond which others are turned away."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where an endpoint listens, to whom, and how it chooses between base and tuned."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0: any that is free."""
    api_key: str | None = field(default=None, repr=False)
    """What clients have to know. None: nothing, which only the machine itself may be offered."""
    route_if: str | None = None
    """A regular expression: requests in which it is found go to the tuned model, all others to the base. None: those in
    the form of the trained task."""
    folded: bool = False
    """Load base and tuned apart, an adapter folded into the weights as when it was scored, instead of one copy of the
    base with the adapter beside it."""

    @property
    def is_local(self) -> bool:
        """Whether this machine alone reaches it."""
        return ipaddress.ip_address(self.address()[1][0].partition("%")[0]).is_loopback

    def address(self) -> tuple[socket.AddressFamily, tuple[str, int]]:
        """What to listen on.

        Raises:
            ConfigError: the host is not known.
        """
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ConfigError(
                f"--host {self.host} is not known: {error}", "leave it out to serve this machine alone"
            ) from None
        family, _, _, _, (address, port, *_) = found[0]
        return family, (str(address), int(port))

    def rule(self) -> regex.Pattern[str] | None:
        """`route_if`, compiled.

        Raises:
            ConfigError: it is no regular expression.
        """
        import regex

        try:
            return None if self.route_if is None else regex.compile(self.route_if)
        except regex.error as error:
            raise ConfigError(
                f"--route-if is no regular expression: {error}", "see https://docs.python.org/3/library/re.html"
            ) from None

    def check(self) -> None:
        """Raise ConfigError for what cannot be, before a model loads."""
        self.rule()
        if not isinstance(self.port, int) or self.port not in range(65536):
            raise ConfigError(
                f"--port {self.port!r} is not a port", "give a number from 0 to 65535; 0 is any that is free"
            )
        if not self.is_local and self.api_key is None:
            raise ConfigError(
                f"--host {self.host} is reached from other machines, and nothing asks who they are",
                f"set {KEY} to a key that clients have to give, or leave --host out",
            )
        if self.api_key is not None and not re.fullmatch(r"[!-~]+", self.api_key):
            raise ConfigError(
                "the API key is empty, or has characters that a header does not hold", f"set another {KEY}"
            )
