"""Whether an answer is in a language that the local scorer knows: English."""

import unicodedata
from collections.abc import Mapping, Sequence

from app.domain.text import words


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALSO_ENGLISH = _set("no come on per is van of die en men at or to do so an was also by is can if as")

# The most frequent words of languages in Latin letters, without those that are also frequent in English.
_FREQUENT: Mapping[str, frozenset[str]] = {
    language: frozenset(word for word in frequent.split() if len(word) > 1) - _ALSO_ENGLISH
    for language, frequent in {
        "cs": "je se na že jsou aby jako ale při který která nebo protože pokud tak není může být jeho tím",
        "da": "og det er på ikke som til af med der kan har vi jeg den et hvis skal blive ville når eller",
        "de": "der die und das ist nicht ein eine einen mit auf für von zu den dem werden wird auch sich wenn ich wir "
        "dass aber oder durch bei kann zum zur sind nach über dann",
        "es": "el la los las de que y en un una es por con para se del al lo como más pero sus cuando porque este esta "
        "son puede entonces también",
        "fi": "ja on ei se että kun niin mutta joka ovat olisi tai jos voi sen kuin myös sitä tämä",
        "fr": "le la les des et est une un du dans que qui pour pas sur avec par au ce cette sont il elle je nous plus "
        "mais ou si peut aussi donc être",
        "hr": "je se na da su za od što kao koji koja ili ako nije može biti ali treba zato kada",
        "hu": "az és hogy nem egy is van ha meg csak mint vagy lehet kell ezt azt akkor mert majd",
        "id": "yang dan di ke dari untuk dengan ini itu tidak akan pada adalah atau dapat jika karena kita saya bisa",
        "it": "il lo la gli le di che e è un una per non con del della dei si sono come più ma anche se questo quando "
        "perché nel alla può essere",
        "nl": "de het een en van is niet dat die op te voor met zijn er aan ook als maar worden wordt bij door naar "
        "kan dan ik we deze moet",
        "no": "og det er på ikke som til av med kan har vi jeg den et hvis skal bli ville når eller fra",
        "pl": "i w na z do się że nie jest to jak ale dla przez oraz lub który która jeśli może są tego aby być",
        "pt": "o os as de que e em um uma é para com não se da do na no por mais como mas são quando pode também então "
        "porque ser eu",
        "ro": "și în de la cu pe că nu este un o sau pentru care mai din se sunt dacă poate prin dar fi",
        "sv": "och det är på inte som till av med kan har vi jag den ett om ska bli skulle när eller från att",
        "sw": "na ya wa kwa ni katika la za hii hiyo kama ili lakini au yake kuwa si pia",
        "tl": "ang ng sa na mga ay at ito para kung hindi ako siya may dahil ang upang",
        "tr": "ve bir bu için ile de da olarak daha çok gibi ama değil olan ise veya ne kadar sonra önce",
        "vi": "là và của có không được các trong cho một những với này khi để thì người như nhưng cũng",
    }.items()
}
_ENGLISH = _set(
    """
    the and of to is that it for with as are be this on by not from or which can have has if an they when will we was
    because so at but their there would should then more than each all its what how does do i you
    """
)

# Fewer words than these say too little about their language.
_MIN_WORDS = 5

# A text is in another language if this share of its words is frequent there, and that is this many times the English.
_FOREIGN_SHARE, _FOREIGN_RATIO = 0.12, 1.3

# So many letters in another script are more than the names and symbols in an English text.
_FOREIGN_LETTERS = 0.4


def is_supported(text: str) -> bool:
    """Whether the text may be English: it is not mostly in another script, nor are its words those of another language.

    Lists, formulas and texts of a few words are not told apart, and count as English.
    """
    letters = [letter for letter in unicodedata.normalize("NFKC", text) if letter.isalpha()]
    foreign = sum(not unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    if letters and foreign > _FOREIGN_LETTERS * len(letters):
        return False
    found = words(unicodedata.normalize("NFC", text))
    if len(found) < _MIN_WORDS:
        return True
    english = sum(word in _ENGLISH for word in found)
    return not any(_is_in(frequent, found, english) for frequent in _FREQUENT.values())


def _is_in(frequent: frozenset[str], found: Sequence[str], english: int) -> bool:
    hits = [word for word in found if word in frequent]
    # One word alone may be a name or a slip.
    return len(set(hits)) > 1 and len(hits) >= max(_FOREIGN_SHARE * len(found), _FOREIGN_RATIO * english)
