"""An answer that is being made: its tokens so far, and whom its text is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from keeptune.records import Finish
from keeptune.serving.asked import Sampling
from keeptune.serving.refused import Refused
from keeptune.serving.written import Written

GREEDY = 1e-5
"""A temperature below which the likeliest token is taken: logits that are divided by less may exceed float32."""
LEAST = 1e-6
"""Of `top_p`: what is much less is 0 in float32."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is new of an answer."""

    text: str = ""
    finish: Finish | None = None
    """Of the last piece."""
    tokens: int = 0
    """New tokens so far, the end token not counted."""
    error: Refused | None = None
    """Why there is no more."""

    @property
    def is_last(self) -> bool:
        """Whether nothing follows."""
        return self.finish is not None or self.error is not None


@dataclass(slots=True)
class Answering:
    """One row of a decoder. `gone` is set by any thread, all else belongs to the one that decodes."""

    ids: tuple[int, ...]
    """The prompt."""
    room: int
    """New tokens at most."""
    sampling: Sampling
    written: Written
    tell: Callable[[Piece], None]
    gone: bool = False
    """Nobody waits for it any more."""
    _generator: torch.Generator | None = field(init=False, default=None)

    @property
    def most(self) -> int:
        """Tokens that it may come to, of prompt and answer."""
        return len(self.ids) + self.room

    def next(self, logits: torch.Tensor, likeliest: int) -> int:
        """The next token by its logits, [vocabulary], of which the likeliest is known."""
        temperature = self.sampling.temperature
        if temperature < GREEDY:
            return likeliest
        if self._generator is None:
            self._generator = torch.Generator(logits.device)
            if self.sampling.seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(self.sampling.seed)
        shares = (logits.float() / temperature).softmax(-1)
        if self.sampling.top_p < 1:
            shares, order = shares.sort(descending=True, stable=True)
            # Those before which less than top_p stands: the likeliest is always among them.
            shares = shares * (shares.cumsum(-1) - shares < max(self.sampling.top_p, LEAST))
            return int(order[torch.multinomial(shares, 1, generator=self._generator)])
        return int(torch.multinomial(shares, 1, generator=self._generator))

    def take(self, token: int, *, is_end: bool) -> bool:
        """Go on by a token, and tell what is new; whether the answer is over."""
        new, stopped = ("", True) if is_end else self.written.add(token)
        if stopped or self.written.tokens == self.room:
            finish: Finish = "stop" if stopped else "length"
            self.tell(Piece(new + self.written.end(), finish, self.written.tokens))
            return True
        if new:
            self.tell(Piece(new, tokens=self.written.tokens))
        return False
