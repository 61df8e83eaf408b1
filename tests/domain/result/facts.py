"""One fact of each kind, as the plain sentences have it."""

from app.domain.result.summary import Fact, FactKind

FACTS = {
    "total": Fact(FactKind.TOTAL, "You earned 2.71 of 4.2 points (64.5 %).", ("score:1", "score:2")),
    "theory": Fact(FactKind.PART, "Your theory answers earned 2 of 3.2 points (62.5 %).", ("score:1",)),
    "profile": Fact(FactKind.PART, "Your profile answers earned 3 of 3 points (100 %).", ("score:3",)),
    "essay": Fact(FactKind.PART, "Your essay answers earned 0.71 of 1 points (71 %).", ("score:2",)),
    "large": Fact(FactKind.TOTAL, "You earned 1000 of 1000000 points (0.1 %).", ("score:1",)),
    "unanswered": Fact(FactKind.UNANSWERED, "2 questions had no answer and earned no points.", ("score:4", "score:5")),
    "unscored": Fact(
        FactKind.UNSCORED, "1 essay could not be scored: neither for nor against you.", ("score:6",)
    ),
    "people": Fact(
        FactKind.SCORED_BY_PEOPLE, "1 question was scored by a person, whose score counts.", ("score:1",)
    ),
    "strengths": Fact(
        FactKind.STRENGTHS,
        "You showed most of soil science (90 %), soil (85 %).",
        ("score:1", "score:2"),
        ("soil science", "soil"),
    ),
    "gaps": Fact(
        FactKind.GAPS,
        "There is most to gain in C++ (0 %), ISO 27001 (2022) (10 %).",
        ("score:1",),
        ("C++", "ISO 27001 (2022)"),
    ),
    "advice": Fact(
        FactKind.ADVICE,
        "A good next step is “Soil Science Basics” by Garden School.",
        ("passage:1",),
        ("Soil Science Basics", "Garden School"),
    ),
}  # fmt: skip
