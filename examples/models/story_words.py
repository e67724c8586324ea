"""The words and sentences of stories.py: who and what there is, and how each kind of event can be told."""
GIRLS = "Ada Anna Cora Dora Elsa Emma Hana Ida Ivy Lena Lily Lucy Maya Mia Nina Nora Rosa Ruby Tess Zoe".split()
BOYS = "Anton Ben Carl Eli Emil Finn Hugo Jack Kai Leo Luca Max Milo Nico Noah Omar Otto Ravi Sam Theo".split()
NAMES = GIRLS + BOYS
# noun:what one does with it, by what it is made of; * marks a plural
THINGS = {
    "wood": "drum:beat boat:sail flute:play mug:drink_from bowl:eat_from puppet:play_with puzzle:solve doll:play_with "
            "guitar:play sled:ride mirror:look_into jug:pour_from stool:sit_on blocks*:build_with beads*:count",
    "cloth": "hat:wear scarf:wear cape:wear blanket:sleep_under pillow:lie_on apron:wear ribbon:wear umbrella:walk_under "
             "flag:wave sweater:wear socks*:wear mittens*:wear slippers*:wear boots*:wear gloves*:wear",
    "paper": "kite:fly book:read map:study notebook:draw_in picture:look_at crown:wear fan:wave lantern:carry mask:wear "
             "songbook:sing_from calendar:look_at diary:write_in cards*:play_with stickers*:sort stamps*:look_at",
    "tin": "bell:ring spoon:eat_with trumpet:blow wagon:pull bucket:carry compass:look_at shovel:dig_with skates*:wear "
           "truck:push robot:play_with telescope:look_through whistle:blow scooter:ride medal:wear glasses*:wear",
}
KINDS = {entry.split(":")[0].rstrip("*"): (made_of, "*" in entry, entry.split(":")[1].replace("_", " "))
         for made_of, entries in THINGS.items() for entry in entries.split()}
NOUNS = list(KINDS)
COLORS = "red blue green yellow purple white black brown striped little tiny old shiny odd orange".split()
# made of: how it breaks, how it is then, what mends it, how, and two ways in which it may have come about
DAMAGE = {
    "wood": ("cracked", "cracked", "some glue", "pressed the two halves together until the glue was dry",
             "{h} dropped {t.them} on a stone", "a heavy log rolled over {t.them}"),
    "cloth": ("tore", "torn", "a needle and some thread", "closed the hole with twelve neat stitches",
              "{t.it} caught on a nail", "{h} pulled too hard at {t.them}"),
    "paper": ("ripped", "ripped", "a roll of tape", "put the pieces side by side and taped them down",
              "{h} was in too much of a hurry", "a thorn got in the way"),
    "tin": ("bent", "bent", "a small hammer", "tapped and tapped until every bump was gone",
            "{h} sat down on {t.them} by mistake", "a cart rolled over {t.them}"),
}
# a place and four spots there; the last five are indoors
PLACES = [line.split("|") for line in """in the garden|under the bench|behind the rose bush|beside the pump|next to the gate
in the park|under the slide|behind the fountain|beside the sandbox|next to the swings
in the meadow|under the willow|behind the haystack|beside the brook|in the tall grass
on the beach|under the pier|behind the dunes|beside the rocks|next to the fishing nets
in the forest|under the ferns|behind the fallen tree|beside the spring|inside the hollow oak
in the orchard|under the ladder|behind the last tree|beside the stone wall|inside the wheelbarrow
in the farmyard|under the hay cart|behind the henhouse|beside the trough|next to the well
at the harbor|under the nets|behind the crates|beside the crane|next to the ferry
on the hill|under the pine tree|behind the big rock|beside the path|inside the stone hut
at the market|under the fruit stand|behind the bakery|beside the old clock|next to the flower stall
by the river|under the footbridge|behind the reeds|beside the stepping stones|between the roots
at the playground|under the seesaw|behind the hedge|beside the monkey bars|inside the tunnel
at the mill|under the stairs|behind the flour sacks|beside the wheel|next to the door
by the pond|under the lilies|behind the bulrushes|beside the little dock|between two stones
at the campsite|under the picnic table|behind the woodpile|beside the campfire|inside the tent
in the kitchen|under the table|behind the stove|beside the sink|inside the cupboard
in the attic|under the roof beam|behind the chimney|beside the old trunk|inside the wardrobe
in the barn|under the straw|behind the milk cans|beside the tractor|inside the grain bin
in the library|under the desk|behind the tallest shelf|beside the globe|inside the drawer
in the workshop|under the workbench|behind the paint pots|beside the saw|inside the toolbox""".splitlines()]
OUTDOORS, INDOORS = PLACES[:15], PLACES[15:]
# noun, its voice, what it eats, how it gets into trouble
ANIMALS = [animal.split("|") for animal in (
    "kitten|mewed|warm milk|tree; squirrel|chattered|nuts|tree; raccoon|whined|berries|tree; "
    "monkey|squeaked|bananas|tree; parrot|squawked|seeds|string; puppy|barked|a biscuit|hole; "
    "rabbit|sniffed|clover|hole; lamb|bleated|fresh grass|hole; fox|yapped|an egg|hole; "
    "piglet|grunted|potatoes|hole; badger|snorted|roots|hole; goat|bleated|thistles|hole; "
    "calf|mooed|sweet hay|hole; duck|quacked|oats|string; goose|honked|grain|string; "
    "crow|cawed|bread crumbs|string; owl|hooted|a worm|string; hen|clucked|corn|string; "
    "sparrow|chirped|crumbs|string; donkey|brayed|carrots|hole; pony|neighed|sugar|hole; "
    "mouse|squeaked|cheese|water; hedgehog|snuffled|beetles|water; mole|squeaked|worms|water; "
    "chick|peeped|grain|water"
).split("; ")]
# sort of trouble: what happened, the attempt that fails, what to fetch, what works
TROUBLE = {
    "tree": ("sat at the very top of a tree and did not dare to climb down",
             "called and coaxed, but {a.the} only held on tighter", "a long ladder",
             "leaned the ladder against the trunk, and step by step {a.the} was carried down"),
    "hole": ("had slipped into a deep hole and could not get out",
             "lay down and stretched out both arms, but the hole was much too deep", "a wide board",
             "slid the board into the hole like a ramp, and {a.the} walked up all by itself"),
    "string": ("had one foot caught in a tangle of string",
               "pulled at the string, but the knot only grew tighter", "a pair of scissors",
               "held {a.the} still and cut the string, one loop after the other"),
    "water": ("was floating on a leaf in a deep ditch and could not swim",
              "threw a twig, but it fell short and made a splash", "a long pole",
              "held out the pole, and {a.the} crept along it until it was safe"),
}
FOODS = [("apple", "apples"), ("plum", "plums"), ("pear", "pears"), ("cherry", "cherries"), ("carrot", "carrots"),
         ("muffin", "muffins"), ("cookie", "cookies"), ("bun", "buns"), ("pancake", "pancakes"), ("walnut", "walnuts"),
         ("strawberry", "strawberries"), ("peach", "peaches")]
