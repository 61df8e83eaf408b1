"""Made-up credentials, the same each time. `python -m benchmarks.credentials.made_up_credentials N` prints N of them as
JSON lines."""

import json
import sys
from collections.abc import Iterator
from random import Random
from typing import Any

_LEVELS = ("beginner", "intermediate", "advanced")
SKILLS = (
    "http", "api design", "sql", "caching", "concurrency", "testing", "security", "observability", "messaging",
    "containers", "ci/cd", "cloud", "statistics", "dashboards", "data cleaning", "spreadsheets", "python", "welding",
    "bookkeeping", "botany", "first aid", "carpentry", "navigation", "typography", "acoustics",
)  # fmt: skip
_SENTENCES = (
    "Starts from {0} and leads to {1}, with an exercise for each chapter.",
    "Holders can explain {0} to others and apply it beside {2}.",
    "The second half deals with mistakes in {1} that cost most in practice.",
    "It suits those who have met {2} at work and want to understand {0}.",
    "A project on {0} and {1} is judged by two examiners.",
)


def made_up_credentials(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """So many credentials with different titles, about fifty from each provider."""
    random = Random(seed)  # noqa: S311  # no secret
    for number in range(count):
        skills = random.sample(SKILLS, 3)
        yield {
            "title": f"{skills[0].capitalize()} and {skills[1]}, course {number}",
            "provider": f"School {random.randrange(1 + count // 50)}",
            "url": f"https://school.example/{number}",
            "level": random.choice(_LEVELS),
            "skills": skills,
            "description": " ".join(text.format(*skills) for text in random.sample(_SENTENCES, 4)),
        }


if __name__ == "__main__":
    for credential in made_up_credentials(int(sys.argv[1])):
        sys.stdout.write(json.dumps(credential) + "\n")
