"""Plain text out of texts that were written for web pages."""

import re
from html import unescape
from html.parser import HTMLParser

# One end of an element, or a line break, which has none: a text that only mentions an element keeps it.
_MARKUP = re.compile(
    r"</(?:p|div|span|ul|ol|li|b|i|u|em|strong|a|h[1-6]|table|tr|td|th|font|small|code|pre|script|style)\s*>|<br\s*/?>",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"&(?:[a-z][a-z0-9]*|#[0-9]+|#x[0-9a-f]+);", re.IGNORECASE)
# Elements that begin a line of their own.
_BLOCKS = frozenset(
    {"p", "div", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr", "br", "section", "blockquote"}
)
_WITHOUT_TEXT = frozenset({"script", "style"})


def without_markup(text: str) -> str:
    """The text as a browser shows it, if it has elements or character references of HTML; else the text as it is."""
    if not _MARKUP.search(text):
        return unescape(text).replace("\xa0", " ") if _REFERENCE.search(text) else text
    reader = _TextReader()
    reader.feed(text)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    return "\n".join(line for line in lines if line)


class _TextReader(HTMLParser):
    """Collects the text between elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.pieces.append("\n")
        self._hidden += tag in _WITHOUT_TEXT

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.pieces.append("\n")
        self._hidden = max(0, self._hidden - (tag in _WITHOUT_TEXT))

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            # A line break in the source is a space on the page.
            self.pieces.append(data.replace("\n", " "))
