"""What takes points away: off the topic, contradictions, words in no order, and lists of keywords."""

from collections.abc import Mapping

import numpy as np

from app.domain.essay.local_scoring import cues
from app.domain.essay.local_scoring.alignment import Numbers, Places, Tokens, mean
from app.domain.essay.local_scoring.comparing import View, whole
from app.domain.essay.local_scoring.wording import FUNCTION_WORDS, stems
from app.domain.text import sentences, words

DISCOUNTS: Mapping[str, float] = {"far": 0.9, "conflict": 0.6, "disorder": 0.9, "listing": 0.9}
"""The measures, 0–1, that take a part of the estimate away, with the most that each takes. Set by hand: people's
answers hardly ever contain what they are made for."""

# From this nearness on, a word of the answer speaks of the same as one of the reference answer.
_SAME = 0.55

# Less than this in common, in weighted words, is too little to contradict each other in.
_LEAST_NEWS = 0.5

# Lists are told from prose by their lack of function words; a short answer, and a formula, may do without. Only
# those of up to three letters count: longer ones get into lists made of any text's longer words.
_LIST_FROM, _LIST_TO = 12, 30
_PROSE_FROM, _PROSE_TO = 0.03, 0.14

# Whether the answer deals with the question at all. Of 234 essays on other questions of the same two trades 19 in
# 20 stay below 0.44; of 700 longer answers to the question itself that earned half or more, 19 in 20 have 0.53.
_TOPIC_FROM, _TOPIC_TO = 0.36, 0.50

# Only long texts need this: the more words, the likelier each idea finds some word that is near by chance.
_LONG_FROM, _LONG_TO = 40, 100

# Denials in less than this share of what both speak of are a matter of wording.
_AGAINST_FROM, _AGAINST_TO = 0.10, 0.25

# The same for opposites.
_TURNED_FROM, _TURNED_TO = 0.10, 0.35

# Above this share of small words out of place, nobody wrote the words in this order.
_ORDER_FROM, _ORDER_TO = 0.13, 0.27


def discounts(prompt: str, model_answer: str, answer: str, view: View) -> dict[str, float]:
    """Each of `DISCOUNTS`, 0–1, for an answer without what it copies from the prompt."""
    said = words(answer)
    return {
        "far": _far(view) * ramp(len(said), _LONG_FROM, _LONG_TO),
        "conflict": _conflict(prompt, model_answer, answer, view),
        "disorder": ramp(cues.disorder([words(one.text) for one in sentences(answer)]), _ORDER_FROM, _ORDER_TO),
        "listing": _listing(said),
    }


def ramp(value: float, start: float, end: float) -> float:
    """0 up to `start`, 1 from `end` on, straight between."""
    return min(1.0, max(0.0, (value - start) / (end - start)))


def _far(view: View) -> float:
    """How far off the topic the answer is, 0–1: as a whole, and thought by thought."""
    together = max(whole(view.given, view.asked), whole(view.given, view.reference))
    thoughts = view.vectors.max(axis=0, initial=0.0)
    single = float(thoughts.mean()) if len(thoughts) else 0.0
    return 1.0 - ramp((together + single) / 2, _TOPIC_FROM, _TOPIC_TO)


def _conflict(prompt: str, model_answer: str, answer: str, view: View) -> float:
    """How far the answer denies what the reference answer says, or says it by the opposite, 0–1."""
    if cues.opposed_start(model_answer, answer):
        return 1.0
    same = np.flatnonzero((view.found >= _SAME) & (view.reference.weight == 1.0))
    best = view.near[same].argmax(axis=1) if len(same) else same
    weights = view.news[same] / max(float(view.news[same].sum()), _LEAST_NEWS)
    against = float(weights @ (view.reference.denied[same] != view.given.denied[best])) if len(same) else 0.0
    # Paraphrases deny too, here and there; who contradicts denies more in all than the reference answer does.
    more = _denied_share(view.given) - _denied_share(view.reference)
    turned = float(weights @ _turned(view, same, best, set(stems(answer)), set(stems(prompt))))
    return max(
        ramp(min(against, more), _AGAINST_FROM, _AGAINST_TO),
        ramp(turned, _TURNED_FROM, _TURNED_TO),
    )


def _denied_share(tokens: Tokens) -> float:
    return mean(tokens.denied.astype(np.float32), tokens.weight)


def _turned(view: View, same: Places, best: Places, said: set[str], asked: set[str]) -> Numbers:
    """1 where the nearest word is an opposite, the answer lacks the word itself, and the question has not led to it."""
    pairs = zip(same.tolist(), best.tolist(), strict=True)
    met = ((view.reference.words[one], view.given.words[other]) for one, other in pairs)
    return np.array(
        [
            cues.opposite(one, other) and said.isdisjoint(stems(one)) and asked.isdisjoint(stems(other))
            for one, other in met
        ],
        np.float32,
    )


def _listing(answer: list[str]) -> float:
    said = [word for word in answer if len(word) > 1 and word.isalpha()]
    glue = sum(len(word) <= 3 and word in FUNCTION_WORDS for word in said) / max(1, len(said))
    return (1 - ramp(glue, _PROSE_FROM, _PROSE_TO)) * ramp(len(said), _LIST_FROM, _LIST_TO)
