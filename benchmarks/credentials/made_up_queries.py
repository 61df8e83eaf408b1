"""Queries as students of five tracks would cause them: gaps among the track's skills, interests in their own words."""

from collections.abc import Iterator
from random import Random

from app.domain.recommendation.query import RetrievalQuery
from app.domain.states import Level
from app.evaluation.asking import product_query
from app.evaluation.labelled import Gap, LabelledQuery
from benchmarks.credentials.made_up_credentials import SKILLS

_TRACKS, _SKILLS_OF_A_TRACK = 5, 6
_WISHES = (
    "I would like to learn how large companies keep their web services fast while many people use them and what to do "
    "at work when the data of a project are wrong or somebody made mistakes with the exercise in the middle of it"
)
_OPTIONS = ("Machine learning", "Reading charts", "Building services", "Welding at home")
_SUBJECTS = ("How does a cache change what clients read?", "Describe how you found the cause of an outage.")


def made_up_queries(count: int, seed: int = 1) -> Iterator[RetrievalQuery]:
    """So many, each with a text that no other has; none to three gaps."""
    chance = Random(seed)  # noqa: S311  # no secret
    tracks = [chance.sample(SKILLS, _SKILLS_OF_A_TRACK) for _ in range(_TRACKS)]
    for number in range(count):
        skills = chance.choice(tracks)
        wish = f"{' '.join(chance.sample(_WISHES.split(), 12))} {chance.choice(SKILLS)} {seed}-{number}"
        gaps = tuple(Gap(skill=skill, level=0.2) for skill in chance.sample(skills, chance.randrange(4)))
        yield product_query(
            LabelledQuery(
                id=str(number), track="bench", level=chance.choice([None, *Level]), skills_of_track=tuple(skills),
                gaps=gaps, interests=(wish, *chance.sample(_OPTIONS, 2)), essay_subjects=_SUBJECTS, accept={"-": 1},
            )
        )  # fmt: skip
