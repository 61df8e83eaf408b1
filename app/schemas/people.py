"""Erasures of people in the API."""

from app.domain.records.erasures import ErasureRecord


class ErasureView(ErasureRecord):
    """An erasure; once it is completed, the receipt: how many rows were deleted or made anonymous in each table, and
    what was sent to models, when and to whom. It does not say who was erased."""


def erasure_view(record: ErasureRecord) -> ErasureView:
    """An erasure in the API."""
    return ErasureView(**dict(record))
