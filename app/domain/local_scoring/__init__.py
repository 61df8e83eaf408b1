"""The local estimate of an essay: used where no language model is configured, or where it fails. Pure."""

from app.domain.local_scoring.estimate import MOST_CONFIDENCE, VERSION, estimate, texts_to_embed

__all__ = ["MOST_CONFIDENCE", "VERSION", "estimate", "texts_to_embed"]
