"""Reading the JSON of a language model's answer about recommendations."""

from typing import Any

from app.domain.errors import TransientError
from app.domain.essay.lenient_json import read_json_object


def read_list(raw: str, key: str, canary: str) -> list[Any]:
    """The list under the key of the answer's JSON object; its items are not checked.

    Raises:
        TransientError: the answer does not have the agreed form, or repeats the `canary`, so that the model followed
            something else than our instructions; another try may do better.
    """
    try:
        answer = read_json_object(raw)
    except (ValueError, RecursionError) as error:
        raise unusable("did not have the agreed form") from error
    # The thoughts before the answer may well repeat the instructions.
    if canary and canary in answer.text:
        raise unusable("repeated its instructions")
    items = answer.value.get(key)
    if not isinstance(items, list):
        raise unusable("did not have the agreed form")
    return items


def unusable(why: str) -> TransientError:
    """The error for an answer that is of no use."""
    return TransientError("model_answer_unusable", f"the model's answer {why}")
