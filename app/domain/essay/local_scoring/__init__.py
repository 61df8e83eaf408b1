"""The local estimate of an essay: used where no language model is configured, or where it fails. Pure."""

from app.domain.essay.local_scoring.estimate import VERSION, estimate, texts_to_embed
from app.domain.essay.local_scoring.regression import MOST_CONFIDENCE

__all__ = ["MOST_CONFIDENCE", "VERSION", "estimate", "texts_to_embed"]
