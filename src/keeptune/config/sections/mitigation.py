"""Mitigations of a training, and the search for the cheapest one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keeptune.config.canonical import Canonical
from keeptune.config.setting import COUNT, FRACTION, NOT_NEGATIVE, POSITIVE, Affects, Range, setting

TokenWeights = Literal["none", "stm", "talr", "dft"]
KlOn = Literal["replay", "self", "task"]
KlGradient = Literal["restoring", "whole"]


@dataclass(frozen=True, slots=True)
class MitigationConfig(Canonical):
    """What a training does to keep other abilities. All of it composes. With none of it, `tune` uses the default
    mitigation (`keeptune.mitigation.default`), unless `plain` is set."""

    plain: bool = setting(
        False,
        Affects.CHOICE,
        "Leave the default mitigation out: no KL to the base, and all of the trained change kept.",
    )
    by_default: bool = setting(
        False,
        Affects.NOTHING,
        "Whether the default mitigation set `kl` and `interpolation`.",
        more="A run writes it; settings copied from that run are decided anew.",
        flag="",
    )
    replay: tuple[str, ...] = setting(
        (),
        Affects.INPUT,
        "Rows of earlier tasks to mix into train; may be repeated.",
        more="Read as `data.train` is.",
        metavar="DATA",
        group="start",
    )
    replay_fraction: float = setting(
        0.05,
        Affects.WEIGHTS,
        "Share of replayed rows in the mix; no row of the task is left out.",
        range=FRACTION,
        needs=("mitigation.replay",),
    )
    self_replay: float = setting(
        0.0,
        Affects.WEIGHTS,
        "Share of the mix whose answers the base writes itself.",
        more="Huang et al. 2024, arXiv:2403.01244.",
        range=FRACTION,
    )
    self_replay_prompts: str | None = setting(
        None,
        Affects.INPUT,
        "Prompts for the base to answer in self-replay.",
        more="Xu et al. 2024, arXiv:2406.08464.",
        unset="the base samples the prompts, too",
        metavar="DATA",
        needs=("mitigation.self_replay", "mitigation_search.auto"),
    )
    kl: float = setting(
        0.0,
        Affects.WEIGHTS,
        "Weight β of KL(base ‖ tuned) in the loss.",
        unset="3 by the default mitigation, else 0",
        range=NOT_NEGATIVE,
    )
    kl_share: float = setting(
        0.125,
        Affects.WEIGHTS,
        "Share of all tokens in the batches, prompts included, that are text of the base, for the KL.",
        more="Up to half of them are prompts of the declared abilities, with its answers.",
        range=Range(0, 0.9, low_open=True),
        needs=("mitigation.kl", "mitigation_search.auto"),
    )
    kl_tokens: int = setting(
        64,
        Affects.WEIGHTS,
        "Maximum length of a text that the base writes for the KL; of an answer, half.",
        unit="tokens",
        range=COUNT,
        needs=("mitigation.kl", "mitigation_search.auto"),
    )
    kl_on: KlOn = setting(
        "self",
        Affects.WEIGHTS,
        "Where the KL is taken: text the base samples, replayed rows, or the task's rows.",
        more="On the task's rows, the target token is left out.",
        metavar="self|replay|task",
        needs=("mitigation.kl", "mitigation_search.auto"),
    )
    kl_gradient: KlGradient = setting(
        "restoring",
        Affects.WEIGHTS,
        "Gradient of the KL on text of the base: all of it, or what moves a weight back towards its start.",
        more="With another reference, as in `rescue`, and for adapters that start at random, all of it is used.",
        metavar="restoring|whole",
        needs=("mitigation.kl", "mitigation_search.auto"),
    )
    l2sp: float = setting(
        0.0,
        Affects.WEIGHTS,
        "Weight of the squared distance to the base's weights.",
        more="½‖W − W₀‖². Li et al. 2018, arXiv:1802.01483.",
        range=NOT_NEGATIVE,
    )
    ewc: float = setting(
        0.0,
        Affects.WEIGHTS,
        "Weight of that distance scaled by each weight's importance to the base.",
        more="½ Σ F (W − W₀)², F the base's diagonal Fisher information. Kirkpatrick et al. 2017, arXiv:1612.00796.",
        range=NOT_NEGATIVE,
    )
    freeze: float = setting(
        0.0,
        Affects.WEIGHTS,
        "Share of layers, from the lowest, that are not trained.",
        more="The embeddings are not trained either. An adapter skips those layers.",
        range=FRACTION,
    )
    token_weights: TokenWeights = setting(
        "none",
        Affects.WEIGHTS,
        "How to down-weight tokens to which the model gives a low probability.",
        more="`stm` (arXiv:2501.14315), `talr` (arXiv:2509.20758), `dft` (arXiv:2508.05629).",
    )
    reference: str | None = setting(
        None,
        Affects.INPUT,
        "Reference model for KL and self-replay; it needs the same tokenizer.",
        unset="the model to train, before its training",
        flag="",
    )
    interpolation: float | Literal["auto"] = setting(
        1.0,
        Affects.WEIGHTS,
        "Share α of the trained change to keep, by interpolation with the base; `auto` chooses it.",
        more="W₀ + α (W − W₀). Wortsman et al. 2022, arXiv:2109.01903. `auto` chooses by the loss of "
        "the validation rows. It is not a LoRA's alpha.",
        unset="auto by the default mitigation, else 1",
        metavar="X|auto",
        range=Range(0, 1, high_open=False),
    )
    extra: tuple[str, ...] = setting(
        (),
        Affects.WEIGHTS,
        "Mitigation without a flag, such as one of another package; may be repeated.",
        metavar="NAME[=VALUE]",
        flag="mitigation",
    )


@dataclass(frozen=True, slots=True)
class MitigationSearchConfig(Canonical):
    """The search for the cheapest mitigation."""

    auto: bool = setting(
        False,
        Affects.CHOICE,
        "Try mitigations, cheapest first, until no ability under --keep drops by more than half its margin and most of "
        "the gain remains, or the time is over.",
        more="It chooses on development items.",
        group="start",
    )
    can_route: bool = setting(
        False,
        Affects.CHOICE,
        "Requests can be routed to the base or the tuned model, so the search may choose routing.",
        needs=("mitigation_search.auto",),
    )
    candidates: tuple[str, ...] = setting(
        (),
        Affects.CHOICE,
        "Mitigation to try, in this order; may be repeated.",
        more="The plain training comes first. Examples: `interpolation=0.5`, `replay=0.05+kl=0.1`.",
        unset="the search's own",
        metavar="MITIGATION",
        needs=("mitigation_search.auto",),
    )
    max_candidates: int | None = setting(
        None,
        Affects.BUDGET,
        "Maximum trainings in the search, including the first.",
        unit="trainings",
        range=COUNT,
        needs=("mitigation_search.auto",),
    )
    search_minutes: float | None = setting(
        None,
        Affects.BUDGET,
        "Start no further candidate after X minutes.",
        unset="twice the first training's time, for trainings of the search's own list",
        unit="minutes",
        range=POSITIVE,
        needs=("mitigation_search.auto",),
    )
    min_gain: float = setting(
        0.9,
        Affects.CHOICE,
        "Stop the search at this share of the first training's gain.",
        more="Measured on development items.",
        range=Range(0, 1, high_open=False),
        needs=("mitigation_search.auto",),
    )
