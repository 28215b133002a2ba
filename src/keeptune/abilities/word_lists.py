"""Words by meaning: pairs of like and of opposite meaning, and members of kinds.

A wrong answer is taken from another field or another kind, so what stands under one heading never meets.
"""

from __future__ import annotations

from collections.abc import Mapping

SYNONYMS: Mapping[str, str] = {
    "adjective: size": "big large, huge enormous, tiny minute, broad wide, thin slender, fat plump, lengthy long",
    "adjective: mood": "happy glad, sad unhappy, angry furious, calm peaceful, scared afraid, cheerful merry, "
    "gloomy dismal, brave courageous, cowardly timid, lucky fortunate, silent quiet, noisy loud, shocked astonished",
    "adjective: mind": "clever smart, stupid foolish, wise sensible, crazy insane, weird strange, difficult hard, "
    "simple easy, complicated complex, fast quick, sudden abrupt, hasty hurried, precise exact",
    "adjective: wealth": "rich wealthy, poor needy, cheap inexpensive, costly expensive, useless worthless",
    "adjective: truth": "true correct, wrong mistaken, fake false, sincere honest, evident obvious",
    "adjective: looks": "pretty beautiful, ugly hideous, neat tidy, filthy dirty",
    "adjective: body": "sick ill, strong powerful, weak feeble, tired weary, hungry starving",
    "adjective: danger": "dangerous risky, safe secure",
    "adjective: age": "ancient old, modern contemporary, youthful young",
    "adjective: weather": "hot scorching, chilly cold, damp moist, foggy misty",
    "adjective: manner": "polite courteous, rude impolite, kind friendly, cruel heartless, generous charitable",
    "adjective: frequency": "frequent common, rare uncommon, usual ordinary, famous renowned, annual yearly",
    "adjective: fill": "empty vacant, crowded packed, entire whole",
    "adjective: need": "essential necessary, tasty delicious",
    "verb: start": "start begin, finish complete, stop cease, close shut, tear rip",
    "verb: speak": "say state, shout yell, whisper murmur, reply answer, inquire ask, speak talk, weep cry, "
    "laugh chuckle, conceal hide, reveal disclose, show display, mock ridicule",
    "verb: act": "look gaze, watch observe, notice spot, buy purchase, sell vend, get obtain, keep retain, lend loan, "
    "help assist, harm injure, protect guard, rescue save, connect join, separate divide, gather collect, "
    "scatter disperse, donate give, steal rob",
    "verb: move": "leap jump, run sprint, rush hurry, depart leave, wander roam, climb ascend, continue proceed",
    "verb: make": "build construct, destroy demolish, mend repair, create produce",
    "verb: think": "consider ponder, think believe, understand comprehend, guess estimate, remember recall",
    "verb: feel": "love adore, hate detest, enjoy relish, fear dread",
    "verb: choose": "choose select, reject refuse, allow permit, forbid prohibit",
    "verb: change": "alter change, grow expand, shrink contract, lift raise, drop lower",
    "verb: body": "tremble shake, doze nap",
    "verb: win": "win triumph, attempt try, strive struggle",
    "noun: home": "house dwelling, cabin hut",
    "noun: place": "street road, shore coast, woods forest, summit peak",
    "noun: error": "error mistake, fault flaw",
    "noun: people": "doctor physician, lawyer attorney, thief robber, infant baby, pal friend, foe enemy, chief leader",
    "noun: work": "job occupation, task duty, pay wage",
    "noun: gift": "gift present, award prize",
    "noun: garment": "pants trousers, coat jacket",
    "noun: feeling": "joy delight, sorrow grief, anger rage, terror horror",
    "noun: trip": "journey trip, automobile car, aircraft airplane",
    "noun: rubbish": "trash garbage, stone rock, dirt soil",
    "noun: animal": "bunny rabbit, hound dog, hog pig",
    "noun: thought": "idea notion, opinion view, plan scheme, story tale, picture image, movie film, quarrel argument, "
    "speech address, rumor gossip, end conclusion, aim goal, amount quantity, part portion, center middle, border edge",
}
"""Part of speech and field → ``word synonym`` pairs."""