PLANTS = "sunflower bean pumpkin tulip poppy pea daisy melon".split()
SOIL = ("next to the wall", "in a sunny corner", "along the fence", "under a window", "in an old tin tub", "beside the steps")
NUMBERS = "none one two three four five six seven eight nine ten".split()
HOURS = "morning noon afternoon evening night".split()
WEATHER = {"sunny": "the sun was shining on every roof", "windy": "the wind was tugging at every leaf",
           "cloudy": "fat gray clouds were sailing by", "foggy": "the fog was as thick as soup",
           "warm": "the air was warm and smelled of hay", "cool": "a cool breeze came over the fields"}
TRAITS = ("hummed all day long", "asked a hundred questions a day", "could never sit still", "laughed at almost everything",
          "talked to trees and stones", "always forgot what day it was", "liked to make up songs",
          "was small but stubborn", "wanted to see the whole world", "counted everything twice",
          "walked with careful little steps", "knew the name of every star", "loved rain as much as sunshine",
          "was curious about everything", "told very long jokes")
ERRANDS = ("fetch a slice of bread", "get a drink of water", "look at a passing cart", "wave to the mail carrier",
           "watch a cloud that looked like a whale", "help carry some firewood", "listen to a street singer",
           "say hello to a neighbor", "look for a four-leaf clover", "follow a snail on its way")
DARES = ("cross the wobbly bridge", "climb the tall ladder", "sing in front of everyone", "dive from the high board",
         "walk through the dark tunnel", "talk to the new teacher", "swim to the other side", "jump over the ditch",
         "knock at the door of the tower", "go down into the cellar")
GAMES = ("told each other riddles", "made shadow animals on the wall", "built a castle out of chairs",
         "sang every song they knew", "guessed what the clouds were thinking",
         "played that they were pirates", "danced until they were out of breath", "drew faces on the dusty window")

