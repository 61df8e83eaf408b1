"""An author with a browser, and texts that pages must show as they are."""

import pytest

from tests.pages.conftest import NewPerson, Person

# Markup, a template, an override of the writing direction, a combining mark, an emoji, and no space to break at.
HOSTILE = "</textarea><script>alert(1)</script>{{ 7*7 }}\u202etxt\u202c a\u0301 👩‍🚀 \"'&" + "x" * 300


@pytest.fixture
async def author(person: NewPerson) -> Person:
    """Somebody who writes tracks and questions."""
    return await person("author-1", "author")
