"""The features of an answer, from which its score is estimated."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.essay.local_scoring import cues
from app.domain.essay.local_scoring.alignment import EmbeddingsByText, collect_tokens, weighted_mean
from app.domain.essay.local_scoring.comparison import (
    AnswerComparison,
    best_half,
    compare,
    idea_weights,
    match_pieces,
    text_similarity,
)
from app.domain.essay.local_scoring.contradictions import Contradiction, find_contradictions
from app.domain.essay.local_scoring.discounts import measure_discounts
from app.domain.essay.local_scoring.lexical_analysis import (
    FUNCTION_WORDS,
    counted_pieces,
    function_word_share,
    join_pieces,
    own_pieces,
    repetition,
    sample_pieces,
    split_pieces,
    stems,
    term_weights,
    word_pairs,
)
from app.domain.text import Span, sentences, words

# More words than these say no more.
_MAX_LENGTH = 300

# Letters of a long word.
_LONG_WORD = 8


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one answer; similarities are cosines, all shares are 0–1."""

    pieces: tuple[Span, ...]
    """Its pieces without repetitions and without what is copied from the prompt; a sample of at most 40."""
    excluded_pieces: int
    """How many pieces are left out because they repeat the prompt or the answer itself."""
    word_count: int
    """Words of all pieces that are not left out."""
    prompt_similarity: float
    reference_similarity: float
    idea_recall: tuple[float, ...]
    """For each idea of the reference answer: how well the best piece matches its words."""
    idea_piece: tuple[int, ...]
    """For each idea: the piece that matches it best."""
    piece_prompt_similarity: tuple[float, ...]
    """For each of `pieces`: the similarity of the most similar piece of the prompt."""
    piece_content: tuple[int, ...]
    """For each of `pieces`: how many content words it has that the prompt has not."""
    piece_long_words: tuple[int, ...]
    """For each of `pieces`: how many of these words are long, as the terms of a subject are."""
    term_share: float
    function_word_share: float
    """The share of short English function words."""
    repetition: float
    sentence_words: float
    """The mean number of words in a sentence."""
    uppercase_share: float
    """The share of capitals among the letters of longer words."""
    contradictions: Mapping[Contradiction, float]
    """What the answer says otherwise than the reference answer, and how much of it is affected."""
    measures: Mapping[str, float]
    """The input of the regression, by the names in `MEASURES` and `DISCOUNTS`."""


MEASURES: Mapping[str, int] = {
    "gain": 1,
    "ideas": 1,
    "meaning": 1,
    "best_half": 1,
    "recall": 1,
    "phrases": 1,
    "terms": 1,
    "letters": 1,
    "precision": 1,
    "length": 1,
    "demands": -1,
    "relevant_length": 1,
}
"""The measures that the regression may use, with the sign that each coefficient may have."""


def measure(prompt: str, model_answer: str, answer: str, embeddings: EmbeddingsByText) -> Features:
    """The features of `answer`. Raises KeyError for a text of `texts_to_embed` without embeddings."""
    own, counted = own_pieces(answer, prompt), counted_pieces(answer, prompt)
    pieces, ideas = sample_pieces(counted), sample_pieces(split_pieces(model_answer))
    question_tokens, reference_tokens, answer_tokens = (
        collect_tokens(parts, embeddings) for parts in (sample_pieces(split_pieces(prompt)), ideas, pieces)
    )
    comparison = compare(question_tokens, reference_tokens, answer_tokens)
    recall = comparison.recall
    contradictions = find_contradictions(
        prompt, model_answer, [idea.text for idea in ideas], [piece.text for piece in pieces]
    )
    weights = term_weights(model_answer, prompt)
    prompt_words = set(words(prompt))
    content = [set(words(piece.text)) - prompt_words - FUNCTION_WORDS for piece in pieces]
    counted_words = [word for piece in counted for word in words(piece.text)]
    return Features(
        pieces=pieces,
        excluded_pieces=len(split_pieces(answer)) - len(own),
        word_count=len(counted_words),
        prompt_similarity=text_similarity(answer_tokens, question_tokens),
        reference_similarity=text_similarity(answer_tokens, reference_tokens),
        idea_recall=tuple(map(float, recall.max(axis=1))) if pieces else (),
        idea_piece=tuple(map(int, recall.argmax(axis=1))) if pieces else (),
        piece_prompt_similarity=tuple(map(float, match_pieces(question_tokens, answer_tokens))),
        piece_content=tuple(map(len, content)),
        piece_long_words=tuple(sum(len(word) >= _LONG_WORD for word in piece_words) for piece_words in content),
        term_share=_term_weight(join_pieces(own), weights) / (sum(weights.values()) or 1.0),
        function_word_share=function_word_share(counted_words),
        repetition=repetition(counted_words),
        sentence_words=_sentence_words(answer),
        uppercase_share=_uppercase_share(answer),
        contradictions=contradictions,
        measures={
            **_measures(prompt, model_answer, join_pieces(counted), comparison),
            **measure_discounts(join_pieces(counted), comparison, max(contradictions.values(), default=0.0)),
        },
    )


def _measures(prompt: str, model_answer: str, answer: str, comparison: AnswerComparison) -> dict[str, float]:
    reference_pairs, answer_pairs = word_pairs(model_answer), word_pairs(answer)
    terms = set(stems(model_answer)) - set(stems(prompt))
    reference_letters = _letter_runs(model_answer)
    answer_length, reference_length = len(words(answer)), len(words(model_answer))
    match, novelty = comparison.answer_match, comparison.novelty
    recall = weighted_mean(match, novelty)
    return {
        "gain": weighted_mean(match - comparison.question_match, comparison.reference.weight),
        "ideas": weighted_mean(comparison.recall.max(axis=1), idea_weights(comparison.reference, novelty)),
        "meaning": comparison.meaning,
        "best_half": best_half(match, novelty),
        "recall": recall,
        "phrases": len(reference_pairs & answer_pairs) / max(1, len(reference_pairs)),
        "terms": len(terms & set(stems(answer))) / max(1, len(terms)),
        "letters": len(reference_letters & _letter_runs(answer)) / max(1, len(reference_letters)),
        "precision": comparison.precision,
        "length": min(0.0, math.log((1 + answer_length) / (1 + reference_length))),
        "demands": float(cues.count_demands(prompt)),
        # Longer answers say more, if they say anything about it.
        "relevant_length": math.log(1 + min(_MAX_LENGTH, answer_length)) * min(1.0, max(0.0, recall)),
    }


def _letter_runs(text: str) -> set[str]:
    plain = " ".join(words(text))
    return {plain[start : start + 4] for start in range(len(plain) - 3)}


def _term_weight(text: str, weights: Mapping[str, float]) -> float:
    return sum(weights.get(stem, 0.0) for stem in sorted(set(stems(text))))


def _sentence_words(answer: str) -> float:
    counts = [count for sentence in sentences(answer) if (count := len(words(sentence.text)))]
    return sum(counts) / len(counts) if counts else 0.0


def _uppercase_share(answer: str) -> float:
    # Without words of up to five letters: HTTP, SQL and UUID are not shouting.
    letters = [letter for word in answer.split() if len(word) > 5 for letter in word if letter.isalpha()]
    return sum(letter.isupper() for letter in letters) / len(letters) if letters else 0.0
