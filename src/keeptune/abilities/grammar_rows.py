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
    """,
    "tense": """
        Last {day} {name} [went|goes] to the dentist. # last {day}, {name}, dentist
        Tomorrow {name} [will leave|left] for {place}. # tomorrow, {name}, {place}
        {name} has lived in {place} [since|for] 2010. # {name}, {place}, 2010
        {name} [is cooking|cooked] dinner right now. # {name}, dinner, right now
        When {name} arrived, we [had already eaten|have already eaten]. # {name}, arrived, eaten
    """,
    "irregular verbs": """
        {name} has [written|wrote] a long letter to the mayor of {place}. # {name}, letter, mayor, {place}
        {name} [taught|teached] mathematics in {place}. # {name}, mathematics, {place}
        {name} [caught|catched] a big fish near {place}. # {name}, fish, {place}
        {name} has [broken|broke] the blue vase. # {name}, blue vase
    """,
    "articles": """
        {name} saw [an|a] elephant in {place}. # {name}, elephant, {place}
        {name} ate [an|a] apple on the train to {place}. # {name}, apple, train, {place}
        {name} works as [a|an] nurse in {place}. # {name}, nurse, {place}
        {name} waited for [an|a] hour in {place}. # {name}, hour, {place}
    """,
    "pronoun case": """
        {name} gave [him|he] a book about {place}. # {name}, book, {place}
        [She|Her] met {name} in {place} on {day}. # {name}, {place}, {day}
        {name} and [I|me] went to {place} together. # {name}, {place}, together
        {name} invited [us|we] to the party on {day}. # {name}, party, {day}
        [They|Them] told {name} the truth. # {name}, truth
    """,
    "word order": """
        Where [does {name} live|{name} does live] now? # where, {name}, live
        {name} bought [a red car|a car red] in {place}. # {name}, red car, {place}
        What [did {name} say|{name} did say] about {place}? # what, {name}, {place}
        {name} [always drinks|drinks always] coffee in the morning. # {name}, always, coffee, morning
        I do not know where [{name} lives|does live {name}]. # I, know, where, {name}
    """,
    "comparatives": """
        {name} is [taller|more tall] than her cousin in {place}. # {name}, cousin, {place}
        This road to {place} is [longer|more longer] than the other. # road, {place}, other
        {name} is [the oldest|the most old] of the four. # {name}, four
        The soup of {name} is [better|gooder] than mine. # soup, {name}, mine
        This is [the most beautiful|the beautifulest] garden in {place}. # garden, {place}
    """,
    "prepositions": """
        {name} is interested [in|on] the history of {place}. # {name}, interested, history, {place}
        It depends [on|of] the weather in {place}. # depends, weather, {place}
        {name} is afraid [of|from] spiders. # {name}, afraid, spiders
        {name} is good [at|of] drawing horses. # {name}, good, drawing, horses
        {name} listens [to|at] the radio every {day}. # {name}, listens, radio, {day}
        {name} was born [in|on] 1990 near {place}. # {name}, born, 1990, {place}
    """,
    "irregular plurals": """
        {name} has three [children|childs] in {place}. # {name}, three, {place}
        The dentist in {place} pulled two of {name}'s [teeth|tooths]. # dentist, {place}, two, {name}
        Several [women|womans] from {place} visited {name}. # several, {place}, {name}
    """,
    "verb forms": """
        {name} enjoys [reading|to read] about {place}. # {name}, enjoys, {place}
        {name} wants [to visit|visiting] {place} on {day}. # {name}, wants, {place}, {day}
        {name} finished [writing|to write] the report. # {name}, finished, report
        {name} decided [to stay|staying] in {place}. # {name}, decided, {place}
        {name} is tired of [waiting|wait] for the bus to {place}. # {name}, tired, bus, {place}
    """,
    "negative polarity": """
        [No|Every] student in {place} has ever read that book. # student, {place}, book
        [Nobody|Everybody] in {place} has ever met {name}. # {place}, {name}, met
        [Few|Many] people in {place} have ever seen snow. # people, {place}, snow
        {name} [doubts|knows] that anyone will come to {place}. # {name}, {place}, come
        [Neither|Both] of the brothers had any money in {place}. # brothers, money, {place}
        {name} left {place} [without|with] any luggage. # {name}, {place}, luggage
        [Only|Even] {name} has ever climbed that mountain. # {name}, mountain
        [None|Most] of the guests from {place} ate anything at all. # guests, {place}
        [No man that the teachers know|The man that no teachers know] has ever been to {place}. # man, teachers, {place}
        {name} [rarely|usually] says anything at all in {place}. # {name}, {place}
        [Not a single|Almost every] visitor had ever heard of {place}. # visitor, {place}
        {name} [does not like|likes] {place} very much either. # {name}, {place}, either
        [Nothing|Everything] that {name} said helped me at all. # {name}, said, helped
        [Neither boy|Either boy] has ever been to {place}. # {place}, ever
        [No|Some] letter from {place} has ever reached {name}. # letter, {place}, {name}
        [Nowhere|Somewhere] in {place} did {name} find any peace. # {place}, {name}, peace
        [None of the letters|The letters] that {name} wrote were ever sent. # {name}, wrote, sent
    """,
    "binding": """
        The sister of {man} saw [herself|himself] in the mirror. # sister, {man}, mirror
        The brothers of {woman} hurt [themselves|herself] in {place}. # brothers, {woman}, {place}
        {woman} said that {man} had cut [himself|herself]. # {woman}, {man}, cut
        {man} thinks that {woman} trusts [herself|himself]. # {man}, {woman}, trusts
        The mother of the boys blamed [herself|themselves] for the trip to {place}. # mother, boys, trip, {place}
        The father of {woman} taught [himself|herself] French in {place}. # father, {woman}, French, {place}
        The girls who know {man} often laugh at [themselves|himself]. # girls, {man}, laugh
        {woman}, who met the boys in {place}, bought [herself|themselves] a hat. # {woman}, boys, {place}, hat
        The teachers of {man} introduced [themselves|himself] to the mayor. # teachers, {man}, mayor
        {man} asked the girls to wash [themselves|himself]. # {man}, girls, wash
        {woman} promised {man} to look after [herself|himself]. # {woman}, {man}, look after
        The boy near the women from {place} hid [himself|themselves]. # boy, women, {place}, hid
        The uncle of the girls shaved [himself|themselves] in {place}. # uncle, girls, {place}
        The girl who the boys met in {place} hurt [herself|themselves]. # girl, boys, {place}
        {man} told {woman} that the children had hidden [themselves|herself]. # {man}, {woman}, children
        The nurses who helped {woman} forgot about [themselves|herself]. # nurses, {woman}
        {woman} said that the men from {place} respected [themselves|herself]. # {woman}, said, men, {place}
        The wife of the mayor of {place} dressed [herself|himself]. # wife, mayor, {place}
        {man} heard {woman} talking to [herself|himself]. # {man}, {woman}, talking
        The friends of {woman} paid for [themselves|herself] in {place}. # friends, {woman}, paid, {place}
        The aunt that the boys visited in {place} burned [herself|themselves]. # aunt, boys, {place}
        {man} wants the girls to believe in [themselves|himself]. # {man}, girls, believe
        {woman} let {man} defend [himself|herself] in {place}. # {woman}, {man}, defend, {place}
    """,
    "relative clauses": """
        The letter [that {name} wrote|that {name} wrote it] was lost in {place}. # letter, {name}, {place}
        The man [who {name} saw|who {name} saw him] left for {place}. # man, {name}, {place}
        I know what {name} [bought|bought it] in {place}. # know, {name}, {place}
        {name} asked [what|that] I had bought in {place}. # {name}, asked, {place}
        {name} knows [what|that] the tourists saw in {place}. # {name}, knows, tourists, {place}
        I wonder [who|that] {name} met in {place}. # wonder, {name}, {place}
        The house [in which|which] {name} lives is near {place}. # house, {name}, {place}
        The town [where|which] {name} was born is near {place}. # town, {name}, born, {place}
        The woman [whose|who] car broke down called {man}. # woman, car, {man}
        That is the reason [why|which] {name} left {place}. # reason, {name}, {place}
        Who did {name} say [came|that came] late to {place}? # {name}, say, late, {place}
        What did {name} buy [in {place}|and a hat in {place}]? # what, {name}, {place}
        The friend [with whom|whom] {name} travelled comes from {place}. # friend, {name}, travelled, {place}
    """,
    "argument structure": """
        {name} [hid|vanished] the coin in {place}. # {name}, coin, {place}
        {name} [raised|rose] her hand in the meeting in {place}. # {name}, hand, meeting, {place}
        The train from {place} [arrived|reached] at noon. # train, {place}, noon
        {name} [discussed|talked] the plan on {day}. # {name}, plan, {day}
        {name} [told|said] me a story about {place}. # {name}, story, {place}
        {name} [explained the rule to me|explained me the rule] on {day}. # {name}, {day}
        {name} [suggested|told] that we go to {place}. # {name}, go, {place}
        The children [slept|put] in the tent near {place}. # children, tent, {place}
        {name} [devoured the bread|devoured] in {place}. # {name}, {place}
        The old bridge near {place} [collapsed|demolished] on {day}. # old bridge, {place}, {day}
        The vase from {place} [was broken by|broke by] {name}. # vase, {place}, {name}
        A strange thing [occurred|was occurred] in {place} on {day}. # strange thing, {place}, {day}
        {name} [disappeared|was disappeared] near {place} on {day}. # {name}, {place}, {day}
        {name} [spoke to|spoke] the baker about {place}. # {name}, baker, {place}
        {name} [lent|borrowed] me a book about {place}. # {name}, book, {place}
        {name} [laid|lay] the map of {place} on the table. # {name}, map, {place}, table
    """,
    "raising and control": """
        There is [likely|eager] to be a storm near {place}. # storm, {place}
        There [seems|hopes] to be a problem with the car of {name}. # problem, car, {name}
        It is [certain|eager] that {name} will visit {place}. # {name}, visit, {place}
        There [appear|plan] to be two roads to {place}. # two roads, {place}
        {name} [persuaded|hoped] the driver to go to {place}. # {name}, driver, {place}
        It [seems|tries] that {name} has left {place}. # {name}, {place}
        {name} [forced|insisted] the men to leave {place}. # {name}, men, {place}
        {name} [expected|said] there to be more bridges in {place}. # {name}, bridges, {place}
        The book about {place} was [hard|willing] for {name} to read. # book, {place}, {name}, read
        {name} was [willing|difficult] to go to {place}. # {name}, go, {place}
        It was [impossible|unable] to reach {name} on {day}. # reach, {name}, {day}
        {name} was [unable|impossible] to reach {place}. # {name}, reach, {place}
    """,
    "quantifiers": """
        There are [many|all] bridges in {place}. # bridges, {place}
        There is [a|every] dog in the garden of {name}. # dog, garden, {name}
        There were [no|most] cars on the road to {place}. # cars, road, {place}
        There was [some|each] bread left in {place}. # bread, {place}
        [Most of the|Most the] houses in {place} are old. # houses, {place}, old
        [All|Every] the students know {name}. # students, know, {name}
        {name} ate [half|most] the cake. # {name}, cake
        [Each of|Every of] the rooms in {place} has a bath. # rooms, {place}, bath
        {name} has [a lot of|a lot] friends in {place}. # {name}, friends, {place}
        {name} bought two [dozen|dozens] eggs in {place}. # {name}, two, eggs, {place}
        [Such a|A such] storm is rare in {place}. # storm, rare, {place}
        It was [too big a|a too big] house for {name}. # house, {name}
        {name} visited [both|the both] towns near {place}. # {name}, towns, {place}
        {name} has [fewer|less] shoes than her sister in {place}. # {name}, shoes, sister, {place}
    """,
    "conditionals": """
        If {name} [had|would have] called, we would have stayed in {place}. # {name}, called, stayed, {place}
        I wish I [were|am] in {place} with {name}. # wish, {place}, {name}
        {name} would have come to {place} if we [had|have] asked. # {name}, {place}, asked
        If it [rains|will rain] on {day}, {name} will stay in {place}. # {day}, {name}, stay, {place}
        {name} will call when she [arrives|will arrive] in {place}. # {name}, call, {place}
        Unless {name} [hurries|will hurry], we will miss the train to {place}. # {name}, miss, train, {place}
        I would rather {name} [stayed|will stay] in {place}. # rather, {name}, {place}
        By the time we reached {place}, {name} [had left|has left]. # time, reached, {place}, {name}
        {name} [has lived|is living] in {place} since 2010. # {name}, {place}, 2010
        It is high time {name} [left|has left] {place}. # high time, {name}, {place}
    """,
    "inversion": """
        Hardly [had {name}|{name} had] sat down when the phone rang. # hardly, {name}, sat down, phone
        Never [have I|I have] seen a town like {place}. # never, town, {place}
        Not only [did {name}|{name} did] sing, but all of {place} listened. # not only, {name}, {place}
        Only then [did {name}|{name} did] understand the people of {place}. # only then, {name}, people, {place}
        Rarely [does {name}|{name} does] leave {place}. # rarely, {name}, {place}
        {name} likes {place}, and so [do I|I do]. # {name}, {place}, so
        I do not know how old [{name} is|is {name}]. # know, how old, {name}
        Tell me where [{name} went|did {name} go] on {day}. # tell, where, {name}, {day}
        At no time [was {name}|{name} was] alone in {place}. # at no time, {name}, {place}
        {name} asked me what [I wanted|did I want] in {place}. # {name}, asked, {place}
        Under no circumstances [should {name}|{name} should] leave {place}. # circumstances, {name}, {place}
        Little [did {name}|{name} did] know about the plans in {place}. # little, {name}, know, plans, {place}
        No sooner [had {name}|{name} had] left {place} than it began to rain. # no sooner, {name}, {place}, rain
        Nowhere in {place} [could {name}|{name} could] find a room. # nowhere, {place}, {name}, room
        Seldom [have I|I have] met anyone like {name}. # seldom, met, {name}
        {name} does not like {place}, and neither [do I|I do]. # {name}, {place}, neither
        Only in {place} [can {name}|{name} can] sleep well. # only, {place}, {name}, sleep
        I asked {name} how far [it was|was it] to {place}. # asked, {name}, how far, {place}
        We wondered why [{name} had left|had {name} left] {place}. # wondered, {name}, {place}
        Not until {day} [did {name}|{name} did] hear from {place}. # not until, {day}, {name}, {place}
    """,
    "distant agreement": """
        The painter whom the critics in {place} admire [lives|live] alone. # painter, critics, {place}, alone
        The parents of the girl who sings in {place} [are|is] doctors. # parents, girl, {place}, doctors
        The lawyers that the judge in {place} knows [were|was] late. # lawyers, judge, {place}, late
        The key that opens the doors of the houses in {place} [is|are] lost. # key, doors, houses, {place}
        The boys that the teacher of {name} praised [have|has] left. # boys, teacher, {name}
        The report about the accidents near {place} [was|were] published on {day}. # report, accidents, {place}, {day}
        The captain of the ships that left {place} [is|are] from Norway. # captain, ships, {place}, Norway
        The box of toys that {name} sent to the children [was|were] heavy. # box, toys, {name}, children
        What the guests from {place} want [is|are] a quiet room. # guests, {place}, quiet room
        Behind the houses near {place} [stands|stand] a tall tree. # houses, {place}, tall tree
        On the wall behind the chairs [hang|hangs] two pictures of {place}. # wall, chairs, two pictures, {place}
        The number of visitors to {place} [has|have] grown. # number, visitors, {place}
        A number of visitors to {place} [have|has] complained. # number, visitors, complained, {place}
        The singer whom the fans of {name} like [sleeps|sleep] till noon. # singer, fans, {name}, noon
        Every one of the letters to {name} [has|have] a stamp. # every one, letters, {name}, stamp
        The sister of the boys who live near {place} [sings|sing] well. # sister, boys, {place}, well
        The farmers that my uncle in {place} trusts [grow|grows] beans. # farmers, uncle, {place}, beans
        The child whom the neighbours of {name} watch [cries|cry] a lot. # child, neighbours, {name}, a lot
        The pilots who flew with {name} to {place} [are|is] tired. # pilots, {name}, {place}, tired
        The cost of the repairs to the bridges in {place} [has|have] doubled. # cost, repairs, bridges, {place}
        The stories that the old man from {place} tells [are|is] true. # stories, old man, {place}, true
        The manager whom the workers in {place} fear [is|are] away. # manager, workers, {place}, away
        The songs that the girl with the drums [plays|play] come from {place}. # songs, girl, drums, {place}
        In the rooms above the shop in {place} [lives|live] an old painter. # rooms, shop, {place}, old painter
        The owners of the shop that {name} likes [want|wants] to sell it. # owners, shop, {name}
        Each of the cars that the men from {place} sold [was|were] red. # cars, men, {place}, red
        The doctors, but not the nurse in {place}, [know|knows] {name}. # doctors, nurse, {place}, {name}
        The quality of the tools that {name} sells [varies|vary]. # quality, tools, {name}
        The house between the two churches in {place} [belongs|belong] to {name}. # house, churches, {place}, {name}
        The keys that {name} lost near the cars [were|was] found in {place}. # keys, {name}, cars, {place}
        The leader of the groups that visit {place} [speaks|speak] Greek. # leader, groups, {place}, Greek
    """,
}
