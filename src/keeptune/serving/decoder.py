"""Answers of one side that are made beside each other, token by token. Each joins when it comes and leaves when it
ends, so that a long one keeps no short one waiting."""

from __future__ import annotations

import logging
from collections import deque
from typing import TypeVar

import torch

from keeptune.inference.answer_rows import READ, AnswerRows, joined_rows, read_prompts
from keeptune.inference.cached_decoding import LET_GO, decodes_plainly
from keeptune.inference.decoding import KEPT_BYTES
from keeptune.inference.whole_rows import WholeRows, joined_whole, read_whole
from keeptune.models.attending import attending, sdpa_settings
from keeptune.models.key_values import read_prefix
from keeptune.models.memory import out_of_memory
from keeptune.models.unequal_rows import NAME as UNEQUAL_ROWS
from keeptune.serving.answering import Answering, Piece
from keeptune.serving.refused import Refused, failed
from keeptune.serving.sides import Side

AT_ONCE = 16384
"""Tokens whose keys and values are held at a time, or more where they take less than `KEPT_BYTES`."""
FEWEST = 4
"""Answers that are made at a time in any case: others wait for places where memory is full."""
LOG = logging.getLogger(__name__)

Rows = TypeVar("Rows", AnswerRows, WholeRows)


class Decoder:
    """Belongs to one thread."""

    def __init__(self, side: Side) -> None:
        self.waiting: deque[Answering] = deque()
        self._side = side
        self._running: dict[int, Answering] = {}
        self._cached: AnswerRows | None = None
        self._whole: WholeRows | None = None
        self._last = 0
        """Number of the answer that came last."""
        loaded = side.loaded
        self._ends = frozenset(loaded.end_ids())
        self._attention = sdpa_settings(loaded.model) if loaded.placement.device.type == "cpu" else ()
        self._at_once = AT_ONCE
        if decodes_plainly(loaded, 1):
            self._at_once = max(
                AT_ONCE, KEPT_BYTES // read_prefix(loaded, [loaded.tokenizer.pad_token_id]).bytes_a_token
            )

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being made, or waits."""
        return bool(self._running or self.waiting)

    def step(self) -> None:
        """Each answer goes on by one token, those that wait as far as there is room. The weights are the side's."""
        self._admit()
        self._cached = self._advanced(self._cached) if self._cached else None
        self._whole = self._advanced(self._whole) if self._whole else None

    def fail(self, error: Refused) -> None:
        """End the answers that are being made; those that wait still have their turn."""
        for answering in self._running.values():
            answering.tell(Piece(error=error))
        self._running.clear()
        self._cached = self._whole = None

    def hold_less(self) -> None:
        """Memory has run out."""
        self._at_once //= 2

    def _admit(self) -> None:
        taken: dict[int, Answering] = {}
        self.waiting = deque(answering for answering in self.waiting if not answering.gone)
        while self.waiting:
            first = self.waiting[0]
            read = sum(len(answering.ids) for answering in taken.values())
            if not self._has_room(first) or (taken and read + len(first.ids) > READ):
                break
            self._last += 1
            self._running[self._last] = taken[self._last] = self.waiting.popleft()
        loaded = self._side.loaded
        plain = {
            number: answering.ids
            for number, answering in taken.items()
            if decodes_plainly(loaded, len(answering.ids) + answering.room)
        }
        other = {number: answering.ids for number, answering in taken.items() if number not in plain}
        if plain:
            self._cached = joined_rows([*([self._cached] if self._cached else []), *read_prompts(loaded, plain)])
        if other:
            new = read_whole(loaded, other)
            self._whole = joined_whole(self._whole, new) if self._whole else new

    def _has_room(self, answering: Answering) -> bool:
        rows = len(self._running)
        longest = max(each.most for each in (*self._running.values(), answering))
        return rows < FEWEST or (rows + 1) * longest <= self._at_once

    def _advanced(self, rows: Rows) -> Rows | None:
        """What goes on of these rows after one token more."""
        following = rows.logits.argmax(-1)
        likeliest = following.tolist()
        for at, number in enumerate(rows.indices):
            answering = self._running.get(number)
            if answering is None:
                continue
            following[at], is_over = self._taken(answering, rows.logits[at], likeliest[at])
            if is_over:
                del self._running[number]
        going = [at for at, number in enumerate(rows.indices) if number in self._running]
        if not going:
            return None
        over = len(rows.indices) - len(going)
        if over and (self.waiting or over >= LET_GO * len(rows.indices) or isinstance(rows, WholeRows)):
            rows.keep(going)
            following = following[going]
        with attending(self._attention, UNEQUAL_ROWS):
            rows.go_on(self._side.loaded, following)
        return rows

    def _taken(self, answering: Answering, logits: torch.Tensor, likeliest: int) -> tuple[int, bool]:
        """The next token of an answer, and whether the answer is over. What fails here ends this answer alone."""
        if answering.gone:
            return likeliest, True
        try:
            token = answering.next(logits, likeliest)
            return token, answering.take(token, is_end=token in self._ends)
        except Exception as error:
            if out_of_memory(error):
                raise
            LOG.exception("an answer failed")
            answering.tell(Piece(error=failed("answer")))
            return likeliest, True
