"""What students read about estimated essays shows the reference answer in coarse steps; staff read exact figures."""

from typing import Any

from tests.api import Api
from tests.bank import Bank
from tests.job_runner import Finish

TRACK = "probing"
TERMS = ("brokers", "idempotent", "timeouts", "replicas")
OTHERS = ("gardens", "melodious", "tomatoes", "pianists")
QUESTION: dict[str, Any] = {
    "track": TRACK, "type": "essay", "prompt": "How do services stay independent of each other's failures?",
    "model_answer": "Brokers persist messages durably, consumers are idempotent, calls have timeouts and backoff with "
    "jitter, breakers and bulkheads prevent overload, and replicas survive partitions.",
    "rubric": dict.fromkeys(("relevance", "depth", "clarity", "technical"), "All."),
}  # fmt: skip
ESSAY = (
    "I would let the parts of a system work on their own as far as that is possible, so that one of them can stop "
    "while the others go on. Each of them keeps what it needs, and asks again later if another one does not answer. "
    "A service that is too busy says so at once, and the others wait longer each time before they try again. It is "
    "about the {word} that we have here. Messages wait on a disk until they were handled, and errors of one service "
    "are not passed on to the next."
)


async def probe(api: Api, finish: Finish, word: str) -> tuple[dict[str, Any], dict[str, float]]:
    """The essay's line as its student reads it, and the exact figures in the trace."""
    started = await api.post("/assessments", {"track": TRACK})
    (question,) = started.body["questions"]
    answer = {"question_id": question["question_id"], "answer": ESSAY.format(word=word)}
    path = started.headers["Location"]
    assert (await api.post(f"{path}/submit", {"responses": [answer]})).status == 202
    await finish()
    (line,) = (await api.get(f"{path}/result")).body["breakdown"]["essay"]["questions"]
    (traced,) = (await api.as_("advisor").get(f"{path}/trace")).body["questions"]
    assert traced["essay_score"]["dimensions"] == line["dimensions"]
    return line, traced["figures"]


async def test_a_word_of_the_reference_answer_changes_nothing_that_a_student_reads(
    api: Api, bank: Bank, finish: Finish
) -> None:
    author = api.as_("author")
    await author.post("/tracks", {"slug": TRACK, "name": "Probing", "question_mix": {"essay": 1}})
    assert (await author.post("/questions", QUESTION)).status == 201
    seen, figures = set(), {}
    for word in (*TERMS, *OTHERS):
        line, exact = await probe(api, finish, word)
        assert line["scorer"] == "local"
        relevance, depth, technical = (
            line["dimensions"][name]["rationale"] for name in ("relevance", "depth", "technical")
        )
        # How near the answer is to the question is no secret.
        seen.add((relevance.partition("the question and")[2], depth, technical))
        assert "figures" not in line
        assert all(dimension["score"] % 5 == 0 for dimension in line["dimensions"].values())
        assert round(10 * line["confidence"], 6) % 1 == 0
        figures[word] = exact
    assert len(seen) == 1
    lowest = max(figures[word]["term_share"] for word in OTHERS)
    assert all(figures[word]["term_share"] > lowest for word in TERMS)
    assert set(figures["brokers"]) == {
        "estimate", "expected_error", "expected_binary_error", "confidence", "reference_similarity", "ideas",
        "ideas_met", "term_share",
    }  # fmt: skip
