"""A secret text is recognised in any spelling, and a rationale in the grader's own words gives nothing away."""

import base64
import codecs
import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import sample_data
from app.domain.essay.model_answer import read_answer
from app.domain.essay.score import DimensionName
from app.domain.essay.secret_text import SecretTexts
from app.domain.essay.visible_text import visible_text
from tests.bank import SECRET_MODEL_ANSWER, essay
from tests.domain.builders import awkward_texts, quick

SAMPLES: dict[str, dict[str, Any]] = {
    question["model_answer"]: question for _, question in sample_data.questions() if question["type"] == "essay"
}
# A short one, one of about the length in the report of the attack, and the beginning of each sample.
SECRETS = (
    SECRET_MODEL_ANSWER,
    "A queue decouples services: the producer returns at once, the consumer retries with backoff, and a dead letter "
    "keeps poison messages until an operator has looked at every failure and released them again.",
    *(text[:400] for text in SAMPLES),
)
CHINESE = "水在木质部中上升，因为叶片的蒸发从上方拉动整个水柱，使它不断向上移动。"
WORDS_OF_A_PIECE = 3


def between(text: str, separator: str) -> str:
    return " ".join(separator.join(word) for word in text.split())


def in_pieces(text: str) -> str:
    """A few words at a time, with other words between them."""
    words = text.split()
    pieces = [words[start : start + WORDS_OF_A_PIECE] for start in range(0, len(words), WORDS_OF_A_PIECE)]
    fillers = ("first note", "then remember that", "and furthermore", "do not forget", "finally mention")
    return " ".join(f"{fillers[n % len(fillers)]} {' '.join(piece)}" for n, piece in enumerate(pieces))


def shuffled(text: str) -> str:
    words = text.split()
    random.Random(1).shuffle(words)  # noqa: S311 - no secret
    return "You should have used: " + ", ".join(words)


def styled(text: str) -> str:
    """In mathematical bold letters."""
    return "".join(chr(0x1D41A + ord(c) - 97) if c.isascii() and c.islower() else c for c in text.lower())


