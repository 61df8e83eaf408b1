"""Synthetic answers that teach what people's answers don't: worthless ones that look good, and perfect ones."""

import random
from collections.abc import Iterator, Sequence

from app.domain.essay.local_scoring.lexical_analysis import FUNCTION_WORDS
from app.domain.text import words
from app.training.training_data import ScoredAnswer, question_ids

# The score of each kind, 0–1.
# Lists, shuffled words and denials are left to the discounts: learning them here cost 0.03 of the correlation.
SCORES = {"other": 0.0, "padded": 0.0, "term": 0.05, "model": 1.0}

# Answers of the kind `other` for each question.
_MAX_OTHERS = 3

_PADDING = (
    "This is a very interesting and important question, and there are many points of view on it. In my opinion it "
    "is necessary to think carefully about all aspects, because every situation is different. In conclusion, a good "
    "solution depends on the circumstances and must be considered in detail.",
    "There are several things that have to be said here. First of all, one should understand what is meant. Then "
    "one can look at the advantages and disadvantages, and finally come to a well-founded result that is useful.",
    "I think that this topic plays a large role today. Experts have discussed it for years, and new ideas come up "
    "all the time. It is essential to stay open and to learn from experience.",
)


def make_synthetic_answers(answers: Sequence[ScoredAnswer], seed: int = 7) -> tuple[ScoredAnswer, ...]:
    """Synthetic answers to each question, the same for the same answers and seed."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    return tuple(answer for question in question_ids(answers) for answer in _answers_to(question, answers, dice))


def _answers_to(question: str, answers: Sequence[ScoredAnswer], dice: random.Random) -> Iterator[ScoredAnswer]:
    first = next(answer for answer in answers if answer.question_id == question)
    # Of the same corpus, so that one that is held out leaves no trace.
    good_elsewhere = [
        other.answer
        for other in answers
        if other.question_id != question and other.corpus == first.corpus and other.score >= 0.75
    ]
    texts_by_kind = {
        "other": dice.sample(good_elsewhere, min(_MAX_OTHERS, len(good_elsewhere))),
        "padded": [f"{first.question} {padding}" for padding in _PADDING],
        "term": _longest_words(first.model_answer),
        "model": [first.model_answer],
    }
    for kind, texts in texts_by_kind.items():
        for text in filter(str.strip, texts):
            yield first.model_copy(update={"answer": text, "score": SCORES[kind]})


def _longest_words(text: str) -> list[str]:
    content_words = {word for word in words(text) if word not in FUNCTION_WORDS}
    return sorted(content_words, key=lambda word: (-len(word), word))[:2]
