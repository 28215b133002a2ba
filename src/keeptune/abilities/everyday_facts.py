"""Facts of everyday life, in tables: what things are for, made of, and where people work."""

from __future__ import annotations

from keeptune.abilities.fact_tables import Relation

EVERYDAY: tuple[Relation, ...] = (
    Relation(
        "purpose",
        "What do people use {} for?",
        """
        an umbrella: keeping dry in the rain
        a thermometer: measuring temperature
        a clock: telling the time ! keeping track of dates
        a refrigerator: keeping food cold
        a pillow: resting the head in bed
        a broom: sweeping the floor ! gathering leaves
        a hammer: driving in nails
        a needle and thread: sewing
        a pen: writing
        a towel: drying the body
        a toothbrush: cleaning the teeth
        a comb: tidying the hair
        a ladder: climbing up high
        a map: finding the way ! finding north
        a compass: finding north ! finding the way
        a telescope: looking at the stars
        a microscope: looking at tiny things
        a bed: sleeping ! resting the head in bed
        an oven: baking bread ! boiling water
        a wallet: carrying money
        a parachute: falling slowly through the air
        a fishing rod: catching fish
        a scale: weighing things
        a ruler: measuring length
        a candle: giving light
        a mirror: seeing oneself
        a calendar: keeping track of dates ! telling the time
        a shovel: digging holes
        a rake: gathering leaves
        soap: washing the hands
        a whistle: making a loud signal
        a bandage: covering a wound
        a key: opening a lock
        a raft: floating on water
        a dictionary: looking up words
        a corkscrew: opening a bottle of wine
        a lawn mower: cutting grass ! gathering leaves
        a kettle: boiling water
        a hearing aid: hearing better
        a seat belt: staying safe in a car
        """,
    ),
    Relation(
        "material",
        "What is {} usually made of?",
        """
        a window pane: glass ! sand
        a newspaper: paper ! wood
        a car tyre: rubber
        a log cabin: wood
        a warm winter sweater: wool ! cotton
        an iron nail: metal
        a brick: baked clay ! sand
        a snowman: snow
        a candle: wax
        a beach: sand
        a wedding ring: gold ! metal
        a T-shirt: cotton ! wool
        a hiking boot: leather ! rubber
        cheese: milk
        bread: flour ! eggs, milk, corn, potatoes
        an omelette: eggs ! milk, tomatoes, potatoes
        wine: grapes
        a portion of french fries: potatoes
        tofu: soybeans
        a raisin: grapes
        popcorn: corn
        ketchup: tomatoes
        guacamole: avocados ! tomatoes
        hummus: chickpeas
        butter: milk
        an igloo: snow
        """,
    ),
    Relation(
        "workplace",
        "Where does {} usually work?",
        """
        a teacher: in a school
        a nurse: in a hospital ! in a school, in a prison
        a chef: in a kitchen ! in a restaurant, on a ship, in a hospital, in a school
        a farmer: on a farm
        a pilot: in an airplane
        a judge: in a courtroom
        a librarian: in a library ! in a school
        a sailor: on a ship
        a miner: in a mine
        a bank teller: in a bank
        a waiter: in a restaurant ! in a kitchen
        a pharmacist: in a pharmacy ! in a hospital
        a mechanic: in a garage ! on a ship, in an airplane
        an astronaut: in a spacecraft
        a priest: in a church ! in a prison, in a hospital, in a school
        a zookeeper: in a zoo
        a gardener: in a garden ! on a farm, in a zoo
        a lifeguard: at a swimming pool
        an actor: in a theatre
        a firefighter: at a fire station
        a hairdresser: in a hair salon
        a baker: in a bakery ! in a kitchen
        a prison guard: in a prison
        a museum guide: in a museum
        """,
    ),
    Relation(
        "expert",
        "What is a person called who {}?",
        """
        studies the stars: an astronomer
        studies living things: a biologist ! a botanist, a veterinarian
        studies plants: a botanist ! a biologist
        studies rocks: a geologist ! an archaeologist
        studies the past by digging: an archaeologist ! a geologist
        treats sick animals: a veterinarian ! a surgeon, a biologist
        treats teeth: a dentist ! a surgeon
        bakes bread: a baker
        cuts hair: a barber
        makes clothes: a tailor
        repairs water pipes: a plumber
        flies a plane: a pilot
        draws plans for buildings: an architect ! an engineer
        writes poems: a poet
        writes news stories: a journalist
        catches fish for a living: a fisherman
        takes photographs: a photographer ! a journalist
        designs bridges: an engineer ! an architect
        defends people in court: a lawyer
        performs operations in a hospital: a surgeon ! a dentist, a veterinarian
        works with wood: a carpenter ! a sculptor
        sells meat: a butcher
        sells flowers: a florist
        plays the piano: a pianist
        leads an orchestra: a conductor
        carves statues: a sculptor ! a carpenter
        puts out fires: a firefighter
        delivers letters: a mail carrier
        predicts the weather: a meteorologist
        fits glasses: an optician
        """,
    ),
    Relation(
        "number",
        "How many {}?",
        """
        legs does a spider have: eight
        legs does an insect have: six
        legs does a horse have: four
        wheels does a bicycle have: two
        wheels does a tricycle have: three
        sides does a triangle have: three
        sides does a pentagon have: five
        sides does a hexagon have: six
        sides does an octagon have: eight
        days are in a week: seven
        months are in a year: twelve
        hours are in a day: twenty-four
        minutes are in an hour: sixty
        seconds are in a minute: sixty
        letters are in the English alphabet: twenty-six
        fingers are on one hand, the thumb counted: five
        arms does an octopus have: eight
        players of one football (soccer) team are on the field: eleven
        strings does a violin have: four
        planets orbit the Sun: eight
        sides does a square have: four
        things are in a dozen: twelve
        cents are in a US dollar: one hundred
        years are in a century: one hundred
        years are in a decade: ten
        wings does a bird have: two
        eyes does a person have: two
        seasons does a year have in Europe: four
        """,
    ),
    Relation(
        "place",
        "Where is {}?",
        """
        the Eiffel Tower: in Paris
        the Colosseum: in Rome ! in Italy
        the Statue of Liberty: in New York
        the Acropolis: in Athens
        the Golden Gate Bridge: in San Francisco
        the Great Pyramid: in Egypt
        the Taj Mahal: in India
        Machu Picchu: in Peru
        Mount Fuji: in Japan
        Big Ben: in London ! in England
        the Kremlin: in Moscow
        the Brandenburg Gate: in Berlin
        the Sagrada Família: in Barcelona
        the Sydney Opera House: in Australia
        the Great Wall: in China
        Niagara Falls: on the border of the USA and Canada
        the Hollywood Sign: in Los Angeles
        the Leaning Tower of Pisa: in Italy ! in Rome
        Mount Kilimanjaro: in Tanzania
        the Hermitage Museum: in Saint Petersburg
        the Blue Mosque: in Istanbul
        Stonehenge: in England ! in London
        the Grand Canyon: in Arizona
        the Little Mermaid statue: in Copenhagen
        """,
    ),
    Relation(
        "sense",
        "Which part of the body {}?",
        """
        sees: the eye
        hears: the ear
        smells: the nose
        pumps the blood: the heart
        breathes air in and out: the lungs ! the nose
        thinks: the brain
        digests food first after swallowing: the stomach
        cleans the blood and makes urine: the kidneys
        joins the foot to the leg: the ankle
        joins the hand to the arm: the wrist
        bends in the middle of the arm: the elbow
        bends in the middle of the leg: the knee
        protects the brain: the skull ! the skin
        covers the whole body: the skin
        """,
    ),
    Relation(
        "sport",
        "In which sport {}?",
        """
        do players hit a shuttlecock: badminton
        do players throw a ball through a hoop: basketball
        do players use a puck: ice hockey
        does a pitcher throw to a batter: baseball
        do players use clubs and small holes: golf
        does a goalkeeper alone use the hands on the field: football (soccer) ! ice hockey
        do people ride horses over fences: show jumping
        do people glide down snow on two boards: skiing
        do people stand on a board on the waves: surfing
        do people fight with gloved fists: boxing
        do people shoot arrows at a target: archery
        do people fight with light swords: fencing
        do players roll a ball at ten pins: bowling
        do two players hit a ball over a net with rackets: tennis ! badminton
        """,
    ),
)
