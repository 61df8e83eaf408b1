"""A small track with known questions, and answers to them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from app.domain.assessment.questions import (
    EssayQuestion,
    Option,
    ProfileInput,
    ProfilePurpose,
    ProfileQuestion,
    QuestionBody,
    Rubric,
    Scale,
)
from app.domain.assessment.questions import TheoreticalQuestion as Theory
from app.domain.assessment.tracks import QuestionMix, TrackBody
from app.domain.recommendation.credentials import CredentialBody
from app.domain.states import CredentialLevel
from app.repositories import credentials, questions, tracks
from app.repositories.sql import Pool

SLUG = "gardener"
OPTIONS = (Option(id="A", text="Sand"), Option(id="B", text="Clay"), Option(id="C", text="Peat"))
SECRET_MODEL_ANSWER = "Xylem carries water upwards because evaporation from the leaves pulls on it all the way down."
SECRET_RUBRIC = "Zinnia points for naming the vessels and the pull."
SECRET_EXPLANATION = "Quercus explains why clay holds water."
ESSAY = (
    "Water rises in the xylem. Evaporation from the leaves pulls it up, and cohesion keeps the column whole. "
    "Roots take water in from the soil, which also carries minerals to the leaves."
)
# Equal essays on equal questions would be scored by one call.
SECOND_ESSAY = f"{ESSAY} In tall trees the pull is stronger."


@dataclass
class Bank:
    """The ids of the questions, by name."""

    ids: dict[str, UUID] = field(default_factory=dict)

    def answers(self, **answers: Any) -> list[dict[str, Any]]:
        """Responses as the API takes them, by the names of the questions."""
        return [{"question_id": str(self.ids[name]), "answer": answer} for name, answer in answers.items()]

    def all_answers(self) -> list[dict[str, Any]]:
        """Responses to all questions: theory right, wrong and half right; every profile question; both essays."""
        return self.answers(
            right="B", several=["A", "C"], partial=["A"], single="A", multiple=["A", "B"], scale=3, number=4.5,
            text="roses", essay=ESSAY, essay_two=SECOND_ESSAY,
        )  # fmt: skip


def theory(
    correct: tuple[str, ...], *, partial: bool = False, weight: float = 1.0, skills: tuple[str, ...] = ()
) -> Theory:
    """A theoretical question over three soils."""
    return Theory(
        prompt="Which soil?",
        options=OPTIONS,
        correct_options=correct,
        partial_credit=partial,
        weight=weight,
        skills=skills,
        explanation=SECRET_EXPLANATION,
    )


def profile(kind: ProfileInput) -> ProfileQuestion:
    """A profile question of any input."""
    return ProfileQuestion(
        prompt=f"Your {kind}?",
        input=kind,
        purpose=ProfilePurpose.INTEREST,
        options=OPTIONS if kind in (ProfileInput.SINGLE, ProfileInput.MULTIPLE) else (),
        scale=Scale(min=1, max=5) if kind is ProfileInput.SCALE else None,
    )


def essay(weight: float = 1.0) -> EssayQuestion:
    """An essay question with a model answer and rubric that no student may see."""
    rubric = Rubric(relevance=SECRET_RUBRIC, depth=SECRET_RUBRIC, clarity=SECRET_RUBRIC, technical=SECRET_RUBRIC)
    return EssayQuestion(
        prompt="How does water rise in a tree?",
        model_answer=SECRET_MODEL_ANSWER,
        rubric=rubric,
        weight=weight,
        skills=("botany",),
        max_characters=2000,
    )


QUESTIONS: dict[str, QuestionBody] = {
    "right": theory(("B",), skills=("soil",)),
    "several": theory(("A", "B"), weight=2.0, skills=("soil", "water")),
    "partial": theory(("A", "B"), partial=True, weight=2.0, skills=("water",)),
    **{kind.value: profile(kind) for kind in ProfileInput},
    "essay": essay(),
    "essay_two": essay(weight=2.0),
}
CREDENTIALS = (
    ("Soil Science Basics", "soil", "Learn how soil holds water and air. Clay, sand and peat are compared by touch."),
    ("Irrigation Planner", "water", "Plan watering by plant and season. Measure what the ground can take up in a day."),
    ("Botany Foundations", "botany", "How plants move water and sugar. Xylem and phloem are seen under a microscope."),
)


async def create_bank(pool: Pool, *, with_credentials: bool = True, essay_characters: int = 2000) -> Bank:
    """Creates the track with ten questions, all of which an assessment draws, and three credentials."""
    mix = QuestionMix(theoretical=3, profile=5, essay=2)
    body = TrackBody(slug=SLUG, name="Gardener", skills=("soil", "water", "botany"), question_mix=mix)
    track = await tracks.create(pool, body)
    bank = Bank()
    for name, question in QUESTIONS.items():
        bank.ids[name] = uuid4()
        if isinstance(question, EssayQuestion):
            question = question.model_copy(update={"max_characters": essay_characters})
        await questions.create(pool, bank.ids[name], track.id, question)
    async with pool.acquire() as conn:
        for title, skill, description in CREDENTIALS if with_credentials else ():
            await credentials.create(conn, uuid4(), credential(title, skill, description))
    return bank


def credential(title: str, skill: str, description: str) -> CredentialBody:
    """A credential of an invented school."""
    return CredentialBody(
        title=title,
        provider="Garden School",
        url="https://garden.example/certificates",
        level=CredentialLevel.BEGINNER,
        skills=(skill,),
        description=description,
    )
