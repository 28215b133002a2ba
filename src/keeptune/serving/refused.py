"""What a client is told instead of an answer, in the form of OpenAI's errors."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A request that is not answered: an HTTP status, and what is wrong."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        super().__init__(message)

    @property
    def body(self) -> dict[str, Any]:
        """``{"error": {"message", "type", "param", "code"}}``."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def failed(what: str) -> Refused:
    """The server could not answer a request that was right. Why is for its log alone: it may name files."""
    return Refused(500, f"the {what} failed; the server's log has the reason", code="server_error")
