"""The concepts that a passage may contain: one bit each, so that the concepts of a passage are one number."""

from enum import Enum, IntFlag, auto


class Concept(IntFlag):
    """Each has a list of words and phrases in `english_acts` or `english_things` and, for the most important ones, in
    `tongues` and `unspaced`; the derived ones follow from the order of words."""

    OVERRIDE = auto()
    """Ignore, forget: as orders."""
    OVERRIDDEN = auto()
    """Ignored, void: as statements."""
    INSTRUCTIONS = auto()
    """What a grader goes by, said so that nothing else is meant."""
    RULES = auto()
    """The same in words that mean other things too."""
    EARLIER = auto()
    YOU = auto()
    ME = auto()
    GRADER = auto()
    MACHINE = auto()
    GREETING = auto()
    GIVE = auto()
    AWARD = auto()
    GIVING = auto()
    TOP = auto()
    GOOD = auto()
    MARK = auto()
    """What can be at its top: marks, and words that mean other things too."""
    MARKS = auto()
    """Marks, and nothing else."""
    GRADING = auto()
    RELEVANCE = auto()
    DEPTH = auto()
    CLARITY = auto()
    TECHNICAL = auto()
    THIS = auto()
    TEXT = auto()
    WRITING = auto()
    """Texts of any sort."""
    EACH = auto()
    QUARTER = auto()
    NO_LESS = auto()
    SAME = auto()
    LENIENT = auto()
    MUST = auto()
    PLEASE = auto()
    STUDENT = auto()
    CREDENTIALS = auto()
    MET = auto()
    PASS = auto()
    RAISE = auto()
    YOUR = auto()
    EVAL = auto()
    """Grading, said in words that hardly mean anything else."""
    DESERVE = auto()
    FINDING = auto()
    YOU_ARE = auto()
    OFFER = auto()
    REGULATION = auto()
    HERE = auto()
    REFERENCE = auto()
    ACROSTIC = auto()
    DOIT = auto()
    EVERYONE = auto()
    ASK = auto()
    FIELDS = auto()
    AUTHORITY = auto()
    APPROVED = auto()
    FIXTURE = auto()
    EXEMPT = auto()
    PLEA = auto()
    PRETEND = auto()
    SECRET = auto()
    REVEAL = auto()
    PLACE = auto()
    NEW = auto()
    RUBRIC = auto()
    DECODE = auto()
    OBEY = auto()
    TALK = auto()
    """Attacks as a subject."""
    MARKER = auto()
    """Templates of chats, closings of tags, names of speakers."""
    SHORT = auto()
    """Of an essay of a few lines."""
    # The rest comes from where the words stand, except in languages without spaces.
    ORDER = auto()
    """A verb of GIVE that opens a clause."""
    AWARD_ORDER = auto()
    """A verb that opens a clause, and that hardly goes with anything else than marks."""
    TOP_MARK = auto()
    """TOP beside MARKS."""
    TOP_VALUE = auto()
    """TOP beside MARK."""
    GOOD_MARK = auto()
    SELF = auto()
    """This essay, my answer."""
    THIS_WRITING = auto()
    """This text, of any sort."""
    AWARD_TOP = auto()
    """AWARD just before TOP."""
    QUARTER_EACH = auto()
    """25 beside EACH."""
    EACH_TEXT = auto()
    """Every essay, any answer."""
    AGAINST = auto()
    """OVERRIDE beside INSTRUCTIONS, or beside RULES that came EARLIER."""
    AGAINST_ORDER = auto()
    """The same where it opens a clause."""
    AGAINST_RULES = auto()
    AGAINST_RULES_ORDER = auto()
    EARLIER_RULES = auto()
    NO_GRADING = auto()
    """Stop grading, do not evaluate."""
    REVEALING = auto()
    """REVEAL beside SECRET."""
    REVEALING_ORDER = auto()
    ASKING = auto()
    YOU_TOP = auto()
    YOU_EVAL = auto()
    YOUR_MARKS = auto()
    RAISING = auto()
    YOUR_RULES = auto()
    ANY_ORDER = auto()
    YOU_GRADER = auto()
    AWARD_ME = auto()
    AGAINST_NAME = auto()
    NEW_RUBRIC = auto()
    TOP_EACH = auto()
    """TOP beside EACH."""
    REPEATED = auto()
    """25, 25, 25."""
    SPEAKER = auto()
    """A greeting or a notice to a grader or a machine."""


class Sort(Enum):
    """Groups of languages that are searched in the same way."""

    ENGLISH = auto()
    FOREIGN = auto()
    """With spaces between the words."""
    UNSPACED = auto()
