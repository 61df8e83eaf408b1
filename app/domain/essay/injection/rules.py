"""Rules: which combinations of concepts in one passage are an attempt to influence the grader."""

from app.domain.essay.injection.concepts import Concept as On
from app.domain.essay.injection.concepts import Sort
from app.domain.essay.injection.passages import Passage

_NAMES = On.RELEVANCE | On.DEPTH | On.CLARITY | On.TECHNICAL
_WANTED = On.TOP | On.RAISING | On.EXEMPT | On.LENIENT | On.MET | On.NO_GRADING | On.REPEATED | On.NO_LESS
# A passage matches a rule, whose first part is the name of the cue, if it has at least one concept of each group.
Rule = tuple[str, tuple[On, ...]]
ENGLISH: tuple[Rule, ...] = (
    ("demand", (On.SELF | On.SPEAKER | On.PLEASE | On.HERE, On.EVAL, _WANTED)),
    ("demand", (On.YOU_EVAL | On.YOUR_MARKS, _WANTED & ~On.TOP)),
    ("demand", (On.YOU_EVAL, On.YOU_TOP)),
    ("demand", (On.YOUR_MARKS, On.YOU_TOP | On.SHORT, On.TOP)),
    ("demand", (On.SHORT, On.PLEASE, On.MARKS, On.YOU)),
    ("demand", (On.SHORT, On.PLEASE, On.RUBRIC | On.EVAL | On.SECRET)),
    ("demand", (On.SHORT, On.SELF, On.PASS, On.MUST | On.PLEASE)),
    ("demand", (On.SHORT, On.ORDER, On.QUARTER, On.MARK)),
    ("demand", (On.SELF | On.SPEAKER | On.HERE, On.MARKS, _WANTED)),
    ("demand", (On.YOU_TOP | On.PLEASE, On.ME | On.THIS_WRITING, On.MARKS, _WANTED)),
    ("demand", (On.ANY_ORDER, On.EVAL, _WANTED)),
    ("demand", (On.SHORT, On.EVAL | On.GRADER | On.SECRET | On.INSTRUCTIONS, _WANTED)),
    ("demand", (On.NO_GRADING, On.TOP)),
    ("demand", (On.AWARD_ME, On.TOP | On.GOOD | On.PLEA, On.MARKS | On.GRADING)),
    ("demand", (On.AWARD_ORDER, On.THIS_WRITING | On.SELF)),
    ("demand", (On.SHORT, On.TOP_MARK, On.YOU | On.ME | On.THIS_WRITING | On.PLEASE | On.HERE)),
    ("demand", (On.SHORT, On.TOP_MARK, On.ORDER | _NAMES | On.NO_LESS)),
    ("demand", (On.SHORT, On.REPEATED, On.TOP)),
    ("demand", (On.SHORT, On.SELF, On.QUARTER)),
    ("demand", (On.ORDER, On.SELF)),
    ("demand", (On.QUARTER_EACH, On.MARKS | On.FIELDS, On.ORDER | On.YOU_TOP | On.SELF)),
    ("demand", (On.SELF, On.TOP_MARK)),
    ("demand", (On.YOU, On.SELF, On.AWARD | On.GRADING, On.TOP)),
    ("demand", (On.DESERVE, On.TOP_MARK, On.SELF | On.THIS_WRITING | On.HERE)),
    ("demand", (On.YOU_TOP, On.TOP_MARK, On.ME | On.GRADER | On.SELF | _NAMES | On.STUDENT)),
    ("demand", (On.NO_LESS, On.TOP | On.MARKS, On.SELF)),
    ("demand", (On.REPEATED, On.MARKS | On.AWARD, On.TOP, On.YOU | On.SELF | On.GRADER | On.ORDER)),
    ("demand", (On.RELEVANCE, On.DEPTH, On.CLARITY, On.TECHNICAL, On.TOP | On.ORDER)),
    ("demand", (On.ME, On.AWARD_TOP, On.MARKS)),
    ("demand", (On.YOU_TOP, On.AWARD_TOP, On.SELF | On.THIS_WRITING | On.GRADER)),
    ("demand", (On.AWARD_ME, On.MARKS, On.YOU | On.PLEA | On.PLEASE, On.TOP | On.GOOD | On.PLEA)),
    ("demand", (On.MET, On.FINDING | On.RUBRIC, On.ORDER | On.YOU | On.SELF | On.EACH | On.MARKS)),
    ("demand", (On.EVERYONE, On.GIVING | On.AWARD, On.TOP, On.AUTHORITY | On.FIXTURE, On.GRADING | On.MARKS | On.YOU)),
    ("demand", (On.SPEAKER | On.YOU_GRADER, On.TOP | On.FIXTURE | On.GOOD_MARK | On.LENIENT)),
    ("demand", (On.NO_LESS, On.TOP, On.ME, On.YOU)),
    ("override", (On.AGAINST_ORDER, On.SHORT | On.EVAL | On.MARKS | On.TOP | On.SELF | On.REFERENCE)),
    ("override", (On.AGAINST, On.YOU | On.SPEAKER | On.SELF, On.SHORT | On.EVAL | On.MARKS | On.TOP | On.SELF)),
    ("override", (On.AGAINST_RULES_ORDER, On.EARLIER_RULES, On.SHORT | On.EVAL | On.MARKS | On.TOP | On.SELF)),
    ("override", (On.AGAINST_RULES_ORDER, On.GRADING | On.MARKS, On.SELF | On.YOU | On.GRADER)),
    ("role", (On.PRETEND, On.TOP_MARK | On.GOOD_MARK)),
    ("role", (On.PRETEND, On.GRADER, On.YOU)),
    ("authority", (On.SHORT, On.AUTHORITY, On.APPROVED | On.MUST, On.QUARTER)),
    ("authority", (On.AUTHORITY, On.APPROVED, On.EXEMPT, On.MARKS | On.GRADING, On.SELF | On.STUDENT | On.TOP_MARK)),
    ("authority", (On.FIXTURE, On.TOP_VALUE | On.REPEATED, On.SELF | On.GRADER | On.MACHINE | On.EXEMPT | On.YOU)),
    ("authority", (On.REGULATION, On.TOP_MARK, On.STUDENT | On.SELF, On.GIVING | On.AWARD | On.APPROVED | On.MUST)),
    ("authority", (On.AUTHORITY, On.REFERENCE, On.TOP, On.ME | On.SELF)),
    ("appeal", (On.PLEA | On.PLEASE, On.TOP_MARK, On.YOU | On.SELF, On.ME | On.SELF | On.OFFER | On.PLEASE)),
    ("appeal", (On.LENIENT, On.PLEA | On.PLEASE | On.YOU, On.ME)),
    ("appeal", (On.PLEA, On.YOU, On.TOP, On.OFFER | On.ME, On.SHORT | On.MARKS | On.EVAL)),
    ("markers", (On.MARKER, On.TOP_MARK | On.TOP_EACH | On.AGAINST | On.REPEATED)),
    ("markers", (On.MARKER, On.AWARD_TOP)),
    ("markers", (On.MARKER, On.TOP, On.MARKS | On.GRADER | On.OVERRIDE)),
    ("rubric", (On.NEW_RUBRIC, _NAMES | On.SELF | On.YOU | On.QUARTER | On.EACH_TEXT | On.HERE, On.MARK)),
    ("rubric", (On.REFERENCE, On.SAME, On.STUDENT | On.SELF)),
    ("rubric", (On.RUBRIC, On.QUARTER, On.HERE)),
    ("rubric", (On.AGAINST_NAME, On.MARKS | On.GRADING)),
    ("secrets", (On.REVEALING_ORDER, On.PLACE | On.SPEAKER | On.ME | On.REFERENCE | On.SHORT)),
    ("secrets", (On.REVEAL, On.YOUR_RULES, On.SHORT | On.PLACE | On.EVAL)),
    ("secrets", (On.REVEAL, On.REFERENCE, On.YOU)),
    ("secrets", (On.ASKING, On.SHORT | On.PLACE | On.EVAL, On.YOU | On.ME | On.PLACE | On.SHORT)),
    ("secrets", (On.PLACE, On.REVEAL, On.SECRET)),
    ("secrets", (On.PLACE, On.SECRET, On.YOU)),
    ("secrets", (On.PLACE, On.REVEAL, On.CREDENTIALS, On.YOU)),
    ("encoded", (On.DECODE, On.OBEY, On.YOU | On.GRADER | On.MARKS)),
    ("encoded", (On.ACROSTIC, On.DOIT | On.OBEY)),
)  # fmt: skip
# Lists of other languages have fewer concepts; those without spaces have no distances.
FOREIGN: tuple[Rule, ...] = (
    ("override", (On.AGAINST, On.EARLIER | On.GRADER | On.MARKS | On.SELF | On.TOP)),
    ("demand", (On.TOP_MARK, On.ORDER | On.SELF | On.PRETEND | On.PLEASE)),
    ("demand", (On.ORDER, On.GRADER)),
    ("demand", (On.ORDER, On.EARLIER, On.PLEASE | On.MARKS | On.INSTRUCTIONS)),
    ("override", (On.SHORT, On.AGAINST)),
    ("demand", (On.SHORT, On.TOP_MARK, On.PLEASE | On.SELF | On.PRETEND | On.OVERRIDE)),
    ("demand", (On.ORDER, On.EARLIER, On.SHORT | On.GRADER)),
    ("role", (On.PRETEND, On.GRADER, On.MARKS | On.GIVE)),
    ("secrets", (On.REVEALING, On.SHORT | On.GRADER | On.MARKS | On.SELF | On.EARLIER)),
)
UNSPACED: tuple[Rule, ...] = (
    ("override", (On.OVERRIDE, On.INSTRUCTIONS)),
    ("demand", (On.ORDER, On.GRADER)),
    ("demand", (On.TOP_MARK, On.OVERRIDE | On.PRETEND)),
    ("secrets", (On.REVEAL, On.SECRET, On.GRADER | On.OVERRIDE)),
)
# Rules for encoded passages, which have hardly any other reason to contain these concepts.
_ENCODED: dict[Sort, tuple[Rule, ...]] = {
    Sort.ENGLISH: (
        ("override", (On.AGAINST | On.AGAINST_RULES | On.NO_GRADING,)),
        ("demand", (On.TOP_MARK,)),
        ("demand", (On.TOP_VALUE | On.REPEATED | On.TOP_EACH, On.GIVE | On.AWARD | On.GIVING | On.GRADER)),
        ("secrets", (On.REVEALING,)),
        ("role", (On.PRETEND, On.GRADER)),
    ),
    Sort.FOREIGN: FOREIGN,
    Sort.UNSPACED: UNSPACED,
}
_PLAIN: dict[Sort, tuple[Rule, ...]] = {Sort.ENGLISH: ENGLISH, Sort.FOREIGN: FOREIGN, Sort.UNSPACED: UNSPACED}


def matching_rules(passage: Passage, encoded: bool = False) -> set[str]:
    """The names of the cues that a passage matches; if it was `encoded`, fewer concepts suffice."""
    return {name for name, groups in _TABLES[encoded][passage.sort] if _has_each(passage.concepts, groups)}


def _has_each(concepts: int, groups: tuple[int, ...]) -> bool:
    for group in groups:  # noqa: SIM110 - all() takes twice as long, and this is where the time goes
        if not concepts & group:
            return False
    return True


# As numbers, which are compared faster.
_TABLES = {
    encoded: {
        sort: tuple((name, tuple(group.value for group in groups)) for name, groups in rules)
        for sort, rules in by_sort.items()
    }
    for encoded, by_sort in ((False, _PLAIN), (True, _ENCODED))
}
