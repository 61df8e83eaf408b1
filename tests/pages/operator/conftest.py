"""An operator who has signed in, and everybody else."""

import re
from html import unescape

import pytest

from tests.pages.conftest import NewPerson, Person, Shown


def values_of(page: Shown, name: str) -> list[str]:
    """The values of the page's inputs with this name."""
    return [unescape(value) for value in re.findall(rf'name="{name}" value="([^"]*)"', page.html)]


@pytest.fixture
async def operator(person: NewPerson) -> Person:
    """An admin."""
    return await person("admin-1", "admin")


@pytest.fixture
async def others(person: NewPerson) -> list[Person]:
    """A person of each role that does not see the operators' pages."""
    return [await person(f"{role}-9", role) for role in ("student", "advisor", "author")]
