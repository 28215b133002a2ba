"""Instructions that code can check: what to write, under which rule, and an answer that keeps it."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """One kind of instruction; ``{topic}`` is what it is about, ``{n}`` a number and ``{word}`` a word."""

    name: str
    task: str
    rule: str
    constraints: str
    """In the form of `keeptune.scoring.constraints`."""
    answer: str
    """One text that keeps them."""
    numbers: tuple[int, ...] = (0,)
    words: tuple[str, ...] = ("",)


SENTENCE = "Write one sentence about {topic}."
TEXT = "Write a short text about {topic}."
PLAIN = "Many people like {topic} a lot these days."
LONG = (
    "Many people like {topic} and talk about it with their friends in the evening. It reminds them of long summers "
    "when they were young."
)

RULES: tuple[Rule, ...] = (
    Rule("at most", SENTENCE, "Use at most {n} words.", "words<={n}", PLAIN, (20, 25, 30)),
    Rule("at least", TEXT, "Use at least {n} words.", "words>={n}", LONG, (8, 10, 12)),
    Rule(
        "contains",
        SENTENCE,
        'Your sentence must contain the word "{word}".',
        "contains:{word}",
        "The {word} makes us think of {topic}.",
        words=("river", "kitchen", "friend", "winter", "garden"),
    ),
    Rule("no comma", TEXT, "Do not use any comma.", "no:,; words>=5", PLAIN),
    Rule(
        "not the word",
        SENTENCE,
        'Do not use the word "{word}".',
        "no:{word}; words>=5",
        "Many people like {topic} a lot these days.",
        words=("and", "very", "always"),
    ),
    Rule("capitals", SENTENCE, "Write it in capital letters only.", "uppercase", "PEOPLE LIKE IT."),
    Rule("small letters", SENTENCE, "Write it in lowercase letters only.", "lowercase", "many people like {topic}."),
    Rule("quotes", SENTENCE, "Put your whole answer in double quotation marks.", "quoted", '"' + PLAIN + '"'),
    Rule(
        "starts",
        SENTENCE,
        'Begin your answer with the word "{word}".',
        "starts:{word}",
        "{word} many people like {topic}.",
        words=("Today", "Sometimes", "However", "Perhaps"),
    ),
    Rule(
        "ends",
        TEXT,
        'End your answer with the words "{word}"',
        "ends:{word}",
        "Many people like {topic}. {word}",
        words=("That is all.", "The end.", "Thank you."),
    ),
    Rule("two sentences", "Write about {topic}.", "Write exactly {n} sentences.", "sentences={n}", LONG, (2,)),
    Rule(
        "bullets",
        "Say why people like {topic}.",
        'Answer with exactly {n} short bullet points, each on its own line and beginning with "- ".',
        "bullets={n}; lines={n}",
        "- It is good.\n- It is here.",
        (2,),
    ),
    Rule(
        "numbered",
        "Say why people like {topic}.",
        "Give a numbered list of exactly {n} short points.",
        "numbered={n}",
        "1. It is good.\n2. It is here.\n3. It is known.",
        (3,),
    ),
    Rule(
        "twice",
        SENTENCE,
        'Use the word "{topic}" exactly twice.',
        "count:{topic}=2",
        "I say {topic} when I mean {topic}.",
    ),
    Rule(
        "items",
        "Name three things that make you think of {topic}.",
        "Separate them with commas and write nothing else.",
        "items={n}; words<=12",
        "summer, school, music",
        (3,),
    ),
    Rule(
        "one word",
        "Which word comes to your mind when you think of {topic}?",
        "Answer with one word.",
        "words=1",
        "Home",
    ),
    Rule("yes or no", "Have you ever heard of {topic}?", "Answer only yes or no.", "only:yes|no", "Yes"),
    Rule(
        "json",
        "Write a JSON object about {topic}.",
        'It has one key, "topic", and nothing stands around it.',
        "json; contains:topic",
        '{{"topic": "{topic}"}}',
    ),
)

TOPICS = (
    "rain snow bread music football tea coffee chess dancing swimming bicycles trains ships gardens forests "
    "mountains rivers islands deserts volcanoes horses dogs cats birds bees butterflies whales sharks lions "
    "elephants penguins owls apples bananas oranges lemons tomatoes potatoes rice pasta pizza cheese chocolate "
    "honey salt sugar soup salad breakfast dinner holidays birthdays weddings museums libraries theatres castles "
    "bridges towers markets airports hospitals schools universities teachers doctors farmers painters pilots "
    "nurses gardeners singers poetry novels newspapers films photography painting sculpture opera jazz guitars "
    "pianos drums violins mathematics physics chemistry biology history geography languages astronomy planets "
    "comets stars moonlight sunshine storms thunder clouds rainbows autumn spring summer winter sleep dreams "
    "laughter friendship courage patience honesty money shopping cooking baking fishing hiking camping skiing "
    "running yoga tennis basketball golf puzzles kites balloons candles clocks mirrors umbrellas hats shoes "
    "sweaters pockets robots computers telephones radio television internet satellites rockets batteries "
    "windmills tractors lighthouses tunnels elevators"
)
"""What is written about, with spaces between."""
