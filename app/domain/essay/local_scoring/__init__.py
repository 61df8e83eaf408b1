"""The local scorer: estimates an essay's score from embeddings, where no language model is set up or it fails."""

from app.domain.essay.local_scoring.estimate import VERSION, estimate, texts_to_embed
from app.domain.essay.local_scoring.regression import MAX_CONFIDENCE

__all__ = ["MAX_CONFIDENCE", "VERSION", "estimate", "texts_to_embed"]
