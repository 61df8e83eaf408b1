"""Made-up students of five tracks as labelled queries: several gaps, answers with refusals, three essays."""

from collections.abc import Iterator
from random import Random

from app.domain.states import Level
from app.evaluation.labelled_queries import LabelledQuery
from benchmarks.credentials.made_up_credentials import SKILLS

_TRACKS, _SKILLS_OF_A_TRACK = 5, 6
_MAX_GAPS = 5
# Sentences of an answer, the first one apart: about 15 words each.
_MAX_SENTENCES = 3
_WORDS = (
    "large companies keep their web services fast while many people use them and what to do at work when the data of "
    "a project are wrong or somebody made mistakes with the exercise in the middle because nobody had tested it"
)
_OPTIONS = ("Machine learning", "Reading charts", "Building services", "Welding at home")
_SUBJECTS = (
    "An endpoint that lists a customer's orders used to answer in about 120 ms. Since last week its 95th percentile "
    "has been above 3 seconds, while the median has hardly changed. Describe how you would find the cause.",
    "How does a cache change what clients read, and what would you tell a colleague who wants to put one in front of "
    "everything?",
    "Describe how you found the cause of an outage, which of your first ideas were wrong, and how you noticed.",
)


def made_up_students(count: int, seed: int) -> Iterator[LabelledQuery]:
    """So many students with up to five gaps. Their wishes have 20 to 50 words and their
    answers 70 to 100, which no other student wrote."""
    random = Random(seed)  # noqa: S311  # no secret
    tracks = [random.sample(SKILLS, _SKILLS_OF_A_TRACK) for _ in range(_TRACKS)]
    for number in range(count):
        skills = random.choice(tracks)
        gaps = random.sample(skills, random.randrange(_MAX_GAPS + 1))
        yield LabelledQuery.model_validate(
            {
                "id": str(number), "track": "bench", "skills_of_track": skills, "essay_subjects": _SUBJECTS,
                "level": random.choice([None, *Level]), "accept": {"-": 1},
                "gaps": [{"skill": skill, "level": random.choice((0.1, 0.3, 0.5))} for skill in gaps],
                "interests": random.sample(_OPTIONS, 2), "answers": _answers(random, f"{seed}-{number}"),
            }
        )  # fmt: skip


def _answers(random: Random, name: str) -> list[dict[str, str]]:
    wanted, refused, held = random.sample(SKILLS, 3)
    more = " ".join(f"I wonder how {_some_words(random)}." for _ in range(random.randrange(_MAX_SENTENCES)))
    texts = {
        "interest": f"In {name} I want to learn {wanted} and {_some_words(random)}, but no {refused}, please. {more}",
        "goal": f"To explain to others {_some_words(random)}. {_some_words(random).capitalize()}.",
        "experience": f"I finished a course on {held} last year. {_some_words(random).capitalize()}.",
    }
    return [{"purpose": purpose, "text": text} for purpose, text in texts.items()]


def _some_words(random: Random) -> str:
    return " ".join(random.sample(_WORDS.split(), 12))
