"""The grade book in the API."""

from app.domain.principal import issuer_of
from app.domain.records.gradebook import GradebookRow
from app.domain.values import Frozen


class Gradebook(Frozen):
    """A row for each assessment, the oldest first. All of them are on this one page."""

    items: tuple[GradebookRow, ...]
    next_cursor: None


def gradebook_view(row: GradebookRow) -> GradebookRow:
    """A row as staff see it; `owner_issuer` tells people with the same `sub` apart, and is null where tokens are signed
    with a secret."""
    return row.model_copy(update={"owner_issuer": issuer_of(row.owner)})
