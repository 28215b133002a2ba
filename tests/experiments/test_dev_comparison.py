"""Development items in blocks, for a candidate that is soon known to be out."""

from dataclasses import dataclass, field

import pytest

from keeptune.experiments.dev_comparison import until_out
from keeptune.records import Ability, Answer, EvalRecord, Example, Message
from keeptune.scoring.mean import mean_score

ITEMS = tuple(Example(f"i{i}", (Message("user", "?"),), "yes", references=("yes",)) for i in range(150))
ABILITY = Ability("facts", "Facts", "yours", "1", "generate", ("exact_match",), items=(), dev=ITEMS)


@dataclass
class Model:
    """Answers every nth item wrongly."""

    wrong: int
    asked: list[str] = field(default_factory=list)

    def evaluate(self, ability, items):
        assert ability is ABILITY
        self.asked += [example.id for example in items]
        return [
            EvalRecord(
                example.id, example.cluster, "?", ("yes",), (), Answer(example.id, "yes"),
                {"exact_match": mean_score(0.0 if int(example.id[1:]) % self.wrong == 0 else 100.0)},
            )
            for example in items
        ]  # fmt: skip


@pytest.mark.parametrize(("wrong", "items"), [(2, 32), (40, 150), (1_000, 150)])
def test_a_candidate_that_is_out_is_evaluated_no_further(wrong, items):
    base, candidate = Model(10_000).evaluate(ABILITY, ITEMS), Model(wrong)
    found = until_out(candidate, ABILITY, base)
    assert [record.item_id for record in found] == candidate.asked
    assert len(candidate.asked) == items