SPELLINGS: dict[str, Callable[[str], str]] = {
    "word for word": str,
    "in capitals": str.upper,
    "after an introduction": lambda text: f"The reference answer says: {text}",
    "hyphens": lambda text: between(text, "-"),
    "spaced out": lambda text: between(text, " "),
    "dots and underscores": lambda text: between(text, "._"),
    "zero-width characters": lambda text: between(text, "\u200b"),
    "soft hyphens and joiners": lambda text: between(text, "\u00ad\u2060"),
    "without spaces": lambda text: "".join(text.split()),
    "backwards": lambda text: text[::-1],
    "each word backwards": lambda text: " ".join(word[::-1] for word in text.split()),
    "words in another order": shuffled,
    "short pieces": in_pieces,
    "base64": lambda text: "See " + base64.b64encode(text.encode()).decode(),
    "base64 in groups": lambda text: between(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="), "")[:9999],
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal with separators": lambda text: text.encode().hex(":"),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "Caesar's cipher": lambda text: "".join(
        chr((ord(c) - 97 + 3) % 26 + 97) if c.isascii() and c.islower() else c for c in text.lower()
    ),
    "digits for letters": lambda text: text.lower().translate(str.maketrans("oleastb", "0134578")),
    "other digits for letters": lambda text: text.lower().translate(str.maketrans("oieas", "0134$")),
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "bold": styled,
    "look-alikes": lambda text: text.translate(str.maketrans("aeopcyx", "аеорсух")),
    "accents": lambda text: "".join(f"{c}\u0308" if c.isalpha() else c for c in text),
    "percent-encoded": lambda text: quote(text) if " " in text else text,
    "HTML entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "decimal codes": lambda text: " ".join(str(ord(c)) for c in text),
    "binary": lambda text: " ".join(f"{ord(c):08b}" for c in text if ord(c) < 256),
    "base64 of it backwards": lambda text: base64.b64encode(text[::-1].encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_the_secret_away(spelling: str) -> None:
    missed = [secret for secret in SECRETS if not SecretTexts([secret], []).are_in(SPELLINGS[spelling](secret))]
    assert missed == []


# What a grader says about essays on the sample questions, of which the student wrote nothing.
HONEST = {
    "unchanged median": (
        "You list several tools, but you do not use the clue that only the slow tail has changed.",
        "You name a missing index and N+1 queries as causes, but say nothing about locks or the connection pool, and "
        "you do not explain how you would confirm which of them it is.",
        "Your steps follow each other well; a sentence on how you would verify the fix with percentiles is missing.",
        "Adding a cache first hides the cause. EXPLAIN ANALYZE is the right tool, and paging would keep the cost down.",
    ),
    "random identifier": (
        "You describe a concrete endpoint with an Idempotency-Key header, and what the app sends.",
        "The race between two requests at the same moment is not handled: check-then-insert leaves a gap. A unique "
        "constraint in the database would close it. You also leave out a crash after the provider was called.",
        "Status codes such as 409 and 422 are used where they help, and each case has an outcome.",
        "A lock in memory does not protect you once there is a second server process; store the response as well.",
    ),
    "must the customer know": (
        "You decide for each of the three services and give reasons for stock and e-mail.",
        "The costs are only touched: duplicates are mentioned, but eventual consistency, ordering of events and a "
        "dead-letter queue for failing messages are not.",
        "The decision comes first, which helps; the paragraph on retries is hard to follow.",
        "You assume exactly-once delivery. Brokers deliver at least once, so handlers have to be idempotent, and "
        "publishing needs something like an outbox table.",
    ),
    "as stolen": (
        "You cover the first hour, but the following days are missing.",
        "Revoking the key before cleaning up the repository is the right order; think of accounts that an intruder "
        "may have created in the meantime, and of the audit log.",
        "It reads like a checklist that a colleague could work through under pressure.",
        "Rewriting the history does not help, since bots copy public repositories. Short-lived credentials and a "
        "secret scanner are good prevention.",
    ),
    "Hypothesis": (
        "You plan this checkout test and name what is measured, but no rule for the decision.",
        "The sample size should be computed from the present rate, the improvement that matters and the power; 'two "
        "weeks' is a guess. Guardrail metrics such as returns are missing.",
        "An engineer could build it from your text; say who is in which variant.",
        "Stopping at the first significant result inflates false positives. Assign users instead of visits.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("beginning", HONEST)
def test_what_a_grader_says_in_own_words_gives_nothing_away(beginning: str) -> None:
    (question,) = (question for text, question in SAMPLES.items() if beginning in text)
    secrets = SecretTexts([question["model_answer"], *question["rubric"].values()], [question["prompt"], "Dunno."])
    rationales = HONEST[beginning]
    assert [text for text in (*rationales, " ".join(rationales)) if secrets.are_in(text)] == []


def test_what_the_question_says_or_the_student_wrote_is_no_secret() -> None:
    for secret in SECRETS:
        for rationale in (secret, in_pieces(secret), secret[::-1]):
            assert not SecretTexts([secret], [f"I think: {secret.upper()}"]).are_in(rationale)
            assert not SecretTexts([secret], ["Why?", secret]).are_in(rationale)


def test_half_of_it_in_the_students_words_leaves_the_other_half_secret() -> None:
    secret = SECRETS[1]
    half = len(secret) // 2
    secrets = SecretTexts([secret], [secret[:half]])
    assert not secrets.are_in(f"You rightly say: {secret[:half]}")
    assert secrets.are_in(f"You do not say: {secret[half:]}")


@pytest.mark.parametrize(
    ("secret", "text", "given_away"),
    [
        ("Cohesion.", "Name cohesion.", True),
        ("Cohesion.", "Name co-hesion.", False),  # so short a secret is found as a word only
        ("Cat.", "You indicate the cause.", False),
        ("…", "Anything.", False),
        ("", "Anything.", False),
        ("Evaporation from leaves.", "It is EVAPORATION-from-LEAVES, you know.", True),
        ("Evaporation from leaves.", "It is evaporation, not leaves.", False),
        (CHINESE, CHINESE.rstrip("。"), True), (CHINESE, CHINESE[:12], False),
    ],
)  # fmt: skip
def test_short_and_other_secrets(secret: str, text: str, given_away: bool) -> None:
    assert SecretTexts([secret], []).are_in(text) is given_away


@quick
@given(awkward_texts, awkward_texts, awkward_texts)
def test_any_texts_can_be_compared(secret: str, known: str, text: str) -> None:
    SecretTexts([secret], [known]).are_in(text)


@pytest.mark.parametrize(
    "text", ["&#" * 1000, "%" * 2000, "\\u" * 1000, "f" * 2000, "12 " * 700, "QUJD" * 500, "0x" * 1000, "1" * 2000]
)
def test_hostile_texts_are_compared_quickly(text: str) -> None:
    """Patterns that go back and forth would take minutes; the time limit of the tests ends them."""
    secrets = SecretTexts(SECRETS, ["Why?"])
    for _ in range(3):
        assert not secrets.are_in(text)


def test_separators_of_any_kind_make_no_difference() -> None:
    @quick
    @given(st.text(alphabet=" -_.,;:!?*~\u200b\u200d\u2060\u00ad\ufeff\n\t'\"", min_size=1, max_size=3))
    def check(separator: str) -> None:
        assert SecretTexts([SECRET_MODEL_ANSWER], []).are_in(between(SECRET_MODEL_ANSWER, separator))

    check()


def withheld(rationales: list[str], model_answer: str) -> list[bool]:
    """Whether the rationale of each dimension in a model's answer is withheld from the student."""
    question = essay().model_copy(update={"model_answer": model_answer})
    answer = {
        name: {"findings": [], "quotes": [], "rationale": rationale, "score": 1}
        for name, rationale in zip(DimensionName, rationales, strict=True)
    }
    score = read_answer(json.dumps(answer), question, visible_text("I do not know."), "gpt-test")
    shown = [getattr(score.dimensions, name).rationale for name in DimensionName]
    assert ("rationale_withheld" in score.flags) is (shown != rationales)
    return [text.startswith("The explanation is withheld") for text in shown]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_only_the_rationale_that_gives_it_away_is_withheld(spelling: str) -> None:
    fair = ["You do not name the vessels.", "Say more.", "Well written."]
    assert withheld([*fair, SPELLINGS[spelling](SECRET_MODEL_ANSWER)], SECRET_MODEL_ANSWER) == [False] * 3 + [True]


def test_rationales_that_give_it_away_together_are_all_withheld() -> None:
    words = SECRET_MODEL_ANSWER.split()
    parts = [" ".join(words[place : place + 4]) for place in range(0, len(words), 4)]
    assert len(parts) == 4
    for part in parts:
        assert withheld([part, "Say more.", "Well written.", "So."], SECRET_MODEL_ANSWER) == [False] * 4
    assert withheld(parts, SECRET_MODEL_ANSWER) == [True] * 4
    assert withheld([*parts[:3], SECRET_MODEL_ANSWER], SECRET_MODEL_ANSWER) == [True] * 4


def test_a_rationale_is_shown_up_to_a_length() -> None:
    """What is not compared is not shown."""
    fields: dict[str, Any] = {"findings": [], "quotes": [], "score": 1, "rationale": "Say more. " * 300}
    answer = json.dumps(
        {name: fields | {"rationale": fields["rationale"] + SECRET_MODEL_ANSWER} for name in DimensionName}
    )
    score = read_answer(answer, essay(), visible_text("I do not know."), "gpt-test")
    assert score.dimensions.depth.rationale == fields["rationale"][:2000]
