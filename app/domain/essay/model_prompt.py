"""What a language model is asked, whatever it is asked about."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar

# English has about four; code and other scripts fewer.
_CHARACTERS_IN_A_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent: instructions, data, and the strict JSON schema of the answer. `name` tells the provider what the
    answer is, `version` changes with the words, the schema and how the answer is checked."""

    name: ClassVar[str]
    version: ClassVar[str]

    system: str
    user: str
    schema: dict[str, Any]

    @property
    def tokens(self) -> int:
        """About how many tokens it has, rather too many than too few."""
        return (len(self.system) + len(self.user)) // _CHARACTERS_IN_A_TOKEN + 1


def fingerprint(prompt: Prompt, model: str) -> bytes:
    """Equal for calls that ask the same: data, model and version of the prompt."""
    return hashlib.sha256(json.dumps((prompt.version, model, prompt.user)).encode()).digest()


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """The strict schema of an object: every field required, nothing else allowed."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
