"""What examples/models/stories.py writes is right: grammar, the world behind each story, and what keeps the splits apart."""
import collections
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "models"
sys.dont_write_bytecode = True
sys.path.insert(0, str(FOLDER))
import stories  # noqa: E402
import story_words  # noqa: E402

COUNT = 5000
TRAIN = [stories.Story(1, i) for i in range(COUNT)]
VALID = [stories.Story(1, i, "valid") for i in range(1000)]
HERS, HIS = {"she", "her", "hers", "herself"}, {"he", "him", "his", "himself"}
WRONG = [
    r"\ba [aeiou]", r"\ban [^aeiou]", r"  ", r"^ | $", r"[{}<>|@/]", r"\b(\w+) \1\b(?<!No, no)(?<!called and called)",
    r"\b(they|these|those) (was|is|has)\b", r"\b(he|she|it|this|that) (were|are|have)\b", r"\bI (is|are|were)\b",
    r"\bone \w+(?<!s) were\b", r"\b(two|three|four|five|six|seven|eight|nine) [\w ]*(was|is) (left|growing)\b",
    r"[^.!?:\"] \"?(She|He|It|They|Her|His|The)\b", r" [,.!?]", r"[,.!?]{2}",
]


def words(text):
    return re.findall(r"[a-z']+", text.lower())