OPPOSITES: Mapping[str, str] = {
    "adjective: measure": "big small, tall short, wide narrow, thick thin, deep shallow, near far, high low, "
    "inner outer, left right, front back, many few, more less, odd even, maximum minimum, hard soft, rough smooth, "
    "sharp blunt, tight loose, strong weak, healthy sick, alive dead, awake asleep, loud quiet, major minor",
    "adjective: warmth": "hot cold, warm cool",
    "adjective: light": "bright dim, dark light, heavy light",
    "adjective: age": "old new, ancient modern",
    "adjective: mood": "happy sad, brave cowardly, cheerful gloomy, hopeful hopeless",
    "adjective: speed": "fast slow, sudden gradual",
    "adjective: worth": "good bad, useful useless, best worst, superior inferior, rich poor, expensive cheap, "
    "generous stingy, true false, right wrong, real fake, guilty innocent",
    "adjective: water": "wet dry",
    "adjective: fill": "full empty",
    "adjective: clean": "clean dirty, tidy messy",
    "adjective: difficulty": "easy difficult, simple complicated",
    "adjective: manner": "polite rude, kind cruel, humble proud, patient impatient, lazy hardworking",
    "adjective: danger": "safe dangerous, harmful harmless",
    "adjective: time": "early late, temporary permanent, first last",
    "adjective: state": "open closed, visible invisible, public private, raw cooked, married single, male female",
    "adjective: shape": "straight crooked, flat steep, horizontal vertical",
    "adjective: taste": "sweet bitter, ripe unripe",
    "adjective: freedom": "legal illegal, possible impossible, optional compulsory",
    "verb: move": "come go, push pull, rise fall, arrive depart, enter exit, advance retreat, give take, buy sell, "
    "lend borrow, save spend, send receive, increase decrease, expand shrink, freeze melt, add subtract, "
    "multiply divide, connect disconnect, gather scatter, import export",
    "verb: open": "start finish, appear disappear, lock unlock, hide reveal",
    "verb: make": "build destroy, repair damage",
    "verb: feel": "love hate, laugh cry, praise criticize",
    "verb: win": "win lose, succeed fail, attack defend",
    "verb: know": "remember forget, ask answer, teach learn",
    "verb: accept": "accept reject, agree disagree, allow forbid, confirm deny",
    "verb: wear": "dress undress, wrap unwrap",
    "verb: live": "live die, whisper shout",
    "noun: time": "day night, beginning end, past future, dawn dusk, north south, top bottom, entrance exit, "
    "ceiling floor",
    "noun: state": "friend enemy, adult child, teacher student, buyer seller, host guest, winner loser, war peace, "
    "heaven hell, victory defeat, success failure, wealth poverty, majority minority, profit loss, supply demand",
    "noun: feeling": "joy sorrow, hope despair, courage cowardice",
    "noun: truth": "truth lie, question answer",
    "noun: sense": "silence noise, darkness light",
}
"""Part of speech and field → ``word opposite`` pairs."""

