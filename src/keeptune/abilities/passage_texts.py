"""Passages with slots, and questions whose answer is the filling of one slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Passage(NamedTuple):
    """One kind of passage."""

    text: str
    questions: tuple[tuple[str, str], ...]
    """(question, slot of its answer)."""


FILLERS: Mapping[str, tuple[str, ...]] = {
    "name": (
        "Mira", "Jonas", "Talia", "Edwin", "Carla", "Hugo", "Nadia", "Felix", "Ines", "Oscar",
        "Greta", "Milo", "Selma", "Arthur", "Paula", "Victor",
    ),
    "town": (
        "Norwell", "Ashby", "Fernside", "Port Ellery", "Kelby", "Dunmore", "Westerly", "Saltmarsh", "Torrin", "Harrow",
        "Milford", "Oakham",
    ),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "month": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    ),
    "number": ("14", "18", "23", "27", "31", "36", "42", "45", "52", "58", "64", "70"),
    "year": ("1892", "1905", "1911", "1923", "1936", "1948", "1957", "1964", "1971", "1983"),
    "hour": ("six", "seven", "eight", "nine", "ten", "eleven", "noon"),
    "colour": ("red", "green", "yellow", "blue", "white", "purple", "orange", "black", "grey"),
    "animal": ("goat", "parrot", "donkey", "rabbit", "tortoise", "cat", "pony", "goose", "hedgehog", "squirrel"),
    "food": ("onion soup", "fried fish", "apple pie", "bean stew", "rice pudding", "cheese toast", "lamb curry",
             "mushroom pasta", "potato salad", "plum cake"),
    "job": ("baker", "nurse", "carpenter", "pilot", "gardener", "librarian", "plumber", "teacher", "tailor", "dentist"),
    "instrument": ("cello", "trumpet", "flute", "violin", "piano", "harp", "guitar", "saxophone", "clarinet", "banjo"),
    "thing": ("umbrella", "wallet", "camera", "scarf", "notebook", "lantern", "suitcase", "hat", "telescope", "kettle"),
    "material": ("oak", "brass", "clay", "glass", "silver", "marble", "pine", "copper", "iron", "stone"),
    "place": ("library", "station", "market", "harbour", "museum", "park", "school", "bakery", "theatre", "hospital"),
    "fruit": ("cherries", "apples", "grapes", "plums", "figs", "peaches", "pears", "lemons", "melons", "berries"),
    "weather": ("fog", "snow", "heavy rain", "a storm", "ice", "a flood", "strong wind"),
    "sport": ("tennis", "rowing", "chess", "judo", "hockey", "fencing", "handball", "archery", "cricket", "swimming"),
}  # fmt: skip
"""Slot → fillings; a slot with a ``2`` is a second one from the same list."""

PASSAGES: tuple[Passage, ...] = (
    Passage(
        "{name} works as a {job} in {town}. Every {day} after work {name} plays the {instrument} with two neighbours.",
        (
            ("What is {name}'s job?", "job"),
            ("Where does {name} work?", "town"),
            ("Which instrument does {name} play?", "instrument"),
            ("On which day does {name} play music?", "day"),
        ),
    ),
    Passage(
        "The village of {town} has {number} houses. Its church was built in {year}. Each {month} the people hold "
        "a fair, where they sell {fruit}.",
        (
            ("How many houses does the village have?", "number"),
            ("When was the church built?", "year"),
            ("In which month is the fair?", "month"),
            ("What do people sell at the fair?", "fruit"),
        ),
    ),
    Passage(
        "{name} lost a {colour} {thing} on {day}. A {job} found it near the {place} and took it to the police.",
        (
            ("What did {name} lose?", "thing"),
            ("What colour was it?", "colour"),
            ("On which day was it lost?", "day"),
            ("Where was it found?", "place"),
        ),
    ),
    Passage(
        "The cafe beside the {place} opens at {hour}. Its best dish is {food}. The owner, {name}, keeps a "
        "{animal} in the yard.",
        (
            ("When does the cafe open?", "hour"),
            ("What is the best dish?", "food"),
            ("Who owns the cafe?", "name"),
            ("Which animal lives in the yard?", "animal"),
        ),
    ),
    Passage(
        "On {day} the train to {town} was {number} minutes late because of {weather}. {name} missed a meeting "
        "with a {job}.",
        (
            ("Where did the train go?", "town"),
            ("How many minutes late was the train?", "number"),
            ("Why was the train late?", "weather"),
            ("Who missed a meeting?", "name"),
        ),
    ),
    Passage(
        "{name} inherited a box made of {material}. Inside were {number} coins and a picture of a {animal}. The "
        "box dates from {year}.",
        (
            ("What is the box made of?", "material"),
            ("How many coins were in the box?", "number"),
            ("Which animal is in the picture?", "animal"),
            ("From which year is the box?", "year"),
        ),
    ),
    Passage(
        "The {sport} club of {town} has {number} members. They train every {day}. Their coach is {name}.",
        (
            ("Which sport does the club play?", "sport"),
            ("How many members does the club have?", "number"),
            ("When do they train?", "day"),
            ("Who is the coach?", "name"),
        ),
    ),
    Passage(
        "In {month} {name} painted the kitchen {colour}. The work took until {hour}. Then {name2} brought {food} "
        "for everybody.",
        (
            ("What colour is the kitchen now?", "colour"),
            ("In which month was the kitchen painted?", "month"),
            ("Who brought food?", "name2"),
            ("What did they eat?", "food"),
        ),
    ),
    Passage(
        "A {animal} ran away from the farm of {name} near {town}. After {number} hours it was found in the "
        "{place}, eating {fruit}.",
        (
            ("Which animal ran away?", "animal"),
            ("Whose farm was it?", "name"),
            ("Where was it found?", "place"),
            ("What was it eating?", "fruit"),
        ),
    ),
    Passage(
        "The concert in the {place} begins at {hour} on {day}. {name} will play the {instrument}. Tickets cost "
        "{number} euros.",
        (
            ("When does the concert begin?", "hour"),
            ("Which instrument will be played?", "instrument"),
            ("How many euros does a ticket cost?", "number"),
            ("Where is the concert?", "place"),
        ),
    ),
    Passage(
        "{name} was born in {town} in {year}, the child of a {job}. At school {name} loved {sport} and hated "
        "arithmetic.",
        (
            ("Where was {name} born?", "town"),
            ("In which year was {name} born?", "year"),
            ("What was the parent's job?", "job"),
            ("What did {name} love at school?", "sport"),
        ),
    ),
    Passage(
        "{name} and {name2} share a flat. {name} cooks {food} on {day}. {name2} owns a {animal} that sleeps in a "
        "{thing}.",
        (
            ("What does {name} cook?", "food"),
            ("When does {name} cook?", "day"),
            ("Who owns the animal?", "name2"),
            ("Which animal lives in the flat?", "animal"),
        ),
    ),
    Passage(
        "The bridge at {town} is {number} metres long. It was opened in {year} and is painted {colour}. {weather} "
        "closed it last {month}.",
        (
            ("How many metres long is the bridge?", "number"),
            ("When was the bridge opened?", "year"),
            ("What colour is the bridge?", "colour"),
            ("In which month was it closed?", "month"),
        ),
    ),
    Passage(
        "At the auction a {thing} of {material} was sold for {number} pounds. The buyer was {name}, a {job} from "
        "{town}.",
        (
            ("What was sold?", "thing"),
            ("What is it made of?", "material"),
            ("How many pounds did it cost?", "number"),
            ("Who bought it?", "name"),
        ),
    ),
    Passage(
        "The school trip on {day} goes to the {place} in {town}. The bus leaves at {hour}. Each child should "
        "bring {fruit}.",
        (
            ("When is the trip?", "day"),
            ("At what time does the bus leave?", "hour"),
            ("What should each child bring?", "fruit"),
            ("Which town do they visit?", "town"),
        ),
    ),
    Passage(
        "{name} sells {fruit} at a stall with a {colour} roof. In {month} business is best: up to {number} "
        "customers come in an hour.",
        (
            ("What does {name} sell?", "fruit"),
            ("What colour is the roof of the stall?", "colour"),
            ("In which month is business best?", "month"),
            ("How many customers come in an hour?", "number"),
        ),
    ),
    Passage(
        "The statue in front of the {place} shows a {job} with a {animal}. It is made of {material} and weighs "
        "{number} tons.",
        (
            ("Where does the statue stand?", "place"),
            ("Whom does the statue show?", "job"),
            ("What is the statue made of?", "material"),
            ("How many tons does the statue weigh?", "number"),
        ),
    ),
    Passage(
        "{name} won the {sport} contest in {town} on {day}. The prize was a {colour} bicycle. {name2} came second.",
        (
            ("Who won the contest?", "name"),
            ("Who came second?", "name2"),
            ("What colour is the bicycle?", "colour"),
            ("Where was the contest?", "town"),
        ),
    ),
    Passage(
        "Because of {weather}, the {place} in {town} stays closed until {day}. Its director, {name}, will use the "
        "time to repair the roof.",
        (
            ("Why is it closed?", "weather"),
            ("What is closed?", "place"),
            ("Until which day is it closed?", "day"),
            ("Who is the director?", "name"),
        ),
    ),
    Passage(
        "For a birthday in {month}, {name} got a {instrument} from an aunt and a {thing} from {name2}. They ate "
        "{food}.",
        (
            ("In which month is the birthday?", "month"),
            ("What did the aunt give to {name}?", "instrument"),
            ("What did {name2} give to {name}?", "thing"),
            ("What did they eat?", "food"),
        ),
    ),
)
