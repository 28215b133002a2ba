"""A request as it was sent, read without trust: what would change the answer and is not supported is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keeptune.records import Message
from keeptune.records.example import Role
from keeptune.serving.refused import Refused

MOST_STOPS = 16
MOST_TOKENS = 1 << 31
LONGEST_STOP = 256
"""Characters."""
SHOWN = 80
"""Characters of what was sent that an error repeats."""
ROLES: Mapping[object, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
}
"""Parameter → the values by which it asks for nothing. Any other is refused."""
WITHOUT_EFFECT = frozenset(
    ("user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "parallel_tool_calls")
)
"""Parameters that cannot change an answer."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is taken."""

    temperature: float = 0.0
    """0: the likeliest token, as in every score of keeptune."""
    top_p: float = 1.0
    """0: the likeliest token alone, too."""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for one answer."""

    model: str
    prompt: tuple[Message, ...] | str
    """The turns of a chat, or a text that is to go on."""
    max_tokens: int | None = None
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        Refused: it is none.
    """
    try:
        plain = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(400, f"the body is no JSON: {why}", code="invalid_json") from None
    given = _given(plain)
    if given is None:
        raise Refused(400, "the body is no JSON object", code="invalid_json")
    return given


def read_chat(plain: Mapping[str, Any]) -> Asked:
    """The body of ``/v1/chat/completions``.

    Raises:
        Refused: a value of the wrong type or range, or a parameter that is not supported.
    """
    _refuse_unsupported(plain, {"messages", "max_completion_tokens", *_COMMON})
    messages = plain.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "a list of one message or more")
    turns = tuple(_message(place, message) for place, message in enumerate(messages))
    both = {plain[name] for name in ("max_tokens", "max_completion_tokens") if _is_whole(plain.get(name))}
    if len(both) > 1:
        raise Refused(400, "max_tokens and max_completion_tokens differ: give one of them", param="max_tokens")
    return _asked(plain, turns)


def read_completion(plain: Mapping[str, Any]) -> Asked:
    """The body of ``/v1/completions``.

    Raises:
        Refused: as `read_chat`.
    """
    _refuse_unsupported(plain, {"prompt", *_COMMON})
    prompt = plain.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise _wrong("prompt", "one text")
    return _asked(plain, _text("prompt", prompt))


def _asked(plain: Mapping[str, Any], prompt: tuple[Message, ...] | str) -> Asked:
    options = _given(plain.get("stream_options", {}))
    if options is None or options.keys() - {"include_usage", "include_obfuscation"}:
        raise _wrong("stream_options", 'an object such as {"include_usage": true}')
    name = "max_completion_tokens" if "max_completion_tokens" in plain else "max_tokens"
    seed = plain.get("seed")
    if seed is not None and not (_is_whole(seed) and -(1 << 63) <= seed < 1 << 63):
        raise _wrong("seed", "a whole number of 64 bits")
    return Asked(
        model=_text("model", plain.get("model")),
        prompt=prompt,
        max_tokens=_max_tokens(name, plain.get(name)),
        sampling=Sampling(
            temperature=_number(plain, "temperature", 0.0, lambda value: 0 <= value <= 2, "a number from 0 to 2"),
            top_p=_number(plain, "top_p", 1.0, lambda value: 0 <= value <= 1, "a number from 0 to 1"),
            seed=seed,
        ),
        stop=_stops(plain.get("stop", [])),
        stream=_switch("stream", plain.get("stream", False)),
        include_usage=_switch("stream_options.include_usage", options.get("include_usage", False)),
    )


_COMMON = ("model", "max_tokens", "temperature", "top_p", "seed", "stop", "stream", "stream_options")


def _refuse_unsupported(plain: Mapping[str, Any], known: set[str]) -> None:
    for name, value in plain.items():
        if name in known or name in WITHOUT_EFFECT or any(_same(value, each) for each in NEUTRAL.get(name, ())):
            continue
        if name in NEUTRAL:
            listed = " or ".join(json.dumps(each) for each in NEUTRAL[name])
            message = f"{name} is not supported: leave it out, or give {listed}"
        else:
            message = f"there is no parameter {_shown(name)} here; there are {', '.join(sorted(known))}"
        raise Refused(400, message, param=name if name in NEUTRAL else None, code="unsupported_parameter")


def _message(place: int, message: object) -> Message:
    where = f"messages[{place}]"
    if not isinstance(message, dict):
        raise _wrong(where, 'an object such as {"role": "user", "content": "…"}')
    role = ROLES.get(message.get("role")) if isinstance(message.get("role"), str) else None
    if role is None:
        raise _wrong(f"{where}.role", f"one of {', '.join(map(str, ROLES))}")
    for name, value in message.items():
        if name not in ("role", "content") and value not in (None, [], {}, ""):
            raise Refused(400, f"{where}.{_shown(name)} is not supported: leave it out", param=where)
    return Message(role, _content(f"{where}.content", message.get("content")))


def _content(where: str, content: object) -> str:
    if not isinstance(content, list):
        return _text(where, content)
    parts = []
    for place, each in enumerate(content):
        part = _given(each)
        if part is None or part.get("type") != "text" or part.keys() - {"type", "text", "cache_control"}:
            raise _wrong(f"{where}[{place}]", 'a part of text, {"type": "text", "text": "…"}; others are not supported')
        parts.append(_text(f"{where}[{place}].text", part.get("text")))
    return "".join(parts)


def _given(value: object) -> dict[str, Any] | None:
    """A JSON object without what is null, which is as if it were left out; None for anything else."""
    return {name: each for name, each in value.items() if each is not None} if isinstance(value, dict) else None


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(where, "a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _wrong(where, "a text without halves of characters (surrogates)") from None
    return value


def _max_tokens(name: str, value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or not _is_whole(value) or not 0 < value < MOST_TOKENS:
        raise _wrong(name, f"a whole number above 0 and below {MOST_TOKENS:,}")
    return value


def _number(plain: Mapping[str, Any], name: str, default: float, allowed: Callable[[float], bool], told: str) -> float:
    value = plain.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (abs(value) < math.inf and allowed(value)):
        raise _wrong(name, told)
    return float(value)


def _stops(value: object) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > MOST_STOPS:
        raise _wrong("stop", f"a text, or a list of up to {MOST_STOPS}")
    for stop in stops:
        if not _text("stop", stop) or len(stop) > LONGEST_STOP:
            raise _wrong("stop", f"texts of 1 to {LONGEST_STOP} characters")
    return tuple(stops)


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, "true or false")
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _same(value: object, neutral: object) -> bool:
    """Equal, and no number for a truth value."""
    return isinstance(value, bool) == isinstance(neutral, bool) and value == neutral


def _wrong(name: str, told: str) -> Refused:
    return Refused(400, f"{name} has to be {told}", param=name)


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
