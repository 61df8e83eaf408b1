"""In which language somebody writes, by the commonest words of a few languages and by their scripts."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

# Words that nearly every text in the language has, and that are rare in the others.
_COMMON_WORDS = {
    "en": "the and is are was with that this have not from which they would there want to learn of my i it for",
    "de": "der die das und ist nicht ein eine mit auch ich wir sind wird auf für werden dem den zu von möchte oder",
    "fr": "le les des de est une et que qui dans pour pas avec sur je nous ce cette sont aux être du mais j'ai au",
    "es": "el los las una es y que con por para del de no se como más sobre pero son está al yo quiero porque muy",
    "it": "il gli una è che di con per non sono della nel anche come più ma questo alla dei vorrei perché e",
    "pt": "os as uma é que de com para não em por mais como mas são do da no na eu ao você também quero e",
    "nl": "de het een en is niet van dat met voor ik zijn op te wordt ook maar naar deze wij om er wil bij",
    "pl": "i w na nie się jest to z że do jak ale są przez dla czy być oraz jego po chcę co od",
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _COMMON_WORDS.items():
    for _word in _words.split():
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)
# Scripts that nearly all writers of one language use, by the beginning of the names of their letters.
_SCRIPTS = {
    "HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "CYRILLIC": "ru", "ARABIC": "ar", "GREEK": "el",
    "HEBREW": "he", "THAI": "th", "DEVANAGARI": "hi",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# A language needs so many of its words, and half as many again as the next language.
_MIN_WORDS, _LEAD = 4, 1.5
# Enough to tell the language; essays are much longer.
_CHARACTERS = 2_000


def language_of(texts: Iterable[str]) -> str | None:
    """The code of the language in which most of the texts is written; None if that is not clear."""
    start = " ".join(text[:_CHARACTERS] for text in texts).casefold()
    scripts = Counter(_script(character) for character in start if character.isalpha())
    if not scripts:
        return None
    script, _ = scripts.most_common(1)[0]
    if script == "CJK" and scripts["HIRAGANA"] + scripts["KATAKANA"] > scripts["CJK"] / 10:
        return "ja"
    if script != "LATIN":
        return _SCRIPTS.get(script)
    counts: Counter[str] = Counter()
    for word in _WORD.findall(start):
        for language in _LANGUAGES_OF.get(word.replace("’", "'"), ()):
            # A word of several languages says less.
            counts[language] += 6 // len(_LANGUAGES_OF[word.replace("’", "'")])
    (best, count), (_, next_count) = (*counts.most_common(2), ("", 0), ("", 0))[:2]
    return best if count >= 6 * _MIN_WORDS and count >= _LEAD * next_count else None


def same_language(first: str, second: str) -> bool:
    """Whether two tags such as `pt` and `pt-BR` name one language, in whatever region."""
    return first.partition("-")[0] == second.partition("-")[0]


def _script(character: str) -> str:
    return "LATIN" if character.isascii() else unicodedata.name(character, "").partition(" ")[0]