KINDS: Mapping[str, str] = {
    "a bird": "sparrow, eagle, robin, pigeon, owl, parrot, penguin, ostrich, woodpecker",
    "a fish": "salmon, trout, tuna, cod, herring, carp, sardine, goldfish",
    "an insect": "ant, bee, beetle, mosquito, butterfly, grasshopper, moth, ladybug",
    "a reptile": "snake, lizard, crocodile, tortoise, gecko, iguana",
    "a mammal": "whale, elephant, giraffe, bat, squirrel, kangaroo, dolphin, hedgehog",
    "a tree": "oak, pine, birch, willow, maple, beech",
    "a flower": "tulip, daisy, daffodil, carnation, orchid, poppy",
    "a fruit": "apple, banana, pear, peach, mango, strawberry, pineapple",
    "a vegetable": "carrot, cabbage, spinach, broccoli, celery, cauliflower, onion",
    "a spice": "cinnamon, cumin, saffron, paprika, nutmeg",
    "a metal": "iron, copper, aluminium, zinc, nickel, titanium",
    "a gemstone": "diamond, ruby, sapphire, emerald, topaz",
    "a tool": "hammer, screwdriver, wrench, saw, pliers, chisel",
    "a musical instrument": "violin, piano, trumpet, flute, guitar, cello, clarinet, harp",
    "a vehicle": "truck, bus, motorcycle, tractor, van, taxi",
    "a boat": "canoe, kayak, ferry, yacht, raft",
    "a piece of clothing": "shirt, skirt, trousers, sweater, sock, scarf, jacket",
    "a piece of furniture": "chair, table, sofa, wardrobe, bookcase, armchair, desk",
    "a country": "Brazil, Japan, Norway, Kenya, Portugal, Vietnam, Chile",
    "a city": "Paris, Tokyo, Chicago, Cairo, Mumbai, Sydney, Berlin",
    "a continent": "Africa, Europe, Asia",
    "a river": "the Nile, the Amazon, the Thames, the Danube, the Ganges, the Seine",
    "a mountain": "Mount Everest, Kilimanjaro, Mont Blanc, the Matterhorn",
    "a planet": "Mars, Jupiter, Saturn, Venus, Neptune",
    "a colour": "red, blue, green, yellow, purple, beige",
    "a shape": "square, triangle, circle, rectangle, hexagon",
    "a sport": "football, tennis, hockey, baseball, swimming, volleyball",
    "a dance": "waltz, tango, salsa, ballet, foxtrot",
    "a board or card game": "chess, poker, checkers, rummy, backgammon",
    "an illness": "measles, influenza, malaria, diabetes, asthma, pneumonia",
    "a job": "carpenter, plumber, nurse, teacher, accountant, electrician, dentist",
    "a relative": "aunt, cousin, nephew, grandmother, uncle, sister",
    "a weapon": "sword, rifle, dagger, spear, cannon",
    "a drink": "coffee, lemonade, beer, wine, tea",
    "a part of the body": "elbow, knee, shoulder, ankle, stomach, liver, thumb",
    "something used in the kitchen": "spoon, fork, saucepan, spatula, ladle, whisk",
    "a building": "church, hospital, library, cottage, skyscraper, castle",
    "a language": "Spanish, Arabic, Mandarin, Swahili, Hindi, Portuguese",
    "a month": "January, April, August, October, December",
    "a day of the week": "Monday, Thursday, Saturday, Sunday",
    "a feeling": "anger, joy, fear, jealousy, sadness, pride",
    "a kind of weather": "rain, snow, hail, fog, thunder",
    "a dog breed": "poodle, beagle, dachshund, labrador, collie",
    "a fabric": "cotton, silk, wool, velvet, linen",
    "a cheese": "cheddar, mozzarella, brie, parmesan, gouda",
    "a currency": "dollar, euro, yen, peso, rupee",
    "a school subject": "mathematics, geography, history, chemistry, biology",
    "a unit of length": "metre, inch, mile, kilometre, centimetre",
    "a unit of time": "second, minute, hour, decade, century",
    "a religion": "Islam, Buddhism, Christianity, Hinduism, Judaism",
    "a punctuation mark": "comma, semicolon, colon, apostrophe",
}
"""Kind → members."""

CLASHES: tuple[tuple[str, str], ...] = (
    ("a dog breed", "a mammal"),
    ("a boat", "a vehicle"),
    ("a tool", "something used in the kitchen"),
    ("a tool", "a weapon"),
    ("something used in the kitchen", "a weapon"),
    ("a dance", "a sport"),
    ("a board or card game", "a sport"),
    ("a continent", "a country"),
    ("a fruit", "a tree"),
    ("a fruit", "a colour"),
    ("a fish", "a colour"),
    ("a drink", "a colour"),
    ("a gemstone", "a colour"),
    ("a gemstone", "a shape"),
    ("a metal", "a colour"),
    ("a spice", "a colour"),
    ("a spice", "a flower"),
    ("a spice", "a vegetable"),
    ("a flower", "a colour"),
    ("a punctuation mark", "a part of the body"),
    ("a punctuation mark", "a weapon"),
    ("a punctuation mark", "an insect"),
    ("a building", "a religion"),
    ("a cheese", "a city"),
    ("a language", "a school subject"),
    ("a board or card game", "a tool"),
    ("a relative", "a job"),
)
"""Kinds that are never offered beside each other, since a member of one may be thought to be of the other."""
