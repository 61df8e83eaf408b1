"""Answers that nobody gave, to teach what people's answers don't: worthless ones that look good, and perfect ones."""

import random
from collections.abc import Iterator, Sequence

from app.domain.essay.local_scoring.wording import FUNCTION_WORDS
from app.domain.text import words
from app.training.answers import ScoredAnswer, questions

# What each kind is worth, 0–1.
# Lists, shuffled words and denials are left to the discounts: learning them here cost 0.03 of the correlation.
WORTH = {"other": 0.0, "padded": 0.0, "term": 0.05, "model": 1.0}

# How many of a kind each question gets.
_EACH = 3

_PADDING = (
    "This is a very interesting and important question, and there are many points of view on it. In my opinion it "
    "is necessary to think carefully about all aspects, because every situation is different. In conclusion, a good "
    "solution depends on the circumstances and must be considered in detail.",
    "There are several things that have to be said here. First of all, one should understand what is meant. Then "
    "one can look at the advantages and disadvantages, and finally come to a well-founded result that is useful.",
    "I think that this topic plays a large role today. Experts have discussed it for years, and new ideas come up "
    "all the time. It is essential to stay open and to learn from experience.",
)


def made_up(answers: Sequence[ScoredAnswer], seed: int = 7) -> tuple[ScoredAnswer, ...]:
    """Made-up answers to each question, the same for the same answers and seed."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    return tuple(one for question in questions(answers) for one in _of_question(answers, question, dice))


def _of_question(answers: Sequence[ScoredAnswer], question: str, dice: random.Random) -> Iterator[ScoredAnswer]:
    foreign = [one.answer for one in answers if one.question_id != question and one.score >= 0.75]
    first = next(one for one in answers if one.question_id == question)
    texts = {
        "other": dice.sample(foreign, min(_EACH, len(foreign))),
        "padded": [f"{first.question} {padding}" for padding in _PADDING],
        "term": _terms(first.model_answer),
        "model": [first.model_answer],
    }
    for kind, made in texts.items():
        for text in filter(str.strip, made):
            yield first.model_copy(update={"answer": text, "score": WORTH[kind]})


def _terms(text: str) -> list[str]:
    long = sorted({word for word in words(text) if word not in FUNCTION_WORDS}, key=lambda word: (-len(word), word))
    return long[:2]
