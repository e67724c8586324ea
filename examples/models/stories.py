"""Writes little stories: a text of our own to train a small language model on.

Every story is acted out in a small world first (who holds what, where a thing lies, how many are left, what time it is) and
told afterwards, so that its answers, numbers and reasons are right, and a model can learn something that can be measured.

    python3 examples/models/stories.py --stories 40000 --seed 1 --out train.jsonl
"""
import argparse
import json
import random
import re
import sys
import zlib

from story_words import (ANIMALS, COLORS, DAMAGE, DARES, ERRANDS, FOODS, GAMES, GIRLS, GRAMMAR, HOURS, INDOORS, KINDS, NAMES,
                         NOUNS, NUMBERS, OUTDOORS, PLANTS, SOIL, TRAITS, TROUBLE, WEATHER)


class Word:
    """A word of the cast: str() is the word itself, each attribute a form of it; .His is .his with a capital."""

    def __init__(self, text, **forms):
        self.text = text
        self.__dict__.update(forms)
        self.__dict__.update((name[0].upper() + name[1:], capital(form)) for name, form in forms.items())

    def __str__(self):
        return self.text


def capital(text):
    return text[:1].upper() + text[1:]


def with_article(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def parse(grammar):
    """kind -> templates; a template is a list of texts and, at odd places, lists of alternatives."""
    kinds = {}
    for entry in " ".join(grammar.split()).split("@")[1:]:
        kind, texts = entry.strip().split(" ", 1)
        kinds[kind] = [[part.split("|") if i % 2 else part for i, part in enumerate(re.split("<([^>]*)>", text))]
                       for text in texts.split(" / ")]
    return kinds


TEMPLATES = parse(GRAMMAR)
GENDERS = {
    "girl": {"he": "she", "him": "her", "his": "her", "hers": "hers"},
    "boy": {"he": "he", "him": "him", "his": "his", "hers": "his"},
}
NUMBER_FORMS = {
    False: {"it": "it", "them": "it", "is": "is", "was": "was", "these": "this", "that": "that", "s": "s",
            "belong": "belongs"},
    True: {"it": "they", "them": "them", "is": "are", "was": "were", "these": "these", "that": "those", "s": "",
           "belong": "belong"},
}
SENTENCE_START = re.compile('(?:^|[.!?] )"?[a-z]')


# One in twenty pairs of a name and a thing, three things for each name: no training story has both.
HELD_OUT = {name: [noun for j, noun in enumerate(NOUNS) if (7 * i + j) % 20 == 0] for i, name in enumerate(NAMES)}


class Story:
    """One story: text, and the log of what happened in it.

    log: (line, event, ...) with line an index into lines, event one of
        time hour | owns thing person | has thing person | at thing spot       what is so from now on
        count food n | take food k                                             how many the hero has, and k fewer
        says where thing spot | says owner thing person | says left food n      an answer that the line gives
    """

    def __init__(self, seed, index, split="train"):
        self.valid = split == "valid"
        # Of random.Random only random() is used: its sequence is the same in every version of Python.
        self.random = random.Random((seed << 40) + 2 * index + self.valid).random
        self.lines, self.log, self.used = [], [], set()
        while True:  # Casts are dealt out to the two splits, so that no story can be in both, whatever the seed.
            self.shape = self.pick(SHAPES)
            self.place = self.pick(OUTDOORS if self.shape in OUTDOOR_SHAPES or self.chance(0.7) else INDOORS)
            self.names = self.pick(NAMES), self.pick(NAMES)
            key = " ".join([self.shape.__name__, self.place[0], *sorted(self.names)])
            if self.names[0] != self.names[1] and (zlib.crc32(key.encode()) % 20 == 0) == self.valid:
                break
        self.set_cast()
        self.shape(self)
        self.text = " ".join(self.lines)

    def pick(self, choices):
        return choices[int(self.random() * len(choices))]

    def chance(self, probability):
        return self.random() < probability

    def set_cast(self):
        hero, friend = self.names
        noun, sound, food, self.trouble = self.pick(ANIMALS)
        animal = Word(noun, a=with_article(noun), the="the " + noun, sound=sound, food=food)
        h, f = self.person(hero, noun), self.person(friend, noun)
        relation = " friend " if h.animal or f.animal else self.pick((" friend ", " friend ", " cousin ", " neighbor "))
        f.intro = f"{f} the {f.animal}" if f.animal else h.his + relation + friend
        role = self.pick(("mother", "father", "grandmother", "grandfather", "aunt", "uncle"))
        self.thing, weather = self.make_thing(), self.pick(list(WEATHER))
        self.hour = self.pick((0, 0, 2))
        self.cast = dict(h=h, f=f, a=animal, t=self.thing, g=Word(f"{h.his} {role}", role=role), w=weather,
                         p=Word(self.place[0], At=capital(self.place[0])), scene=WEATHER[weather])
        self.spots, rest = [], self.place[1:]
        while rest:
            self.spots.append(rest.pop(int(self.random() * len(rest))))

    def person(self, name, other_animal):
        gender = "girl" if name in GIRLS else "boy"
        animal = self.pick(ANIMALS)[0] if self.chance(0.3) else ""
        animal = "" if animal == other_animal else animal
        a = "a young " + animal if animal else "a " + gender
        return Word(name, a=a, intro=f"{a} named {name}", animal=animal, trait=self.pick(TRAITS), **GENDERS[gender])

    def make_thing(self):
        hero, friend = (HELD_OUT[name] for name in self.names)
        noun = self.pick(hero if self.valid and self.chance(0.5) else NOUNS)
        while not self.valid and (noun in hero or noun in friend):
            noun = self.pick(NOUNS)
        made_of, plural, use = KINDS[noun]
        look = f"{self.pick(COLORS)} {noun}"
        first = "some " + look if plural else with_article(look)
        single = f"one {'pair' if use == 'wear' else 'set'} of {noun}" if plural else "one " + noun
        return Word(noun, a=first, the="the " + noun, single=single, made_of=made_of, use=use, **NUMBER_FORMS[plural])

    def fill(self, template, **more):
        parts = [self.pick(part) if isinstance(part, list) else part for part in template]
        return "".join(parts).format(**self.cast, time=HOURS[self.hour], **more)

    def say(self, kind, *events, **more):
        """Adds a line that tells the events, in words that this story has not used yet."""
        number = int(self.random() * len(TEMPLATES[kind]))
        if (kind, number) in self.used:
            number = (number + 1) % len(TEMPLATES[kind])
        self.used.add((kind, number))
        if "s" in more:
            more["S"] = capital(more["s"])
        line = self.fill(TEMPLATES[kind][number], **more)
        self.log += [(len(self.lines), *event) for event in events]
        self.lines.append(SENTENCE_START.sub(lambda start: start[0].upper(), line))

    def maybe(self, probability, kind, *events, **more):
        if self.chance(probability):
            self.say(kind, *events, **more)

    def begin(self, hour=None):
        self.hour = self.hour if hour is None else hour
        self.say("open", ("time", self.hour))
        self.maybe(0.4, "mood")

    def later(self, hour=None):
        """It is later now, before the evening ends. Returns the event."""
        self.hour = min(self.hour + 1 + (self.hour == 0 and self.chance(0.5)), 3) if hour is None else hour
        return "time", self.hour

    def own(self):
        t, hero = str(self.thing), self.names[0]
        self.say("own", ("owns", t, hero), ("has", t, hero))

    def end(self, *kinds):
        for kind in kinds:
            self.say(kind)
        if self.chance(0.7) and sum(map(len, self.lines)) < 850:  # at most about 200 words
            hour = 4 if self.hour == 3 or self.chance(0.3) else 3
            self.say("end", ("time", hour), end=HOURS[hour])

    def amount(self, number, one, many):
        left, plural = NUMBERS[number], number != 1
        text = f"{left} {many if plural else one}"
        return Word(text, left=left, alone=f"{text} {self.cast['h'].him}self", plants="plants" if plural else "plant",
                    are="are" if plural and number else "is", were="were" if plural else "was")

    # The shapes of stories.

    def lost(self):
        t, (first, wrong, last, other) = str(self.thing), self.spots
        self.begin()
        self.own()
        self.say("put", ("at", t, first), s=first, errand=self.pick(ERRANDS))
        windy = self.cast["w"] == "windy" and self.place in OUTDOORS
        self.say("wind_moves" if windy else "animal_moves", ("at", t, last), s=last)
        self.say("gone", s=first)
        self.maybe(0.7, "sad")
        self.say("help")
        self.say("ask_seen")
        self.say("search", s=first if self.chance(0.5) else wrong)
        self.maybe(0.4, "search_again", s=other)
        self.say("found", ("says", "where", t, last), ("has", t, self.names[0]), s=last)
        self.maybe(0.3, "ask_where", s=last)
        self.end("lost_close")

    def tidied(self):
        t, (first, last, *_) = str(self.thing), self.spots
        self.begin()
        self.own()
        self.say("company")
        self.say("put", ("at", t, first), s=first, errand=self.pick(ERRANDS))
        self.say("tidy_moves", ("at", t, last), s=last)
        self.say("believes", s=first)
        self.maybe(0.5, "sad")
        self.say("ask_friend", ("says", "where", t, last), s=last)
        self.say("tidy_found", ("has", t, self.names[0]), s=last)
        self.end("tidy_close")

    def share(self):
        food = self.pick(FOODS)
        left = 4 + int(self.random() * 6)
        self.begin()
        self.say("food_own", ("count", food[1], left), n=self.amount(left, *food))
        self.maybe(0.6, "plan_food")
        self.say("meet")
        self.say("hungry")
        for kind in ("give_food", "eat_food", "stolen"):
            number = (2 if kind == "give_food" else 1) + int(self.random() * 2)
            if number <= left and (kind == "give_food" or self.chance(0.7)):
                left -= number
                self.say(kind, ("take", food[1], number), k=self.amount(number, *food))
        self.say("ask_left", ("says", "left", food[1], left), k=self.amount(left, *food))
        if left:
            self.say("share_close", k=self.amount(left, *food))
        self.end(*([] if left else ["share_none"]))

    def mend(self):
        broke, broken, tool, fix, *causes = DAMAGE[self.thing.made_of]
        damage = Word("", broke=broke, broken=broken, tool=tool, fix=fix, cause=self.fill([self.pick(causes)]),
                      it="them" if " and " in tool else "it")
        self.begin()
        self.own()
        self.say("want")
        self.say("breaks", d=damage)
        self.maybe(0.6, "sad")
        self.maybe(0.7, "wrong_fix", d=damage)
        self.say("help")
        self.say("tool", d=damage)
        self.say("mend", d=damage)
        self.say("mended")
        self.end("mend_close")

    def rescue(self):
        happened, attempt, tool, works = (self.fill([text]) for text in TROUBLE[self.trouble])
        self.begin()
        self.say("trouble", x=happened)
        self.maybe(0.8, "pity")
        self.say("rescue_try", x=attempt)
        self.say("help")
        self.say("rescue_tool", x=tool)
        self.say("rescue", x=works)
        self.say("feed")
        self.end("rescue_close")

    def borrow(self):
        t, spot, (hero, friend) = str(self.thing), self.spots[0], self.names
        self.begin(0)
        self.say("friend_own", ("owns", t, friend), ("has", t, friend))
        self.say("borrow", ("has", t, hero))
        self.maybe(0.8, "enjoy")
        self.say("forget", self.later(2), ("at", t, spot), s=spot, errand=self.pick(ERRANDS))
        self.say("whose", ("says", "owner", t, friend), s=spot, o=friend)
        self.say("run_back", ("has", t, hero))
        self.say("return", ("has", t, friend))
        self.end("borrow_close")

    def brave(self):
        t, dare, (hero, friend) = str(self.thing), self.pick(DARES), self.names
        self.begin()
        self.say("dare", x=dare)
        self.say("try_one")
        self.maybe(0.8, "try_two")
        self.say("help")
        self.say("lend", ("owns", t, friend), ("has", t, hero))
        self.say("try_three", x=dare)
        self.say("give_back", ("has", t, friend))
        self.end("brave_close")

    def grow(self):
        plant, spot, seeds = self.pick(PLANTS), self.pick(SOIL), 3 + int(self.random() * 5)
        eaten = 1 + int(self.random() * (seeds - 1))
        self.begin()
        self.say("plant", ("count", "seeds", seeds), n=self.amount(seeds, "", plant + " seeds"), s=spot)
        self.say("day_one")
        self.say("wait")
        self.say("eaten", ("take", "seeds", eaten), k=self.amount(eaten, "of them", "of them"))
        self.say("guard")
        grown = seeds - eaten
        self.say("bloom", ("says", "left", "seeds", grown), k=self.amount(grown, "", ""), plant=plant, s=spot)
        self.end("grow_close")

    def quarrel(self):
        t, spot, (hero, friend) = str(self.thing), self.spots[0], self.names
        self.begin(0)
        self.own()
        self.say("both_want")
        self.maybe(0.8, "pull")
        self.say("falls", ("at", t, spot), s=spot)
        self.say("cross")
        self.say("sorry")
        self.say("fetch", ("says", "where", t, spot), s=spot)
        self.say("turns", ("has", t, friend))
        self.say("second_turn", self.later(2), ("has", t, hero), when="in the afternoon")
        self.end("turns_close")

    def rain(self):
        t, spot, indoors = str(self.thing), self.spots[0], self.pick(INDOORS)[0]
        self.begin()
        self.own()
        self.say("plan")
        self.say("set_down", ("at", t, spot), s=spot)
        self.say("rain")
        self.say("shelter", q=indoors)
        self.say("left_out", ("says", "where", t, spot), s=spot)
        self.say("dash", ("has", t, self.names[0]))
        self.say("inside", game=self.pick(GAMES))
        event = self.later()
        self.say("clear", event, when="by noon" if self.hour == 1 else "in the " + HOURS[self.hour])
        self.end("plan_close")


SHAPES = (Story.lost, Story.tidied, Story.share, Story.mend, Story.rescue, Story.borrow, Story.brave, Story.grow,
          Story.quarrel, Story.rain)
OUTDOOR_SHAPES = (Story.rescue, Story.grow, Story.rain)


def main():
    parser = argparse.ArgumentParser(
        description="Writes little stories, a text to train a small language model on.",
        epilog="The splits train and valid share no story, whatever their seeds: a story's shape, place and two names decide "
               "to which it may belong. One in twenty pairs of a name and a thing, such as Ada and the drum, never meets in "
               "train; every second valid story, if it is about a thing at all, is about such a pair.")
    parser.add_argument("--stories", type=int, default=1000, help="how many; 1000")
    parser.add_argument("--seed", type=int, default=1, help="a number >= 0; story i of a seed is the same for any --stories")
    parser.add_argument("--split", choices=("train", "valid"), default="train")
    parser.add_argument("--format", choices=("jsonl", "txt"), default="jsonl",
                        help='jsonl: {"text": "..."} a line; txt: stories with a blank line between')
    parser.add_argument("--out", help="a file; standard output")
    options = parser.parse_args()
    if options.seed < 0 or options.stories < 0:
        parser.error("--seed and --stories are at least 0")
    with open(options.out, "w", encoding="utf-8", newline="\n") if options.out else sys.stdout as out:
        for index in range(options.stories):
            text = Story(options.seed, index, options.split).text
            if options.format == "jsonl":
                out.write(json.dumps({"text": text}) + "\n")
            else:
                out.write(("\n" if index else "") + text + "\n")


if __name__ == "__main__":
    main()