def run(*arguments):
    command = [sys.executable, "-B", str(FOLDER / "stories.py"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8")


def faults(story):
    """Replays the log of a story without its code; yields what the lines tell wrongly."""
    held, owned, left, hour = {}, {}, {}, -1
    for number, event, *facts in story.log:
        line = story.lines[number].lower()
        if event == "time":
            if facts[0] < hour:
                yield f"it was later before: {line}"
            hour = facts[0]
        elif event == "owns":
            owned[facts[0]] = facts[1]
        elif event in ("has", "at"):
            held[facts[0]] = facts[1]
            if event == "at" and facts[1] not in line:
                yield f"not put {facts[1]}: {line}"
        elif event in ("count", "take"):
            left[facts[0]] = facts[1] if event == "count" else left[facts[0]] - facts[1]
            if story_words.NUMBERS[facts[1]] not in words(line) or left[facts[0]] < 0:
                yield f"not {facts[1]}: {line}"
        elif event == "says":
            what, thing, answer = facts
            known = {"where": held, "owner": owned, "left": left}[what][thing]
            told = story_words.NUMBERS[answer] if what == "left" else str(answer).lower()
            if known != answer or told not in line:
                yield f"{what} {thing} is {known}, not {answer}: {line}"
        else:
            yield f"unknown event {event}"


class Determinism(unittest.TestCase):
    def test_the_first_hundred_stories_of_a_seed_are_the_recorded_ones(self):
        for told, recorded in (
                (TRAIN, "1f06fd120411ff1e7f0d5b281392415b589685791dd275844f71d40094d0ca0b"),
                (VALID, "c6dd91c65925998f8b1bd7acbaa1a562f94e5ad09749ba711bd4941429d69e58")):
            text = "\n".join(story.text for story in told[:100])
            self.assertEqual(hashlib.sha256(text.encode()).hexdigest(), recorded)

    def test_a_story_does_not_depend_on_how_many_are_told(self):
        few, many = run("--stories", "3"), run("--stories", "9")
        self.assertEqual([json.loads(line) for line in few.stdout.splitlines()], [{"text": s.text} for s in TRAIN[:3]])
        self.assertTrue(many.stdout.startswith(few.stdout))

    def test_stories_in_plain_text_have_a_blank_line_between(self):
        self.assertEqual(run("--stories", "3", "--format", "txt").stdout, "\n\n".join(s.text for s in TRAIN[:3]) + "\n")

    def test_a_negative_seed_is_refused(self):
        refused = run("--seed", "-1")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("--seed and --stories are at least 0", refused.stderr)


class Splits(unittest.TestCase):
    def test_no_story_of_valid_is_in_train_whatever_the_seeds(self):
        train = {s.text for s in TRAIN} | {stories.Story(2, i).text for i in range(1000)}
        self.assertFalse(train & {s.text for s in VALID})

        def cast(story):
            told = set(re.findall(r"\w+", story.text)) & set(story_words.NAMES)
            places = [place[0] for place in story_words.PLACES if place[0].lower() in story.lines[0].lower()]
            self.assertEqual(len(told), 2, story.text)
            self.assertEqual(len(places), 1, story.text)
            return story.shape.__name__, places[0], *sorted(told)
        self.assertFalse({cast(s) for s in TRAIN} & {cast(s) for s in VALID})

    def test_one_name_and_thing_in_twenty_meet_in_valid_only(self):
        self.assertEqual((len(story_words.NAMES), len(story_words.NOUNS)), (40, 60))
        self.assertEqual({len(set(nouns)) for nouns in stories.HELD_OUT.values()}, {3})

        def pairs(story):
            told = set(words(story.text))
            names = [name for name in story_words.NAMES if name.lower() in told]
            return {(name, noun) for name in names for noun in story_words.NOUNS if noun in told}
        held_out = {(name, noun) for name, nouns in stories.HELD_OUT.items() for noun in nouns}
        seen = set().union(*map(pairs, TRAIN))
        self.assertFalse(seen & held_out)
        self.assertGreater(len(seen), 2150)  # of the other 2,280
        self.assertGreater(sum(bool(pairs(s) & held_out) for s in VALID), 250)


class Grammar(unittest.TestCase):
    def test_sentences_are_well_formed(self):
        for story in TRAIN + VALID:
            self.assertRegex(story.text, r'^"?[A-Z]')
            self.assertRegex(story.text, r'[.!?]"?$')
            self.assertEqual(story.text.count('"') % 2, 0, story.text)
            self.assertTrue(story.text.isascii())
            self.assertIsNone(re.search(r'[.!?] "?[a-z]', story.text), story.text)
            for pattern in WRONG:
                self.assertIsNone(re.search(pattern, story.text), f"{pattern}: {story.text}")
            for line in story.lines:
                self.assertEqual(line.count('"') % 2, 0, line)
                self.assertRegex(line, r'^"?[A-Z].*[.!?]"?$')

    def test_pronouns_agree_with_the_two_who_are_named(self):
        for story in TRAIN:
            told = set(words(story.text))
            girls = sum(name in story_words.GIRLS for name in story.names)
            self.assertFalse(girls == 0 and told & HERS, story.text)
            self.assertFalse(girls == 2 and told & HIS, story.text)

    def test_articles_and_numbers(self):
        self.assertEqual(stories.with_article("old map"), "an old map")
        self.assertEqual(stories.with_article("drum"), "a drum")
        for one, many in story_words.FOODS:
            for story in TRAIN:
                self.assertNotRegex(story.text, rf"\bone {many}\b|\b(two|three|four|five|none) {one}\b")


class World(unittest.TestCase):
    def test_every_answer_agrees_with_what_happened(self):
        answers = collections.Counter()
        for story in TRAIN + VALID:
            self.assertEqual(list(faults(story)), [], story.text)
            answers.update(entry[2] for entry in story.log if entry[1] == "says")
        self.assertGreater(min(answers["where"], answers["owner"], answers["left"]), 300, answers)

    def test_a_wrong_answer_is_noticed(self):
        for shape, event in ((stories.Story.share, "take"), (stories.Story.lost, "at"), (stories.Story.borrow, "owns")):
            index = next(i for i, s in enumerate(TRAIN) if s.shape is shape)
            story = stories.Story(1, index)
            forgotten = next(entry for entry in reversed(story.log) if entry[1] == event)
            story.log.remove(forgotten)
            self.assertTrue(self.noticed(story), f"{forgotten}: {story.text}")
            story = stories.Story(1, index)
            line = next(entry[0] for entry in story.log if entry[1] == "says")
            story.lines[line] = "Nobody knows."
            self.assertTrue(self.noticed(story), story.text)

    @staticmethod
    def noticed(story):
        try:
            return list(faults(story))
        except KeyError:  # an answer about something that was never told
            return True

    def test_mornings_come_before_evenings(self):
        hours = r"\b(?<!before )(?<!until )(?<!next )(?<!one )(?<!Good )(morning|noon|afternoon|evening|night)\b"
        for story in TRAIN:
            if story.shape is stories.Story.grow:  # the one that lasts for weeks
                continue
            told = [story_words.HOURS.index(hour) for hour in re.findall(hours, story.text)]
            self.assertEqual(told, sorted(told), story.text)


class Variety(unittest.TestCase):
    def test_hardly_any_story_is_told_twice(self):
        self.assertGreaterEqual(len({s.text for s in TRAIN}), COUNT - COUNT // 1000)

    def test_stories_have_sixty_to_two_hundred_words(self):
        lengths = sorted(len(s.text.split()) for s in TRAIN)
        self.assertGreaterEqual(lengths[0], 55)
        self.assertGreaterEqual(lengths[COUNT // 100], 60)
        self.assertLessEqual(lengths[-COUNT // 100], 200)
        self.assertLessEqual(lengths[-1], 220)

    def test_the_vocabulary_is_small_and_each_word_of_it_frequent_enough(self):
        counts = collections.Counter(word for s in TRAIN for word in words(s.text.replace("'s", "")))
        self.assertTrue(600 <= len(counts) <= 2500, len(counts))
        self.assertGreaterEqual(min(counts.values()), 3, counts.most_common()[-20:])

    def test_each_kind_of_event_can_be_told_in_several_ways_and_all_of_them_are(self):
        self.assertGreaterEqual(len(stories.SHAPES), 6)
        self.assertGreaterEqual(len(stories.TEMPLATES), 12)
        used = set().union(*(story.used for story in TRAIN))
        for kind, templates in stories.TEMPLATES.items():
            self.assertGreaterEqual(len(templates), 4, kind)
            for number in range(len(templates)):
                self.assertIn((kind, number), used)

    def test_there_are_many_names_things_places_and_animals(self):
        animals = {animal[0] for animal in story_words.ANIMALS}
        self.assertEqual((len(set(story_words.NAMES)), len(set(story_words.NOUNS))), (40, 60))
        self.assertEqual((len(story_words.PLACES), {len(place) for place in story_words.PLACES}), (20, {5}))
        self.assertEqual(len(animals), 25)


if __name__ == "__main__":
    unittest.main()
