"""Finds the passage by which an essay seems to influence its grader (prompt injection), without a language model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from app.domain.essay.encoded_text import decodings
from app.domain.essay.injection.characters import find_disguise
from app.domain.essay.injection.classifier import Passage, most_suspicious, split_passages, worth_a_vector
from app.domain.essay.score import InjectionCue, Suspicion
from app.domain.essay.visible_text import VisibleText

# Passages of one essay that get a vector: each takes some milliseconds.
_MAX_VECTORS = 8
# What may be an encoded text: a long word, or bytes with spaces between them.
_ENCODED = re.compile(r"(?<!\S)\S{16,}|(?<!\w)(?:(?:0x|\\x|%)?[0-9A-Fa-f]{2}[ ,:;-]?){12,}|(?<!\d)(?:[01]{7,8} ?){6,}")
# Such texts of one essay that are decoded, the length of each, and that of a quote.
_MAX_ENCODED, _MAX_ENCODED_LENGTH, _MAX_QUOTE = 50, 2_000, 600


@dataclass(frozen=True)
class ReadEssay:
    """An essay in passages. Vectors of `texts_to_embed` make `find_suspicion` more certain."""

    essay: VisibleText
    passages: tuple[Passage, ...]
    texts_to_embed: tuple[str, ...]

    def find_suspicion(self, vectors: Mapping[str, Sequence[float]]) -> Suspicion | None:
        """The passage that seems to address the grader, or hides text, and what shows it; None for most essays.
        `vectors` are by text; passages without one are judged by their words."""
        disguise = find_disguise(self.essay)
        if disguise:
            return self._suspicion(*disguise)
        passage = most_suspicious(self.passages, vectors)
        if passage:
            return self._visible_suspicion(InjectionCue.WORDING, passage.start, passage.end)
        for match in islice(_ENCODED.finditer(self.essay.text), _MAX_ENCODED):
            decoded = decodings(match.group()[:_MAX_ENCODED_LENGTH])
            if any(most_suspicious(split_passages(text), {}) for text in decoded):
                return self._visible_suspicion(InjectionCue.ENCODED, *match.span())
        return None

    def _visible_suspicion(self, cue: InjectionCue, start: int, end: int) -> Suspicion:
        return self._suspicion(cue, self.essay.places[start], self.essay.places[end - 1] + 1)

    def _suspicion(self, cue: InjectionCue, start: int, end: int) -> Suspicion:
        end = min(end, start + _MAX_QUOTE)
        # Half of a surrogate pair, which no stored essay has, can be shown to nobody.
        quote = self.essay.original[start:end].encode(errors="replace").decode()
        return Suspicion(cue=cue, quote=quote, start=start, end=end)


def read_essay(essay: VisibleText) -> ReadEssay:
    """The passages of an essay, and which of them to embed."""
    passages = split_passages(essay.text)
    texts = dict.fromkeys(passage.text for passage in worth_a_vector(passages, _MAX_VECTORS))
    return ReadEssay(essay, passages, tuple(texts))
