"""Facts of common knowledge, in tables: one relation a table, one right answer a row."""

from __future__ import annotations

from typing import NamedTuple


class Relation(NamedTuple):
    """One kind of fact. A wrong answer is the answer of another row."""

    name: str
    question: str
    """With ``{}`` for the subject."""
    rows: str
    """``subject: answer`` a line; after ``!``, answers of other rows that are partly right here, never offered."""


RELATIONS: tuple[Relation, ...] = (
    Relation(
        "symbol",
        "What is the chemical symbol of {}?",
        """
        hydrogen: H
        helium: He
        lithium: Li
        carbon: C
        nitrogen: N
        oxygen: O
        fluorine: F
        neon: Ne
        sodium: Na
        magnesium: Mg
        aluminium: Al
        silicon: Si
        phosphorus: P
        sulfur: S
        chlorine: Cl
        argon: Ar
        potassium: K
        calcium: Ca
        titanium: Ti
        chromium: Cr
        manganese: Mn
        iron: Fe
        cobalt: Co
        nickel: Ni
        copper: Cu
        zinc: Zn
        bromine: Br
        silver: Ag
        tin: Sn
        iodine: I
        barium: Ba
        tungsten: W
        platinum: Pt
        gold: Au
        mercury: Hg
        lead: Pb
        radium: Ra
        uranium: U
        """,
    ),
    Relation(
        "young",
        "What is a young {} called?",
        """
        dog: puppy
        cat: kitten
        cow: calf
        horse: foal
        sheep: lamb
        goat: kid
        pig: piglet
        chicken: chick
        duck: duckling ! chick
        goose: gosling ! chick
        swan: cygnet ! chick
        lion: cub ! kitten
        deer: fawn ! calf
        kangaroo: joey
        frog: tadpole
        owl: owlet ! chick
        eagle: eaglet ! chick
        hare: leveret
        """,
    ),
    Relation(
        "sound",
        "Which sound does {} make?",
        """
        a dog: bark ! howl
        a cat: meow ! hiss
        a cow: moo
        a sheep: baa
        a horse: neigh
        a pig: oink ! squeak
        a duck: quack
        a lion: roar
        an owl: hoot
        a snake: hiss
        a bee: buzz
        a frog: croak ! chirp
        a wolf: howl ! bark
        a turkey: gobble
        a donkey: bray
        a sparrow: chirp
        a mouse: squeak
        a dove: coo
        an elephant: trumpet ! roar
        """,
    ),
    Relation(
        "home",
        "Where does {} live or sleep?",
        """
        a bee: in a hive
        a spider: in a web
        a dog: in a kennel ! in a den
        a cow: in a barn ! in a stable
        a horse: in a stable ! in a barn
        a pig: in a sty ! in a barn, in a stable
        a lion: in a den
        a rabbit: in a burrow ! in a den
        a beaver: in a lodge ! in a burrow, in a den
        """,
    ),
    Relation(
        "colour",
        "What colour is {}?",
        """
        grass: green ! brown, yellow
        snow: white
        coal: black ! brown, grey
        a ripe banana: yellow
        a ripe strawberry: red ! white
        a carrot: orange ! purple, yellow
        the clear sky by day: blue
        a lemon: yellow ! green
        blood: red
        milk chocolate: brown
        a ripe tomato: red ! yellow, orange
        a sapphire: blue ! pink, yellow
        an emerald: green
        a ruby: red
        a polar bear: white
        a raven: black
        a flamingo: pink ! orange, red
        a pumpkin: orange ! green
        spinach: green
        broccoli: green ! purple
        a fire engine: red ! yellow
        milk: white
        salt: white ! pink
        flour: white
        a dandelion in bloom: yellow
        lavender: purple ! blue
        an elephant: grey
        a lime: green ! yellow
        a cucumber: green
        ketchup: red
        mustard: yellow ! brown
        an egg yolk: yellow ! orange
        the trunk of an oak: brown ! grey
        soot: black
        an eggplant: purple ! black
        a canary: yellow
        a frog in most picture books: green
        a stop sign: red
        a crow: black
        cotton: white ! brown
        a cherry: red ! black, purple, yellow
        roasted coffee: brown ! black
        """,
    ),
    Relation(
        "month after",
        "Which month comes after {}?",
        """
        January: February
        February: March
        March: April
        April: May
        May: June
        June: July
        July: August
        August: September
        September: October
        October: November
        November: December
        December: January
        """,
    ),
    Relation(
        "month before",
        "Which month comes before {}?",
        """
        January: December
        February: January
        March: February
        April: March
        May: April
        June: May
        July: June
        August: July
        September: August
        October: September
        November: October
        December: November
        """,
    ),
    Relation(
        "day after",
        "Which day comes after {}?",
        """
        Monday: Tuesday
        Tuesday: Wednesday
        Wednesday: Thursday
        Thursday: Friday
        Friday: Saturday
        Saturday: Sunday
        Sunday: Monday
        """,
    ),
    Relation(
        "day before",
        "Which day comes before {}?",
        """
        Monday: Sunday
        Tuesday: Monday
        Wednesday: Tuesday
        Thursday: Wednesday
        Friday: Thursday
        Saturday: Friday
        Sunday: Saturday
        """,
    ),
    Relation(
        "author",
        "Who wrote {}?",
        """
        Hamlet: William Shakespeare
        Romeo and Juliet: William Shakespeare
        Pride and Prejudice: Jane Austen
        Emma: Jane Austen
        Oliver Twist: Charles Dickens
        Great Expectations: Charles Dickens
        War and Peace: Leo Tolstoy
        Anna Karenina: Leo Tolstoy
        Crime and Punishment: Fyodor Dostoevsky
        Don Quixote: Miguel de Cervantes
        Moby-Dick: Herman Melville
        The Odyssey: Homer
        The Divine Comedy: Dante Alighieri
        Faust: Johann Wolfgang von Goethe
        Frankenstein: Mary Shelley
        Dracula: Bram Stoker
        Jane Eyre: Charlotte Brontë
        Wuthering Heights: Emily Brontë
        The Adventures of Tom Sawyer: Mark Twain
        The Great Gatsby: F. Scott Fitzgerald
        The Old Man and the Sea: Ernest Hemingway
        Nineteen Eighty-Four: George Orwell
        Animal Farm: George Orwell
        Brave New World: Aldous Huxley
        The Lord of the Rings: J. R. R. Tolkien
        The Hobbit: J. R. R. Tolkien
        Treasure Island: Robert Louis Stevenson
        The Jungle Book: Rudyard Kipling
        Alice's Adventures in Wonderland: Lewis Carroll
        The Picture of Dorian Gray: Oscar Wilde
        Les Misérables: Victor Hugo
        Madame Bovary: Gustave Flaubert
        The Metamorphosis: Franz Kafka
        Ulysses: James Joyce
        The Grapes of Wrath: John Steinbeck
        To Kill a Mockingbird: Harper Lee
        The War of the Worlds: H. G. Wells
        Robinson Crusoe: Daniel Defoe
        Gulliver's Travels: Jonathan Swift
        The Canterbury Tales: Geoffrey Chaucer
        Paradise Lost: John Milton
        On the Origin of Species: Charles Darwin
        """,
    ),
    Relation(
        "artist",
        "Who made {}?",
        """
        the painting Mona Lisa: Leonardo da Vinci
        the painting The Starry Night: Vincent van Gogh
        the painting Guernica: Pablo Picasso
        the painting The Scream: Edvard Munch
        the painting Girl with a Pearl Earring: Johannes Vermeer
        the painting The Night Watch: Rembrandt
        the painting The Birth of Venus: Sandro Botticelli
        the painting The Persistence of Memory: Salvador Dalí
        the painting The Kiss, of a golden couple: Gustav Klimt
        the sculpture The Thinker: Auguste Rodin
        the marble statue of David in Florence: Michelangelo
        the series of paintings Water Lilies: Claude Monet
        """,
    ),
    Relation(
        "composer",
        "Which composer wrote {}?",
        """
        The Four Seasons: Antonio Vivaldi
        The Magic Flute: Wolfgang Amadeus Mozart
        the Moonlight Sonata: Ludwig van Beethoven
        the ballet Swan Lake: Pyotr Tchaikovsky
        the Brandenburg Concertos: Johann Sebastian Bach
        the oratorio Messiah: George Frideric Handel
        the opera Carmen: Georges Bizet
        the opera La Traviata: Giuseppe Verdi
        the opera Madama Butterfly: Giacomo Puccini
        the opera The Barber of Seville: Gioachino Rossini
        The Rite of Spring: Igor Stravinsky
        Boléro: Maurice Ravel
        """,
    ),
    Relation(
        "achievement",
        "Who is known for {}?",
        """
        the theory of relativity: Albert Einstein
        the law of universal gravitation: Isaac Newton
        the discovery of penicillin: Alexander Fleming
        the discovery of radium: Marie Curie
        the periodic table of the elements: Dmitri Mendeleev
        the first patent of the telephone: Alexander Graham Bell
        the printing press with movable type in Europe: Johannes Gutenberg
        being the first person on the Moon: Neil Armstrong
        being the first person in space: Yuri Gagarin
        inventing dynamite: Alfred Nobel
        founding psychoanalysis: Sigmund Freud
        the laws of heredity found with pea plants: Gregor Mendel
        the Sun-centred model of the planets, in 1543: Nicolaus Copernicus
        leading India to independence without violence: Mahatma Gandhi
        being the first president of the United States: George Washington
        the first voyage around Africa to India from Europe: Vasco da Gama
        """,
    ),
)
