"""What reviewers say: neutral settings of a field, remarks as (positive, negative) about the same thing, endings."""

from __future__ import annotations

from collections.abc import Mapping

Remark = tuple[str, str]

REMARKS: Mapping[str, tuple[tuple[str, ...], tuple[Remark, ...]]] = {
    "hotel": (
        (
            "We stayed for three nights in March.",
            "I was here for a conference.",
            "We booked a double room on the fourth floor.",
            "My parents and I stopped over on the way south.",
        ),
        (
            ("The bed was so comfortable that I overslept twice.", "The mattress had a hole in it and I hardly slept."),
            ("The staff remembered our names by the second day.", "The man at the desk shouted at my mother."),
            ("Breakfast was fresh, varied and served with a smile.", "Breakfast was cold toast and sour milk."),
            (
                "Everything was spotless, down to the window sills.",
                "There was mould in the shower and hair in the sink.",
            ),
            ("It is quiet at night although it is in the centre.", "Drunk guests banged on doors until four o'clock."),
            ("The view over the bay took our breath away.", "The promised sea view was a brick wall and a bin."),
            ("They upgraded us to a suite for nothing.", "They charged us twice and refused to pay it back."),
            ("The heating kept the room cosy all evening.", "The heating was broken and nobody came to repair it."),
            ("The pool was clean, warm and never crowded.", "The pool was green and smelled of old fish."),
            (
                "Check-in took two minutes and we got a welcome drink.",
                "We queued an hour to check in and got no apology.",
            ),
            ("The towels were thick and changed every day.", "The towels were grey, thin and still wet."),
            ("I have already booked the same room for next year.", "I left a day early and slept better in my car."),
            (
                "The porter found my lost passport and would take no tip.",
                "My watch vanished from the room and nobody cared.",
            ),
        ),
    ),
    "restaurant": (
        (
            "We went there for my sister's birthday.",
            "I had the fish and my friend had the lamb.",
            "We had a table by the window on Friday evening.",
            "Four of us ate here after the theatre.",
        ),
        (
            ("The soup tasted like the one my grandmother made.", "The soup tasted of dishwater and burnt onion."),
            ("Our waiter knew every dish and gave great advice.", "Our waiter rolled his eyes at every question."),
            ("The portions were generous and the price was fair.", "We paid a fortune and went home hungry."),
            ("The sauce was so good that I asked for the recipe.", "The sauce had gone sour and I was ill all night."),
            ("The bread comes warm from their own oven.", "The bread was stale and we were charged for it."),
            ("The food arrived fast and piping hot.", "The food came after ninety minutes, and cold."),
            ("The chocolate cake alone is worth the journey.", "The chocolate cake was dry as dust."),
            ("The music was soft and we could talk all evening.", "The music was so loud that we had to shout."),
            (
                "They cooked something special for my allergic son.",
                "They served my allergic son nuts in spite of our warning.",
            ),
            ("The vegetables were crisp and full of flavour.", "The vegetables were boiled to a grey mush."),
            (
                "The wine was well chosen and not overpriced.",
                "The wine had turned to vinegar and they would not change it.",
            ),
            ("This has become our favourite place in town.", "We will never set foot in this place again."),
            (
                "The steak was tender and done exactly as I asked.",
                "The steak was tough as a boot and raw in the middle.",
            ),
        ),
    ),
    "film": (
        (
            "I saw it on Saturday with two friends.",
            "It runs for a little over two hours.",
            "I watched it at home on a rainy evening.",
            "The story is set in a harbour town in the fifties.",
        ),
        (
            ("I laughed until my sides hurt.", "Not one joke in it made anybody laugh."),
            ("The lead actress is a marvel in every scene.", "The lead actress reads her lines like a shopping list."),
            ("The ending moved the whole row to tears of joy.", "The ending is so silly that people booed."),
            ("The plot kept me guessing until the last minute.", "I had guessed the whole plot after five minutes."),
            (
                "The pictures are gorgeous, each one like a painting.",
                "The pictures are so dark and shaky that I felt sick.",
            ),
            ("The time flew by and I wanted more.", "I looked at my watch every five minutes."),
            ("The music is beautiful and has stayed with me.", "The music is a dreadful din from start to finish."),
            ("It is clever, warm and wonderfully acted.", "It is dull, cold and badly acted."),
            ("My children loved it and want to see it again.", "My children were bored and begged to leave."),
            ("The dialogue sparkles with wit.", "The dialogue is wooden and full of clichés."),
            ("It deserves every prize that it has won.", "How this mess could win a prize is beyond me."),
            ("The best film that I have seen in years.", "The worst film that I have seen in years."),
            ("The monster was truly terrifying, just as I had hoped.", "The monster was a man in a cheap rubber suit."),
        ),
    ),
    "phone": (
        (
            "I bought this phone in May to replace an older one.",
            "It is the smaller of the two models.",
            "I use it mostly for work and for maps.",
            "My daughter got one for her birthday.",
        ),
        (
            ("The battery easily lasts two full days.", "The battery is dead before lunch."),
            (
                "The camera takes stunning pictures even at night.",
                "The camera takes blurred pictures even in bright sun.",
            ),
            ("It is fast and has never once crashed.", "It freezes several times a day and loses my messages."),
            ("The screen is sharp and easy to read outdoors.", "The screen cracked in the first week without a fall."),
            ("Calls are crystal clear wherever I go.", "Calls drop after a minute wherever I go."),
            (
                "It survived a fall down the stairs without a scratch.",
                "It broke when it slid off the sofa onto a carpet.",
            ),
            ("Setting it up was child's play.", "Setting it up took me a whole miserable weekend."),
            ("It feels solid and looks far dearer than it was.", "It feels flimsy and looks like a toy."),
            ("It charges fully in half an hour.", "It takes all night to charge, if it charges at all."),
            ("The fingerprint reader works every single time.", "The fingerprint reader never knows my finger."),
            ("The sound is rich and surprisingly strong.", "The sound is tinny and crackles all the time."),
            ("Honestly, I could not be happier with it.", "Honestly, I regret every cent that I spent on it."),
            ("Updates come every month and make it better.", "The last update ruined it and cannot be undone."),
        ),
    ),
    "book": (
        (
            "I read it on the train to work.",
            "It is the author's second novel.",
            "My reading group chose it for April.",
            "It has about four hundred pages.",
        ),
        (
            ("I could not put it down and finished it in a night.", "I gave up after fifty pages of sheer boredom."),
            (
                "The characters feel like real friends by the end.",
                "The characters are flat and I cared for none of them.",
            ),
            ("Every sentence is a pleasure to read.", "The sentences are clumsy and full of mistakes."),
            ("It taught me more than a year of classes.", "I learned nothing from it that I did not know."),
            ("The twist in the middle is brilliant.", "The twist in the middle makes no sense at all."),
            ("It made me laugh and cry on the same page.", "It made me yawn on every page."),
            (
                "The research behind it is deep and carefully told.",
                "It is full of errors that any schoolchild would notice.",
            ),
            ("I have given copies to all my friends.", "I threw my copy straight into the bin."),
            ("The translator has done a splendid job.", "The translation reads as if a machine had made it."),
            ("The maps and drawings are lovely and useful.", "The maps are wrong and the print is too small to read."),
            ("Its last chapter is the finest I know.", "Its last chapter is a lazy let-down."),
            ("A masterpiece that I shall read again.", "A waste of paper that I would like to forget."),
            (
                "The author explains hard things with great clarity.",
                "The author makes simple things hopelessly confusing.",
            ),
        ),
    ),
    "appliance": (
        (
            "I have had this washing machine for six weeks.",
            "We needed something for a small kitchen.",
            "I ordered it on Monday.",
            "It replaced one that was twelve years old.",
        ),
        (
            ("It is so quiet that I forget it is on.", "It screams like a jet and wakes the neighbours."),
            ("The shirts come out spotless and soft.", "The shirts come out dirtier than before."),
            ("It uses half the power of our old one.", "Our power bill has doubled because of it."),
            ("The buttons are simple and the guide is clear.", "The buttons are baffling and the guide is useless."),
            ("Two friendly men installed it in ten minutes.", "The men who brought it scratched the floor and left."),
            ("It has worked perfectly from the first day.", "It broke down on the first day and twice since."),
            ("The service line answered at once and solved it.", "The service line hung up on me three times."),
            ("It fits exactly and looks wonderful.", "It does not fit, although they swore it would."),
            ("The door closes with a firm and pleasing click.", "The door fell off in my hand."),
            ("It finishes a full load in forty minutes.", "It needs five hours for a load and then stops halfway."),
            ("I would buy the same one again tomorrow.", "I would not wish this machine on my worst enemy."),
            ("No drop of water has ever got onto the floor.", "It flooded the kitchen and ruined the new floor."),
            (
                "After years of trouble with others, this is pure joy.",
                "After years of joy with others, this is pure trouble.",
            ),
        ),
    ),
    "travel": (
        (
            "We travelled from Lisbon to Oslo.",
            "I had booked a seat by the aisle.",
            "We went with two children.",
            "It was my first trip with this company.",
        ),
        (
            ("We left on time and arrived early.", "We left six hours late and missed the wedding."),
            ("There was plenty of room for my long legs.", "My knees were jammed against the seat for hours."),
            (
                "The crew were cheerful and could not do enough for us.",
                "The crew were rude and ignored us all the way.",
            ),
            ("My luggage was the first on the belt.", "They lost my luggage and have not found it yet."),
            ("The guide was funny and knew everything.", "The guide was bored and got half the dates wrong."),
            ("The seats were clean and wonderfully soft.", "The seats were torn and sticky."),
            (
                "They changed my ticket at once and for free.",
                "They wanted three hundred to correct one letter in my name.",
            ),
            ("The meals were delicious.", "The meals were inedible."),
            ("It was the smoothest journey of my life.", "It was the most wretched journey of my life."),
            ("When I fell ill they looked after me like family.", "When I fell ill they left me standing at the kerb."),
            ("The website made booking a pleasure.", "The website took my money and gave me no ticket."),
            (
                "Worth every penny, and we will travel with them again.",
                "A rip-off, and we will never travel with them again.",
            ),
            ("The air was fresh and the cabin pleasantly cool.", "The air was foul and the toilets overflowed."),
        ),
    ),
    "clothes": (
        (
            "I ordered it in blue.",
            "I am tall and took the large size.",
            "It came in a plain box on Tuesday.",
            "I wear it mostly to work.",
        ),
        (
            ("It fits as if it had been made for me.", "One sleeve is longer than the other."),
            ("The cloth is soft and feels lovely on the skin.", "The cloth is scratchy and gave me a rash."),
            ("It still looks new after a dozen washes.", "It fell apart in the very first wash."),
            ("It kept me dry through a whole day of rain.", "It soaked through in the first light drizzle."),
            ("I have had compliments from total strangers.", "My colleagues laughed when I came in."),
            ("The seams are neat and very strong.", "The seams split when I bent down."),
            ("It is the most comfortable thing that I own.", "It rubbed my neck raw within an hour."),
            (
                "The colour is exactly as rich as in the picture.",
                "The colour is a muddy brown, nothing like the picture.",
            ),
            ("The zip glides and has never caught.", "The zip jammed at once and then tore off."),
            ("It is light and yet wonderfully warm.", "It is heavy and yet I froze in it."),
            (
                "Sending one back for a smaller size was easy and free.",
                "They refused to take it back and stopped answering.",
            ),
            ("Great quality for so little money.", "Poor quality for so much money."),
            ("I now live in it and have ordered a second.", "It hangs unworn in the cupboard and annoys me."),
        ),
    ),
    "service": (
        (
            "I called them about the heating.",
            "My neighbour gave me their number.",
            "They have a workshop behind the station.",
            "I needed help with an old boiler.",
        ),
        (
            ("They came within the hour and fixed it for good.", "They never turned up and never called."),
            ("The bill was lower than they had said.", "The bill was three times what they had said."),
            (
                "They left the place cleaner than they found it.",
                "They left dirt and cigarette ends all over the floor.",
            ),
            ("The work is neat and I am delighted.", "The work is shoddy and had to be done again."),
            ("She explained every step patiently.", "She spoke to me as if I were stupid."),
            (
                "They were honest and told me that it needed no repair.",
                "They lied and sold me a repair that it never needed.",
            ),
            ("He is a true expert and a gentleman.", "He is a bungler and a bully."),
            ("It has run like a dream since they looked at it.", "It has been worse ever since they touched it."),
            ("I recommend them to everybody I meet.", "I warn everybody I meet against them."),
            ("They finished two days before the promised date.", "They are three weeks late and full of excuses."),
            ("They put right a small fault at once and said sorry.", "They broke a window and denied it to my face."),
            ("I wish that all firms were like this one.", "I wish that I had never heard of this firm."),
            ("Always polite, always on time, always careful.", "Always rude, always late, always careless."),
        ),
    ),
    "game": (
        (
            "My cousin gave it to me.",
            "We tried it on New Year's Eve.",
            "I have played it for about a month.",
            "It is for two to six players.",
        ),
        (
            (
                "The rules are clear and we were laughing in minutes.",
                "The rules are a muddle and we quarrelled for an hour.",
            ),
            ("Even my grandfather wanted another round.", "Nobody wanted to finish even one round."),
            ("The pieces are beautifully made.", "The pieces are cheap and some were missing."),
            ("Every round is different and exciting.", "Every round is the same and tedious."),
            ("It is hard, but fair and very satisfying.", "It is unfair, and winning is pure luck."),
            ("The graphics are stunning.", "The graphics are ugly."),
            ("I have spent a hundred happy hours with it.", "It crashed so often that I asked for my money back."),
            ("The puzzles are clever and never annoying.", "The puzzles are senseless and drove me mad."),
            ("The controls respond perfectly.", "The controls hardly respond and ruin everything."),
            (
                "There is nothing more to pay, and it is full of surprises.",
                "It keeps begging for more money at every step.",
            ),
            (
                "My kids put their phones away for it, which says it all.",
                "My kids went back to their phones, which says it all.",
            ),
            ("A new family favourite.", "A complete flop with the family."),
            ("The story swept me along from the first scene.", "The story is a tired copy of better ones."),
        ),
    ),
    "course": (
        (
            "I took the evening course for ten weeks.",
            "The classes were held in the old school.",
            "There were twelve of us, all beginners.",
            "I signed up in autumn with a colleague.",
        ),
        (
            ("The teacher is inspiring and full of energy.", "The teacher is unprepared and reads from a sheet."),
            ("I learned more than I had ever hoped.", "I learned nothing and lost my evenings."),
            ("I came home happy and full of ideas.", "I came home angry and with a headache."),
            ("The rooms are bright and well kept.", "The rooms are filthy and smell of sweat."),
            ("We were given all the time that we needed.", "We were rushed through and then pushed out."),
            ("Every lesson flew by and ended in laughter.", "Every lesson dragged on and half of us dozed off."),
            ("The teacher had a kind word for each of us.", "The teacher mocked us in front of the others."),
            ("The handouts are a treasure that I still use.", "The handouts were bad copies that nobody could read."),
            ("When I was ill they paid the missed hours back unasked.", "They go on charging me months after the end."),
            (
                "We got far more lessons than we had paid for.",
                "Half of the lessons were cancelled, yet we paid in full.",
            ),
            ("I felt welcome from the first minute.", "Nobody even said hello to us."),
            (
                "The most rewarding thing that I have done in ages.",
                "The most disappointing thing that I have done in ages.",
            ),
            ("We all signed up for the next one at once.", "Half of us gave up before the end."),
        ),
    ),
    "gadget": (
        (
            "I bought it for the kitchen.",
            "It was a present from my aunt.",
            "I ordered it in spring from a small shop online.",
            "It stands on the shelf beside my desk.",
        ),
        (
            ("It does exactly what it promises, and does it well.", "It does nothing of what it promises."),
            ("It is sturdy and will last for decades.", "It wobbles and will not last the month."),
            ("I use it every day with pleasure.", "I used it once and put it in the attic."),
            (
                "It was put together in five minutes without a tool.",
                "Two screws were missing and the holes do not match.",
            ),
            ("It arrived a day early, well packed.", "It arrived three weeks late and in pieces."),
            ("I had my doubts, but it won me over.", "I had high hopes, but it let me down."),
            ("The seller was a pleasure to deal with.", "The seller is a fraud."),
            ("The handle stays cool and sits well in the hand.", "The handle gets so hot that I burnt my fingers."),
            ("It has made my mornings so much easier.", "It has been nothing but a nuisance."),
            ("You could not find better at twice the price.", "You could find better at half the price."),
            ("It looks elegant in any room.", "It is an eyesore in any room."),
            ("Five stars, and I would give six.", "One star, and only because none is not allowed."),
            ("Not a single fault in two years.", "Not a single day without a fault."),
        ),
    ),
}

ENDINGS: tuple[Remark, ...] = (
    ("Highly recommended!", "Not recommended!"),
    ("I am very happy.", "I am very annoyed."),
    ("Thank you so much!", "I want my money back!"),
    ("Simply excellent.", "Simply terrible."),
    ("I loved it.", "I hated it."),
    ("What a pleasure!", "What a nightmare!"),
    ("Great value.", "A waste of money."),
    ("Just perfect.", "Just awful."),
    ("Ten out of ten.", "Zero out of ten."),
    ("I am impressed.", "I am fed up."),
    ("Bravo to all of them!", "Shame on all of them!"),
    ("It made my day.", "It ruined my day."),
)
