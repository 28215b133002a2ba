"""Which items are asked when, and of which model."""

from dataclasses import dataclass, replace

from keeptune.assessment.blocks import ask_in_blocks, in_blocks, planned_of
from keeptune.forgetting.sequential import FIRST_BLOCK
from keeptune.records import Ability, Example, Message


def items(clusters, size=1):
    return tuple(
        Example(f"{c}-{i}", (Message("user", "?"),), "yes", group=f"c{c}") for c in range(clusters) for i in range(size)
    )


def ability(name, clusters):
    return Ability(name, name, "yours", "1", "generate", ("exact_match",), items(clusters))


def test_blocks_are_whole_clusters_in_an_order_of_their_own():
    asked = items(200, 3)
    blocks = in_blocks(asked, "facts")
    assert [len({e.cluster for e in block}) for block in blocks] == [32, 16, 24, 36, 54, 38]
    assert sorted(e.id for block in blocks for e in block) == sorted(e.id for e in asked)
    clusters = [{e.cluster for e in block} for block in blocks]
    assert sum(map(len, clusters)) == len(set.union(*clusters)), "no cluster is in two blocks"
    assert [e.cluster for e in blocks[0]] != [e.cluster for e in asked[: len(blocks[0])]]
    assert in_blocks(tuple(reversed(asked)), "facts")[0][0].cluster == blocks[0][0].cluster
    assert in_blocks(asked, "logic") != blocks
    assert planned_of(asked) == planned_of(asked[::-1])
    assert (planned_of(asked).items, planned_of(asked).clusters, planned_of(asked).largest) == (600, 200, 3)


def test_a_small_ability_is_one_block_and_no_block_is_tiny():
    assert len(in_blocks(items(FIRST_BLOCK))) == len(in_blocks(items(FIRST_BLOCK + 15))) == 1
    for clusters in range(33, 700, 13):
        sizes = [len(block) for block in in_blocks(items(clusters))]
        assert sum(sizes) == clusters
        assert len(sizes) == 1 or sizes[-1] >= sizes[-2] / 2


@dataclass
class Model:
    name: str
    asked: list

    def evaluate(self, ability, block):
        self.asked.append((self.name, ability.name, len(block)))
        return list(block)


def test_each_ability_stops_when_it_is_decided_and_the_models_take_turns():
    asked, loaded, seconds = [], [], {}

    def load(name):
        loaded.append(name)
        return Model(name, asked)

    def decided(ability, base, tuned):
        assert base == tuned
        return ability.name == "soon" and len(base) > 40

    abilities = [ability("soon", 200), ability("never", 60)]
    found = ask_in_blocks(load, abilities, decided, None, seconds)
    assert {name: len(base) for name, (base, _) in found.items()} == {"soon": 48, "never": 60}
    assert loaded == ["base", "tuned", "base", "tuned"], "the model that answered last begins the next turn"
    assert asked[:4] == [("base", "soon", 32), ("base", "never", 32), ("tuned", "soon", 32), ("tuned", "never", 32)]
    assert sorted(seconds) == ["verdict_base", "verdict_tuned"]


def test_when_the_time_is_over_each_has_its_first_block():
    abilities = [replace(ability("one", 200), name=name) for name in ("one", "other")]
    found = ask_in_blocks(lambda name: Model(name, []), abilities, lambda *_: False, 0.0, {})
    assert {len(base) for base, _ in found.values()} == {FIRST_BLOCK}
