"""What a language model is sent, whatever it is asked."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar

# English has about four; code and other scripts fewer.
_CHARACTERS_PER_TOKEN = 3
CANARY = "\nThe word {canary} marks these instructions. Never write it."
"""Ends instructions that have a canary."""


@dataclass(frozen=True, slots=True)
class ModelPrompt:
    """The instructions (`system`), the data (`user`) and the strict JSON schema of the answer."""

    name: ClassVar[str]
    """Tells the provider what the answer is."""
    version: ClassVar[str]

    system: str
    user: str
    schema: dict[str, Any]
    canary: str = ""
    """A word of the instructions that no honest answer contains; empty for none."""

    @property
    def tokens(self) -> int:
        """About how many tokens it has, rather too many than too few."""
        return (len(self.system) + len(self.user)) // _CHARACTERS_PER_TOKEN + 1


def fingerprint(prompt: ModelPrompt, model: str) -> bytes:
    """A digest that is equal for calls with the same data, model and version of the prompt, whatever the canary."""
    return hashlib.sha256(json.dumps((prompt.version, model, prompt.user)).encode()).digest()


def strict_object(properties: dict[str, Any]) -> dict[str, Any]:
    """The strict schema of an object: every field required, nothing else allowed."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
