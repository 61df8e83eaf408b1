"""Made-up retrieval queries of students of five tracks: gaps in the skills of the track, interests in free text."""

from collections.abc import Iterator
from random import Random

from app.domain.recommendation.query import RetrievalQuery
from app.domain.states import Level
from app.evaluation.labelled_queries import Gap, LabelledQuery
from app.evaluation.retrieval_queries import to_retrieval_query
from benchmarks.credentials.made_up_credentials import SKILLS

_TRACKS, _SKILLS_OF_A_TRACK = 5, 6
_WISH_WORDS = (
    "I would like to learn how large companies keep their web services fast while many people use them and what to do "
    "at work when the data of a project are wrong or somebody made mistakes with the exercise in the middle of it"
)
_OPTIONS = ("Machine learning", "Reading charts", "Building services", "Welding at home")
_SUBJECTS = ("How does a cache change what clients read?", "Describe how you found the cause of an outage.")


def made_up_queries(count: int, seed: int = 1) -> Iterator[RetrievalQuery]:
    """So many queries, each with up to three gaps and a text that no other query has."""
    random = Random(seed)  # noqa: S311  # no secret
    tracks = [random.sample(SKILLS, _SKILLS_OF_A_TRACK) for _ in range(_TRACKS)]
    for number in range(count):
        skills = random.choice(tracks)
        wish = f"{' '.join(random.sample(_WISH_WORDS.split(), 12))} {random.choice(SKILLS)} {seed}-{number}"
        gaps = tuple(Gap(skill=skill, level=0.2) for skill in random.sample(skills, random.randrange(4)))
        yield to_retrieval_query(
            LabelledQuery(
                id=str(number), track="bench", level=random.choice([None, *Level]), skills_of_track=tuple(skills),
                gaps=gaps, interests=(wish, *random.sample(_OPTIONS, 2)), essay_subjects=_SUBJECTS, accept={"-": 1},
            )
        )  # fmt: skip
