"""Minimal pairs by phenomenon: ``[right|wrong]`` in a sentence; after ``#``, words that name it without the contrast.

``{name}`` is a first name, ``{man}`` and ``{woman}`` a name of that sex, ``{place}`` a town and ``{day}`` a weekday.
"""

from __future__ import annotations

from collections.abc import Mapping

ROWS: Mapping[str, str] = {
    "agreement": """
        The keys to the cabinet in {place} [are|is] on the table. # keys, cabinet, {place}
        The picture of the mountains in {place} [hangs|hang] in the hall. # picture, mountains, {place}
        The letters from {name} [were|was] in the drawer. # letters, {name}, drawer
        The boy who knows the teachers of {name} [plays|play] the drums. # boy, teachers, {name}, drums
        The dogs near the fence of {name} [bark|barks] all night. # dogs, fence, {name}
        The price of the tickets to {place} [has|have] gone up. # price, tickets, {place}
        The shops in the old centre of {place} [close|closes] at six. # shops, centre, {place}
        The roof of the houses near {place} [is|are] made of tin. # roof, houses, {place}
        The friends of my sister in {place} [speak|speaks] French. # friends, sister, {place}
        The woman with the two cats [lives|live] in {place}. # woman, cats, {place}
        The results of the test that {name} took [do|does] not surprise me. # results, test, {name}
        The colour of the flowers that {name} bought [looks|look] strange. # colour, flowers, {name}
        The students in the class of {name} [want|wants] a longer break. # students, class, {name}
        The engine of the buses in {place} [makes|make] a lot of noise. # engine, buses, {place}
        The books that {name} wrote [sell|sells] very well. # books, {name}
        One of the windows in the house of {name} [is|are] broken. # windows, house, {name}
    """,
    "simple agreement": """
        {name} [walks|walk] to school every {day}. # {name}, school, {day}
        My parents [live|lives] in {place}. # parents, {place}
        The children [are|is] asleep in {place}. # children, {place}
        {name} [has|have] a new bicycle. # {name}, bicycle
        We [were|was] in {place} last summer. # {place}, summer
        I [am|is] older than {name}. # older, {name}
        They [do|does] not know {name}. # they, {name}
        The train to {place} [leaves|leave] on {day}. # train, {place}, {day}
        {name} and her brother [sing|sings] in a choir. # {name}, brother, choir
        The news from {place} [is|are] very good. # news, {place}
        {name} [goes|go] to the gym on {day}. # {name}, gym, {day}
        Both of them [work|works] in {place}. # both, {place}
        Everyone in {place} [knows|know] the story. # everyone, {place}, story
        Each of the rooms in {place} [costs|cost] the same. # rooms, {place}
        You [look|looks] a little like {name}. # you, {name}
        There [are|is] many bridges in {place}. # bridges, {place}
    """,
    "tense": """
        Last {day} {name} [went|goes] to the dentist. # last {day}, {name}, dentist
        Tomorrow {name} [will leave|left] for {place}. # tomorrow, {name}, {place}
        {name} has lived in {place} [since|for] 2010. # {name}, {place}, 2010
        {name} [is cooking|cooked] dinner right now. # {name}, dinner, right now
        When {name} arrived, we [had already eaten|have already eaten]. # {name}, arrived, eaten
        Two years ago {name} [moved|has moved] to {place}. # two years ago, {name}, {place}
        If it rains on {day}, {name} [will stay|stayed] at home. # rain, {day}, {name}
        {name} was reading when the phone [rang|rings]. # {name}, reading, phone
        I have never [been|be] to {place}. # never, {place}
        {name} used to [play|played] the violin. # {name}, violin
        While {name} was [sleeping|slept], it began to snow. # {name}, snow
        By next {day} {name} will have [finished|finish] the report. # next {day}, {name}, report
        As soon as {name} [comes|will come], we will start. # {name}, start
        If I were {name}, I [would move|move] to {place}. # I, {name}, {place}
        Yesterday {name} [bought|buys] a pair of shoes. # yesterday, {name}, shoes
        {name} did not [see|saw] the sign in {place}. # {name}, sign, {place}
    """,
    "irregular verbs": """
        {name} has [written|wrote] a long letter to the mayor of {place}. # {name}, letter, mayor, {place}
        {name} [taught|teached] mathematics in {place}. # {name}, mathematics, {place}
        {name} [caught|catched] a big fish near {place}. # {name}, fish, {place}
        {name} has [broken|broke] the blue vase. # {name}, blue vase
        {name} [drank|drinked] two glasses of milk. # {name}, two glasses, milk
        {name} has [chosen|chose] a name for the puppy. # {name}, name, puppy
        {name} [brought|bringed] a cake on {day}. # {name}, cake, {day}
        {name} has [eaten|ate] all the soup. # {name}, soup
        {name} [thought|thinked] about the trip to {place}. # {name}, trip, {place}
        {name} has [taken|took] the last bus to {place}. # {name}, last bus, {place}
        {name} [built|builded] a small house near {place}. # {name}, small house, {place}
        {name} has [spoken|spoke] to the doctor. # {name}, doctor
        {name} [swam|swimmed] across the lake on {day}. # {name}, lake, {day}
        {name} has [stolen|stole] nothing. # {name}, nothing
        {name} [felt|feeled] tired after the flight to {place}. # {name}, tired, flight, {place}
        {name} has [fallen|fell] off the ladder in {place}. # {name}, ladder, {place}
        {name} [kept|keeped] the secret for years. # {name}, secret, years
        {name} has [begun|began] a new book. # {name}, new book
    """,
    "articles": """
        {name} saw [an|a] elephant in {place}. # {name}, elephant, {place}
        {name} ate [an|a] apple on the train to {place}. # {name}, apple, train, {place}
        {name} works as [a|an] nurse in {place}. # {name}, nurse, {place}
        {name} waited for [an|a] hour in {place}. # {name}, hour, {place}
        {name} wants to be [an|a] engineer. # {name}, engineer
        {name} studies at [a|an] university in {place}. # {name}, university, {place}
        {name} had [an|a] accident on {day}. # {name}, accident, {day}
        It was [an|a] honest answer from {name}. # honest answer, {name}
        {name} told us [a|an] funny story about {place}. # {name}, funny story, {place}
        {name} has [an|a] uncle in {place}. # {name}, uncle, {place}
        {name} wore [a|an] green uniform on {day}. # {name}, green uniform, {day}
        The [sun|a sun] was shining when {name} left. # sun, shining, {name}
        {name} gave me [advice|an advice] about the trip to {place}. # {name}, advice, trip, {place}
        {name} plays [the piano|a piano the] every {day}. # {name}, piano, {day}
        {name} bought [an|a] umbrella in {place}. # {name}, umbrella, {place}
        {name} is [the best|best] player in {place}. # {name}, best player, {place}
    """,
    "pronoun case": """
        {name} gave [him|he] a book about {place}. # {name}, book, {place}
        [She|Her] met {name} in {place} on {day}. # {name}, {place}, {day}
        {name} and [I|me] went to {place} together. # {name}, {place}, together
        {name} invited [us|we] to the party on {day}. # {name}, party, {day}
        [They|Them] told {name} the truth. # {name}, truth
        This secret stays between {name} and [me|I]. # secret, {name}
        {name} does not believe [them|they]. # {name}, believe
        [We|Us] saw {name} at the station in {place}. # {name}, station, {place}
        The coat is not mine; it is [hers|her] or {name}'s. # coat, {name}
        {name} forgot [her|she] umbrella in {place}. # {name}, umbrella, {place}
        The dog wagged [its|it] tail when {name} came. # dog, tail, {name}
        {name} waited for [me|I] in {place}. # {name}, waited, {place}
        [He|Him] and {name} are old friends. # {name}, old friends
        [Whose|Who] bag did {name} take to {place}? # bag, {name}, {place}
        {name} danced with [her|she] on {day}. # {name}, danced, {day}
        This is [my|me] ticket to {place}. # ticket, {place}
    """,
    "reflexives": """
        {man} hurt [himself|herself] with a knife. # {man}, knife
        {woman} looked at [herself|himself] in the mirror. # {woman}, mirror
        {man} taught [himself|themselves] to play chess. # {man}, chess
        {woman} made [herself|themselves] a cup of tea. # {woman}, cup of tea
        The girls enjoyed [themselves|herself] in {place}. # girls, {place}
        {man} blamed [himself|itself] for the accident in {place}. # {man}, accident, {place}
        {woman} introduced [herself|itself] to the guests. # {woman}, guests
        We asked [ourselves|themselves] why {name} had left. # we, {name}
        I bought [myself|himself] a ticket to {place}. # I, ticket, {place}
        The boys can wash [themselves|himself] before {day}. # boys, wash, {day}
        The machine in {place} turns [itself|himself] off at night. # machine, {place}, night
        {woman} is proud of [herself|ourselves]. # {woman}, proud
    """,
    "word order": """
        Where [does {name} live|{name} does live] now? # where, {name}, live
        {name} bought [a red car|a car red] in {place}. # {name}, red car, {place}
        What [did {name} say|{name} did say] about {place}? # what, {name}, {place}
        {name} [always drinks|drinks always] coffee in the morning. # {name}, always, coffee, morning
        I do not know where [{name} lives|does live {name}]. # I, know, where, {name}
        {name} speaks [English very well|very well English]. # {name}, English, very well
        {name} gave [the child a toy|a toy the child] on {day}. # {name}, child, toy, {day}
        How old [is {name}|{name} is] this year? # how old, {name}
        {name} is [tall enough|enough tall] to reach the shelf. # {name}, tall, enough, shelf
        {name} has [never been|been never] to {place}. # {name}, never, {place}
        {name} likes [the big old house|the house big old] near {place}. # {name}, big old house, {place}
        Why [is {name} crying|{name} is crying] in the kitchen? # why, {name}, crying, kitchen
        {name} [can also swim|also swim can] very fast. # {name}, also, swim
        [Two small boats|Boats two small] left {place} on {day}. # two small boats, {place}, {day}
        {name} picked [it up|up it] in {place}. # {name}, picked up, {place}
        {name} went [to {place} by train|by train {place} to]. # {name}, train, {place}
    """,
    "comparatives": """
        {name} is [taller|more tall] than her cousin in {place}. # {name}, cousin, {place}
        This road to {place} is [longer|more longer] than the other. # road, {place}, other
        {name} is [the oldest|the most old] of the four. # {name}, four
        The soup of {name} is [better|gooder] than mine. # soup, {name}, mine
        This is [the most beautiful|the beautifulest] garden in {place}. # garden, {place}
        The weather in {place} is [worse|badder] today. # weather, {place}, today
        {name} runs [faster|more fast] than I do. # {name}, runs, than
        {name} is as [strong|stronger] as a horse. # {name}, horse
        The hotel in {place} was [more expensive|expensiver] than I thought. # hotel, {place}, thought
        {name} is [happier|more happier] in {place}. # {name}, {place}
        It was [the worst|the worse] day of the whole week in {place}. # day, whole week, {place}
        {name} has [less|fewer] money than before. # {name}, money, before
        {name} is [smarter than|smarter as] the others in {place}. # {name}, others, {place}
        {place} is [bigger|biggest] than my home town. # {place}, home town
        This puzzle is [more difficult|difficulter] than the one from {name}. # puzzle, {name}
        {name} lives [farther|more far] from here than I do. # {name}, lives, here
    """,
    "prepositions": """
        {name} is interested [in|on] the history of {place}. # {name}, interested, history, {place}
        It depends [on|of] the weather in {place}. # depends, weather, {place}
        {name} is afraid [of|from] spiders. # {name}, afraid, spiders
        {name} is good [at|of] drawing horses. # {name}, good, drawing, horses
        {name} listens [to|at] the radio every {day}. # {name}, listens, radio, {day}
        {name} was born [in|on] 1990 near {place}. # {name}, born, 1990, {place}
        {name} is waiting [for|to] the bus to {place}. # {name}, waiting, bus, {place}
        The meeting with {name} is [on|in] {day}. # meeting, {name}, {day}
        {name} arrived [at|to] the station in {place}. # {name}, arrived, station, {place}
        {name} is married [to|with] a painter from {place}. # {name}, married, painter, {place}
        {name} is looking forward [to|for] the trip to {place}. # {name}, looking forward, trip, {place}
        {name} laughed [at|on] the joke. # {name}, laughed, joke
        {name} thanked me [for|about] the gift. # {name}, thanked, gift
        {name} is proud [of|on] the garden in {place}. # {name}, proud, garden, {place}
        {name} believes [in|at] ghosts. # {name}, believes, ghosts
        {name} spends money [on|at] books every {day}. # {name}, spends, money, books, {day}
        The film about {place} starts [at|on] eight o'clock. # film, {place}, eight o'clock
        {name} agrees [with|at] her sister about {place}. # {name}, agrees, sister, {place}
    """,
    "determiners": """
        {name} bought [these|this] books in {place}. # {name}, books, {place}
        There is not [much|many] water in the well near {place}. # water, well, {place}
        How [many|much] friends does {name} have? # friends, {name}
        {name} painted [those|that] chairs on {day}. # {name}, chairs, {day}
        {name} did not bring [any|no] money to {place}. # {name}, money, {place}
        [Every|All] room in the hotel in {place} has a bath. # room, hotel, {place}, bath
        {name} has [a few|a little] coins left. # {name}, coins
        [That|Those] house near {place} is empty. # house, {place}, empty
        {name} knows [both|each] sisters from {place}. # {name}, sisters, {place}
        {name} drank [a little|a few] milk on {day}. # {name}, milk, {day}
        [Many|Much] people came to {place} on {day}. # people, {place}, {day}
        {name} sold [several|another] paintings in {place}. # {name}, paintings, {place}
        {name} wants [another|other] cup of coffee. # {name}, cup, coffee
        [This|These] letter from {name} arrived on {day}. # letter, {name}, {day}
    """,
    "auxiliaries": """
        {name} does not [like|likes] cold soup. # {name}, cold soup
        {name} can [swim|swims] across the river near {place}. # {name}, can, river, {place}
        [Does|Do] {name} know the way to {place}? # {name}, know, way, {place}
        {name} must [leave|to leave] {place} on {day}. # {name}, {place}, {day}
        {name} is [going|go] to visit {place}. # {name}, visit, {place}
        {name} should [have called|has called] on {day}. # {name}, called, {day}
        The bridge in {place} was [built|build] in 1920. # bridge, {place}, 1920
        {name} [doesn't|don't] eat meat. # {name}, eat, meat
        {name} will [be|is] in {place} next {day}. # {name}, {place}, next {day}
        The windows are [cleaned|cleaning] by {name} every {day}. # windows, {name}, {day}
        {name} has [been|being] ill since {day}. # {name}, ill, {day}
        Why [didn't|wasn't] {name} call me on {day}? # why, {name}, call, {day}
        {name} would rather [stay|staying] in {place}. # {name}, rather, {place}
        {name} let me [drive|to drive] to {place}. # {name}, let, {place}
    """,
    "irregular plurals": """
        {name} has three [children|childs] in {place}. # {name}, three, {place}
        The dentist in {place} pulled two of {name}'s [teeth|tooths]. # dentist, {place}, two, {name}
        Several [women|womans] from {place} visited {name}. # several, {place}, {name}
        {name} chased the [mice|mouses] out of the kitchen. # {name}, chased, kitchen
        The [leaves|leafs] of the trees in {place} are red. # trees, {place}, red
        {name} keeps the [knives|knifes] in a drawer. # {name}, drawer
        {name}'s [feet|foots] were cold on the way to {place}. # {name}, cold, {place}
        Two [men|mans] carried the piano of {name}. # two, piano, {name}
        A herd of [sheep|sheeps] crossed the road near {place}. # herd, road, {place}
        {name} put the books on the [shelves|shelfs]. # {name}, books
        The [wolves|wolfs] near {place} howled all night. # {place}, howled, night
        {name} picked [cherries|cherrys] in the garden. # {name}, picked, garden
        The [ladies|ladys] from {place} sang on {day}. # {place}, sang, {day}
        The [geese|gooses] of {name} ran across the yard. # {name}, ran, yard
    """,
    "verb forms": """
        {name} enjoys [reading|to read] about {place}. # {name}, enjoys, {place}
        {name} wants [to visit|visiting] {place} on {day}. # {name}, wants, {place}, {day}
        {name} finished [writing|to write] the report. # {name}, finished, report
        {name} decided [to stay|staying] in {place}. # {name}, decided, {place}
        {name} is tired of [waiting|wait] for the bus to {place}. # {name}, tired, bus, {place}
        {name} told me [to close|closing] the window. # {name}, told, window
        {name} made the children [laugh|to laugh]. # {name}, made, children
        {name} avoids [driving|to drive] in {place}. # {name}, avoids, {place}
        {name} hopes [to become|becoming] a pilot. # {name}, hopes, pilot
        {name} left without [saying|say] goodbye. # {name}, left, goodbye
        It is hard [to find|find] {name} in {place}. # hard, {name}, {place}
        {name} is used to [getting|get] up early. # {name}, used to, early
        {name} heard the dog [bark|to bark] on {day}. # {name}, heard, dog, {day}
        {name} promised [to help|helping] us on {day}. # {name}, promised, us, {day}
    """,
}