# What can be said of each kind of event, @kind: templates with " / " between. Of <one|another> in a template, one is chosen;
# {h} is the hero, {f} the friend, {g} the grown-up, {t} the thing, {p} the place, {s} a spot, {a} the animal, {w} the
# weather, and {t.was} is a form of the word {t}, with a capital {t.Was}.
GRAMMAR = """
@open One {w} {time}, {h.intro} was <playing|sitting|wandering about> {p}.
  / There was once {h.intro} who <loved|liked> to be {p}. One {w} {time}, {h.he} was there again.
  / It was a {w} {time}, and {scene}. {p.At} <sat|stood> {h.intro}.
  / {h} was {h.a} who {h.trait}. One {w} {time}, {h.he} was {p}.
  / "What a {w} {time}!" <said|cried> {h}, {h.a} who {h.trait}. {h.He} was {p}.
  / Not <long|many days> ago, {h.intro} spent a {w} {time} {p}.
  / If you had been {p} one {w} {time}, you would have <met|seen> {h.intro}.
  / This is the story of {h.intro} who {h.trait}. It begins {p}, on a {w} {time}.
  / {p.At}, on a {w} {time}, {h.intro} was <whistling a tune|counting clouds|skipping in circles>.
  / Have you heard of {h}, {h.a} who {h.trait}? One {w} {time}, {h.he} was {p}.
  / The {time} was {w}. {p.At}, {h.intro} was looking for something to do.
  / Somewhere {p}, {h.intro} was singing, because it was a {w} {time}.
  / {h} had been {p} since <sunrise|breakfast>. {h.He} was {h.a} who {h.trait}, and it was a {w} {time}.
  / Nobody was ever <bored|sad> for long near {h}, {h.a} who {h.trait}. One {w} {time}, {h.he} was {p}.
@mood {h.He} had <nothing|a hundred things> to do and was in a <fine|cheerful> mood.
  / The grass smelled of <honey|mint|rain>, and {h} took a deep breath.
  / {h} was wearing {h.his} best coat, with pockets on both sides.
  / "Today something will happen," thought {h}. {h.He} was right. / Everything seemed to be waiting for something.
  / Far away, somebody was <laughing|hammering|calling>. / {h} greeted the <clouds|trees|birds>, as {h.he} always did.
  / {h} had a feeling that it would be a special day.
@own {h.He} had {t.a} with {h.him}, a present from {g}. / {g} had given {h.him} {t.a}, and {h.he} took {t.them} everywhere.
  / {h} had {t.a}. {t.It} had come from {g}, and {h} loved to {t.use} {t.them}.
  / {h.He} was proud of {h.his} new treasure: {t.a} to {t.use}.
  / {h} had waited a whole year for {t.a}, and now {t.it} {t.was} {h.hers}.
  / With {h.him} {t.was} {t.a}. {h} liked to {t.use} {t.them} whenever {h.he} could.
@put {h} <put|laid|left> {t.the} {s} and ran off to {errand}.
  / {h} <put|laid> {t.the} {s}, because {h.he} wanted to {errand}. / Then {h} went to {errand}. {t.The} stayed {s}.
  / First {h} put {t.the} {s}. Then {h.he} went to {errand}.
  / "Wait for me here," said {h}. {h.He} left {t.the} {s} and went to {errand}.
@animal_moves While {h} was away, {a.a} came by, <took|grabbed> {t.the} and dropped {t.them} {s}.
  / But {a.a} liked {t.the} too, dragged {t.them} off, and hid {t.them} {s}.
  / Soon {a.a} <came along|peeked out>. It <pushed|pulled> {t.the} here and there, and in the end {t.it} lay {s}.
  / A hungry {a} thought that {t.the} might be good to eat. The {a} carried {t.them} away, took one bite, and left {t.them}
      {s}.
@wind_moves But the wind was <strong|wild>. It lifted {t.the} and blew {t.them} away, and {t.it} came down {s}.
  / Whoosh! A gust of wind swept {t.the} along and dropped {t.them} {s}.
  / The wind wanted to play. It rolled {t.the} over the ground until {t.it} lay {s}.
  / Nobody saw how the wind caught {t.the} and carried {t.them} off. {t.It} landed {s}.
@gone When {h} came back, {t.the} {t.was} gone.
  / {h} came back <singing|smiling>, looked {s}, and stopped. {t.The} {t.was} not there!
  / "My {t}!" cried {h} a little later. There was nothing {s} but dust.
  / Soon {h} was back, but {t.the} {t.was} nowhere to be seen.
  / {h} returned and rubbed {h.his} eyes. The place {s} was empty.
@sad {h} was <sad|unhappy>, because {t.the} {t.was} a present from {g}. / A tear rolled down {h.his} cheek.
  / {h} sat down on the ground and did not <want to talk|hum|smile>. / {h.His} heart felt as heavy as a <stone|wet coat>.
  / {h} was <close to tears|very sad>, because {h.he} had nothing else so dear.
  / "What shall I tell my {g.role}?" {h.he} whispered.
@meet Just then {f.intro} came <by|along|around the corner>. / After a while {h} met {f.intro}.
  / Soon {h} was not alone. There was {f.intro}! / Along came {f.intro}, <whistling|out of breath> and in a good mood.
  / On the way {h} met {f.intro}. / "Hello!" called {f.intro} from <far away|behind>.
@help {h} called {f.intro}, who came at once. / "What is the matter?" asked {f.intro}. / "Can I help you?" asked {f.intro}.
  / {f.intro} saw it all from far away and came running. / Who came down the path? It was {f.intro}.
  / Luckily, {f.intro} was <close by|not far away>.
@ask_seen "Have you seen my {t}?" asked {h}. "No," said {f}, "but four eyes see more than two."
  / "I have lost {t.the}," said {h}. "Then let us look for {t.them} together," said {f}.
  / "{t.The} {t.is} gone!" said {h}. "Things do not have <wings|legs>," said {f}. "We will find {t.them}."
  / {h} told {f} about {t.the}. "Do not worry," said {f}, "I am good at finding things."
@search First they looked {s}, but they found only <dust|an old button|a spider|dry leaves>.
  / First they searched {s}. Nothing! / "Let us start {s}," said {f}. But there was nothing at all.
  / First {f} crawled around {s} and came out with dirty knees and empty hands.
@search_again Then they looked {s}, but {t.the} {t.was} not there either.
  / Then {h} tried {s}. Only a <beetle|toad> looked back at {h.him}.
  / Next they searched {s}. "Not here," <said|sighed> {h}. / After that they looked {s}, and {h} almost gave up.
@found At last {f} looked {s}, and there {t.it} {t.was}! "Here {t.is} your {t}!" {f.he} called.
  / Finally they heard something {s}. They looked, and there lay {t.the}!
  / "Look {s}!" cried {f} at last. There {t.was} {t.the}, safe and sound.
  / At last {h} peeked {s} and laughed out loud, for there {t.was} {t.the}.
@ask_where "Where {t.was} {t.it}?" asked {g} later. "{t.It} {t.was} {s}," said {h}.
  / "And where did you find {t.the}?" asked {g}. "{S}," said {h}. / That is how {t.the} {t.was} found {s}.
  / {h} told {g} that {t.the} had been {s} all the time.
@lost_close From that day on, {h} kept {t.the} close. / {h} was so glad that {h.he} hugged {f} twice.
  / "Next time I will ask you first," {h} told {f}.
  / {h} made a knot in {h.his} sleeve, so as not to forget what {h.he} had learned.
@food_own {h.He} had {n} in a basket. / In {h.his} basket {n.were} {n}.
  / {h} had picked {n} and was looking forward to them. / {g} had packed {n} for {h}.
  / {h} counted what was in the basket: {n}!
@plan_food {h.He} wanted to eat them all alone, under a tree. / "One for each day of the week, or all today?" thought {h}.
  / They smelled so good that {h} walked faster. / {h} had promised {h.him}self to wait until noon, and waiting was hard.
@hungry {f} was hungry, because {f.he} had left {f.his} lunch at home. / "My tummy is growling," said {f}.
  / {f} looked at the basket and swallowed. / {f} had walked all day without a bite to eat.
  / "I could eat a whole mountain," said {f}, whose lunch had fallen into a puddle.
@give_food "Here," said {h}, and gave {f} {k}. / {h} thought for a moment. Then {h.he} gave {k} to {f}.
  / {h} held out {k}. "They taste better when we share," {h.he} said.
  / "Take {k}," said {h}, and {f} took them with a big smile.
@eat_food {h} ate {k.alone}. / Then {h} had {k.alone}, and it was <sweet|delicious>. / {h} was hungry too and ate {k.alone}.
  / "And now it is my turn," said {h}, and ate {k.alone}.
@stolen But then {a.a} sneaked up and snatched {k}! / Oh no! {k} rolled out of the basket, and {a.a} ate all it could find.
  / Suddenly {a.a} {a.sound} and ran off with {k}. / {a.A} stuck its nose into the basket and ate {k}.
@ask_left "How many are left?" asked {f}. {h} counted. "{k.Left}," {h.he} said. / They counted what was left: {k.left}.
  / "Now there {k.are} {k.left} left," said {h}. / {f} peeked into the basket. "I see {k.left} in there," {f.he} said.
@share_close "{k.Left} for you and me to share," said {h}, and they ate in peace.
  / They ate the rest side by side, and even the crumbs were good. / The rest they <kept|saved> for supper.
  / They took the rest home to {g}, who was very pleased.
@share_none "Never mind," said {h}. "A full friend is better than a full basket."
  / The basket was empty, but nobody was hungry.
  / They turned the empty basket over and used it as a <throne|table|little house>, and laughed.
  / "It was a very good basket while it lasted," said {f}, and they laughed.
@want {h.He} wanted to {t.use} {t.them} all <day|week>. / {h} was about to {t.use} {t.them}.
  / "Today I will {t.use} {t.them}," said {h}. / {h} could hardly wait to {t.use} {t.them}.
@breaks But {t.the} {d.broke}, because {d.cause}. / Then something bad happened: {d.cause}, and {t.the} {d.broke}.
  / "Oh no!" cried {h}. {d.cause}, and now {t.the} {t.was} {d.broken}. / Crack, crunch! {d.cause}, and so {t.the} {d.broke}.
@wrong_fix First {h} tied a <bit of grass|shoelace> around {t.them}, but it <slipped off|did not hold>.
  / First {h} tried to mend {t.them} with mud. Now {t.it} {t.was} {d.broken} and dirty.
  / First {h} tried honey, because honey is sticky. It only brought the <bees|ants>.
  / First {h} waited for {t.them} to heal, as a knee does. Nothing changed.
@tool "We need {d.tool}," said {f}, and ran home to get {d.it}. / "I have {d.tool} at home," said {f}. Soon {f.he} was back.
  / {f} looked at {t.the} from all sides. "This is easy," {f.he} said. "All we need is {d.tool}." {f.He} got {d.it} at once.
  / Luckily, {g} had {d.tool}.
@mend Slowly and carefully, {f} {d.fix}. / {h} held {t.the}, and {f} {d.fix}.
  / Then {h} {d.fix}, just as {f} had shown {h.him}.
  / {h} held {h.his} breath while {f} {d.fix}.
@mended Now {t.the} {t.was} as good as new. / At last {h} could {t.use} {t.them} again.
  / {t.It} {t.was} not <pretty|perfect>, but {t.it} {t.was} whole.
  / And look! {h} could {t.use} {t.them} again.
  / "{t.It} look{t.s} even better than before," said {h}.
@mend_close "Next time we will fix yours," said {h}. / "Thank you, {f}! You have clever hands," said {h}.
  / "What is mended with a friend lasts twice as long," said {g}. / {h} learned that a mistake is not the end of the world.
@trouble Suddenly {h} heard a small sound. {a.A} {x}. / {a.A} {a.sound} and {a.sound}. It {x}. / What was that? {a.A} {x}!
  / Close by, {a.a} {x}. / Then {h} saw something that made {h.him} stop. {a.A} {x}.
@pity "Poor {a}," said {h}. "I will help you." / {h} felt sorry for {a.the}, because it was so small and afraid.
  / "Hold on, little one!" called {h}. / {h} remembered how it felt to be alone and afraid.
@rescue_try First {h} {x}. / {h} {x}. / {h} did not wait. {h.He} {x}.
  / "I am coming!" called {h}. {h.He} {x}.
@rescue_tool "We need {x}," said {f}, and they <hurried|ran> to fetch it.
  / {f} had an idea. "Let us bring {x}!" {f.he} said. / "Wait here, I will get {x}," said {f}, and was back in no time.
  / "It is no use without {x}," said {f}, who knew where to look for one.
@rescue Then they {x}. / Together they {x}. / This time they did it right. They {x}.
  / {h} counted to three. Then they {x}.
@feed {a.The} was free, but it was hungry, so they gave it {a.food}.
  / {h} gave it {a.food}, because that is what it likes best.
  / {a.The} {a.sound} happily and ate {a.food} out of {h.his} hand. / "It must be hungry," said {f}, and brought {a.food}.
@rescue_close {a.The} followed {h} all the way home. / From then on, {a.the} {a.sound} whenever it saw {h} and {f}.
  / {a.The} looked back once, {a.sound}, and was gone. / "I think it said thank you," said {f}.
@friend_own There {h.he} met {f.intro}, who had {t.a}. / {f.intro} was there too, with {t.a} that {f.he} loved to {t.use}.
  / Along came {f.intro}. {f.He} was carrying {t.a}.
  / {h} saw {f.intro} from afar. {f.He} had {t.a} with {f.him}.
@borrow "May I borrow your {t}?" asked {h}. "Yes," said {f}, "but bring {t.them} back before evening." {h} took {t.them}.
  / {h} asked for {t.the}. "You may have {t.them} until evening," said {f}, and gave {t.them} to {h}.
  / "Please lend me your {t}," said {h}. "I will bring {t.them} back before evening." {f} nodded and handed {t.them} over.
  / "Your {t} {t.is} wonderful," said {h}. "Do you want to borrow {t.them} until evening?" asked {f}, and gave
      {t.them} to {h}.
@enjoy {h} was happy. It was wonderful to {t.use} {t.them}. / {h} did nothing but {t.use} {t.them} for hours.
  / "I could {t.use} {t.them} forever," thought {h}.
  / All the while, {h} could think of nothing but {t.the}.
@forget By {time}, {h} had put {t.the} {s} and forgotten all about {t.them}.
  / By {time}, {h} was tired. {h.He} put {t.the} {s} and fell asleep.
  / When it was {time}, {h} left {t.the} {s} and went to {errand}.
  / By {time}, {h} was hungry. {h.He} laid {t.the} {s} and ate a big sandwich.
@whose Then {g} came by. "Whose {t} {t.is} {t.that}, {s}?" "{o}'s," said {h}, and turned red.
  / "Someone left {t.a} {s}," said {g}. "{t.It} {t.belong} to {o}!" cried {h}.
  / "Is this your {t}?" asked {g}, looking {s}. "No, {t.it} {t.is} {o}'s," said {h}. "And I gave my word!"
  / "What {t.is} {t.that}, {s}?" asked {g}. "My {t}?" said {h}. "No! {t.It} {t.belong} to {o}, and I promised!"
@run_back {h} <grabbed|took> {t.the} and ran like the wind.
  / {h} picked {t.them} up and ran, past the <mill|school|bakery> and over the bridge.
  / With {t.the} in {h.his} arms, {h} ran as fast as {h.he} could.
  / There was no time to lose. {h} took {t.the} and raced down the road.
@return {f} was already waiting. "Here {t.is} your {t}," panted {h}, and gave {t.them} back.
  / {h} gave {t.the} back to {f}. "I almost forgot," {h.he} said. "I am sorry."
  / "You kept your word!" said {f}, and took {t.the} back. {h} was too out of breath to answer.
  / "I kept {t.them} safe," said {h}, and laid {t.the} in the hands of {f}.
@borrow_close "You may borrow {t.them} again tomorrow," said {f}. / {h} was proud, because {h.he} had kept {h.his} word.
  / "A promise is a promise," said {h}, and {f} smiled. / After that, {f} trusted {h} with everything.
@dare All {h.his} friends could {x}, but {h} was afraid. / Today {h} wanted to {x}. But {h.his} knees were shaking.
  / "Today I will {x}," said {h}. Then {h.he} turned pale. / There was one thing that {h} had never done: {x}.
@try_one The first time, {h} took a deep breath, shut {h.his} eyes, and ran away.
  / The first time, {h.he} got as far as one step. / First {h} counted to ten to be brave, but {h.he} stopped at nine.
  / The first time, {h.he} said that {h.his} tummy hurt.
@try_two The second time, {h.his} feet would not move. / The second time was worse, because everybody was looking.
  / Then {h.he} tried again, but {h.his} heart beat like a <drummer|hammer>.
  / "Now!" said {h} the second time. But nothing in {h.him} wanted to move.
@lend {f} held out {t.a}. "Take my {t}," {f.he} said. "{t.It} make{t.s} me <brave|strong>."
  / "I was afraid too," said {f}. "Take {t.these}." And {f.he} gave {h} {t.a}.
  / {f} did not laugh. {f.He} gave {t.a} to {h} and said, "Now you are not alone."
  / "Hold on to my {t}," said {f}. {f.He} put {t.a} into the arms of {h}.
@try_three {h} held {t.the} tight, and the third time {h.he} did it! {h.He} really did {x}!
  / The third time, {h} thought only of {f} and of {t.the}. And then it was done!
  / With {t.the} in {h.his} hands, {h} began to {x}. It was not so hard after all.
  / "One, two, three!" called {f}. {h} squeezed {t.the}, and it was done before {h.he} knew it.
@give_back {h} gave {t.the} back to {f}. "I think I can do it alone now," {h.he} said.
  / "Thank you," said {h}, and {f} got {t.the} back. "Tomorrow I will do it again!"
  / {h} returned {t.the} to {f}, who had cheered the loudest.
  / "Here {t.is} your {t}," said {h}, and {f} took {t.them} back with a bow.
@brave_close {h} was proud, because {h.he} had been afraid and had done it anyway.
  / "Being brave is being afraid and going on," said {g}. / "It was not {t.the}," said {f}. "It was you."
  / For the rest of the day, {h} felt as tall as a tower.
@plant {h} had {n} and planted them {s}. / {h} planted {n} {s} and gave them some water.
  / {g} gave {h} {n}. {h} pressed them into the soil {s}.
  / One by one, {h} planted {n} {s}.
@day_one The next morning, nothing had happened. "Are they asleep?" asked {h}.
  / The next day, {h} looked at the spot ten times. There was only soil.
  / The next day, {h} told the seeds a story, but they stayed in the ground.
  / The next morning, {h} put an ear to the ground. Not a sound!
@wait "You must be patient," said {f.intro}. "Seeds are slow, but they never sleep."
  / {f.intro} helped {h} to water them every day. / {f.intro} laughed and said, "Give them water and time."
  / Now and then {f.intro} came to look. "Soon," {f.he} said each time.
@eaten After three days, {a.a} came and dug up {k}. / One night, {a.a} found the seeds and ate {k}.
  / Then a hungry {a} came by, and it ate {k}.
  / But {a.a} likes a fresh garden too. It dug here and there and ate {k}.
@guard {h} was angry. But {f} said, "Let us build a little fence." And so they did.
  / {h} wanted to cry, but {f} put up a <scarecrow|fence of sticks>. / So {h} and {f} took turns to stand guard.
  / "Enough is enough!" said {h}. {f} brought some string, and they tied a net over the soil.
@bloom After two weeks, {k.left} {plant} {k.plants} stood {s}.
  / Then one morning, {h} shouted for joy. {k.Left} green {k.plants} {k.were} growing {s}!
  / In the third week it happened: {k.left} little {k.plants} {k.were} looking up at the sun {s}.
  / And one fine day they counted {k.left} {plant} {k.plants} {s}.
@grow_close {h} gave the first flower to {f}, because {f.he} had helped. / "Slow things are worth it," said {g}.
  / {h} named the biggest one {f}, and {f} was very proud.
  / "The two of us did that," said {f}. "And the sun," said {h}.
@both_want {f.intro} saw {t.them} too. "I want to {t.use} {t.them}!" said {f}. "No, I do!" said {h}.
  / Then {f.intro} reached for {t.them}. "My turn!" said {f}. "No, mine!" said {h}.
  / "{t.It} {t.is} mine!" said {h}. "But I want to {t.use} {t.them} too!" said {f.intro}.
  / {f.intro} wanted to {t.use} {t.them} as well. But there was only {t.single}, and {h} would not let go.
@pull {h} pulled, and {f} pulled. / {h} pulled to the left and {f} pulled to the right.
  / Neither would give in. They pulled until their faces were red.
  / "Let go!" shouted {h}. "You let go!" shouted {f}.
@falls Then their hands slipped. {t.The} flew through the air and landed {s}.
  / All at once both of them fell over, and {t.the} landed {s}.
  / Then both let go at the same time, and {t.the} ended up {s}.
  / Whoops! {t.The} slipped out of their fingers and came to rest {s}.
@cross They turned their backs and did not <speak|say a word>. / Now nobody had {t.them}, and both were angry.
  / {h} was angry with {f}, and {f} was angry with {h}.
  / {f} sat down on one side and {h} on the other.
@sorry Then {h} said softly, "I am sorry." "I am sorry too," said {f}.
  / It is boring to be angry. "{f}?" said {h} at last. "I am sorry." "So am I," said {f}.
  / {f} was the first to laugh. "We look like two geese," {f.he} said, and {h} had to laugh too.
  / "I do not like it when we fight," said {h}. "Nor do I," said {f}, and they shook hands.
@fetch They found {t.the} {s} and wiped {t.them} clean.
  / "Where {t.is} {t.the}?" asked {f}. "{S}," said {h}, and got {t.them}.
  / Together they fetched {t.the}, which still lay {s}.
  / {f} pointed. {t.The} still lay {s}, and {h} picked {t.them} up.
@turns "You take {t.them} until noon, and I take {t.them} after," said {h}. So {f} had {t.them} first.
  / They tossed a coin, and {f} won. So {f} had {t.the} first.
  / They made a plan: first {f}, then {h}. So {f} went first.
  / "Guests go first," said {h}, and gave {t.them} to {f}.
@second_turn {when}, it was the turn of {h}. {f} handed {t.them} over without a word.
  / By {time}, {f} gave {t.the} to {h}, as they had agreed. / At last {f} called, "Your turn!" and gave {t.them} to {h}.
  / "Now you," said {f} {when}, and gave {t.the} to {h}.
@turns_close "Half is more than nothing," said {h}. / To share was more fun than to win.
  / "Two can be happy with {t.single}," said {g}, who had seen it all.
  / From then on, they took turns at everything, even at being right.
@company {f.intro} was there too. / {h} was not alone. {f.intro} was with {h.him}. / {f.intro} had come along.
  / {h} and {f.intro} were there together.
@tidy_moves While {h} was away, it <grew damp|began to drip>, so {f} moved {t.the}. Now {t.it} {t.was} {s}.
  / {f} saw that a puddle was growing there, and {f.he} put {t.the} {s} to keep {t.them} dry.
  / But {f} liked everything to be tidy. {f.He} took {t.the} and put {t.them} {s}.
  / "Somebody might step on {t.them}," thought {f}, and {f.he} put {t.the} {s}.
  / {f} was afraid that {a.a} might take {t.the}. So {f.he} hid {t.them} {s}, where {t.it} would be safe.
@believes When {h} came back, {h.he} looked {s}, because that was where {h.he} had left {t.them}. Nothing!
  / {h} returned and went straight to {t.the}. But {s} there was nothing.
  / {h} knew nothing of this. {h.He} came back and searched {s}, again and again.
  / After that {h} came back. "I am sure that I left {t.them} {s}," said {h}. But {t.it} {t.was} not there.
@ask_friend "Where {t.is} my {t}?" asked {h}. "{t.It} {t.is} {s}," said {f}. "I put {t.them} there, because I was worried
      about {t.them}." / "{f}, do you know where my {t} {t.is}?" "Yes," said {f}. "Look {s}!"
  / "Do not be afraid," said {f}. "I moved {t.the}. Now {t.it} {t.is} {s}."
  / "Somebody has stolen {t.the}!" cried {h}. "No, no," said {f}, "{t.it} {t.is} {s}. I wanted {t.them} to be safe."
@tidy_found {h} looked {s}, and there {t.it} {t.was}. / And so {t.it} {t.was}. {t.The} lay {s}, clean and dry.
  / {h} ran to look. Yes, there {t.was} {t.the}!
  / So {h} went to look, and {t.the} {t.was} where {f} had said.
@tidy_close "Thank you," said {h}, "but next time, please leave me a note."
  / {h} had been angry, but now {h.he} had to laugh. / "We should both say where we put things," said {f}, and {h} agreed.
  / {h} hugged {f}, because {f.he} had meant well.
@set_down For a moment {h} put {t.the} {s}, because it was time for a snack.
  / They left {t.the} {s} and climbed up to look at the view. / {h} put {t.the} {s} to tie a shoelace.
  / But first they had to rest. {h} laid {t.the} {s}.
@plan {h} and {f.intro} wanted to {t.use} {t.the}. / {h} had called {f.intro}, so that they could {t.use} {t.the} together.
  / "Shall we {t.use} {t.the}?" {h} asked {f.intro}.
  / {h} and {f.intro} had a plan: they were going to {t.use} {t.the}.
@rain But then it began to rain, first a little and then a lot.
  / Plop! A raindrop fell on {h.his} nose, and then a thousand more. / Then dark clouds came, and the rain poured down.
  / Suddenly there was thunder, and it rained until the ground was one big puddle.
@shelter They ran until they were dry and warm {q}. / They hurried inside and shook themselves {q}.
  / Wet and out of breath, they sat down {q}.
  / "Run!" cried {f}, and soon they stood dripping {q}.
@left_out "Where {t.is} {t.the}?" asked {f}. "Still {s}!" cried {h}. "{t.It} will get wet!"
  / Then {h} jumped up. {t.The} still lay {s}, out in the rain!
  / {f} looked around. "Did you leave {t.the} {s}?" {h} nodded. "{t.It} {t.is} still there," {h.he} said.
  / "Oh dear, where {t.is} {t.the}?" said {h}. Then {h.he} remembered: {s}!
@dash So {h} put on a coat, dashed out, and brought {t.them} in.
  / {f} held the door open while {h} ran out and got {t.them}.
  / {h} ran out, got wet to the skin, and came back with {t.them}.
  / {h} pulled {h.his} coat over {h.his} head, ran through the rain, and came back with {t.them}.
@inside To pass the time, they {game}. / It kept raining, so they {game}. / First they dried {t.the}. Then they {game}.
  / The rain drummed on the roof. They {game} and did not mind.
@clear By {time}, the rain had stopped and a rainbow stood over the roofs. / {when}, the sun came out again.
  / When it was {time}, {h} looked out. Not a single drop was falling!
  / Drip, drop, and then nothing more. {when}, the sky was blue.
@plan_close Now at last they could {t.use} {t.the}, and every puddle shone like silver.
  / They went out and splashed through every puddle on the way home. / "I am almost glad that it rained," said {f}.
  / "Rain makes good days longer," said {h}.
@end When {end} came, {h} and {f} walked home <side by side|arm in arm|singing>.
  / That {end}, {h} told {g} <everything|the whole story>, and told it twice.
  / And that {end}, {h} fell asleep with a smile.
  / "Good night," said {f} that {end}. "Good night," said {h}. "See you tomorrow."
  / And they were friends for ever after that. / It had been a good day, thought {h} that {end}.
  / {g} heard the story that {end} and laughed. / And if you ask {f}, {f.he} will tell you the same story.
  / That {end}, even <the stars|the moon|the wind> stopped to listen. / So the {w} day ended well for everyone.
  / Since then, {h} and {f} meet {p} as often as they can. / The {end} was quiet, and everyone was happy.
"""
