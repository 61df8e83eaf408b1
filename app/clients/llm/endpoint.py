"""What differs between endpoints that speak the OpenAI API: options that an operator sets, and parameters that not
every endpoint accepts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import structlog

log = structlog.get_logger()

OPENAI_URL = "https://api.openai.com/v1"
# The form of a parameter that is not sent.
OMITTED = "omitted"
# After so many calls in a row that were accepted only without parameters, because of refusals that gave no reason, none
# are sent any more. One refusal may have been about the essay.
_UNEXPLAINED_CALLS = 3


@dataclass(frozen=True)
class EndpointOptions:
    """How an endpoint is used. `max_tokens` 0 sends no limit; `dimensions` None leaves them to the model's name, and 0
    sends none."""

    structured_output: Literal["auto", "schema", "object", "none"] = "auto"
    # Room for a model that thinks before it answers; the answer itself has a few hundred.
    max_tokens: int = 8_000
    effort: str | None = None
    extra_query: Mapping[str, str] = field(default_factory=dict)
    dimensions: int | None = None


@dataclass(frozen=True)
class Parameter:
    """A parameter in the forms to try, best first. `pattern` finds it in the words of a refusal."""

    setting: str
    pattern: re.Pattern[str]
    forms: tuple[str, ...]


class AcceptedForms:
    """The forms of parameters that an endpoint accepts, known from its refusals; for one model in this process. A new
    process finds them out once more, which costs one refused request for each."""

    def __init__(self, model: str, parameters: Sequence[Parameter]) -> None:
        self.model = model
        self.parameters = {parameter.setting: parameter for parameter in parameters}
        self.places = dict.fromkeys(self.parameters, 0)
        self.unexplained_calls = 0

    def replaced(self) -> dict[str, str]:
        """The forms that are sent in the place of refused ones, by setting."""
        return {setting: self.parameters[setting].forms[place] for setting, place in self.places.items() if place}

    def start(self) -> "FormsOfCall":
        """The forms for one call."""
        return FormsOfCall(self, dict(self.places))


class FormsOfCall:
    """The forms that one call sends."""

    def __init__(self, accepted: AcceptedForms, places: dict[str, int]) -> None:
        self._accepted = accepted
        self._places = places
        self._refusals: dict[str, str | None] = {}
        self._unexplained = False

    def __getitem__(self, setting: str) -> str:
        """The form of this setting's parameter."""
        return self._accepted.parameters[setting].forms[self._places[setting]]

    def give_way(self, named: str, words: str, shown: str | None) -> bool:
        """Takes the next form of the parameter that a refusal means: the one that it names, or else the first of which
        its words speak. False if there is none, so that the refusal stands. `shown` is what may be logged of it."""
        parameters = self._accepted.parameters.values()
        for text in filter(None, (named, words)):
            for parameter in parameters:
                place = self._places[parameter.setting] + 1
                if place < len(parameter.forms) and parameter.pattern.search(text):
                    self._places[parameter.setting] = place
                    self._refusals[parameter.setting] = shown
                    return True
        return False

    def omit_all(self, shown: str | None) -> bool:
        """Leaves out every parameter that can be left out, after a refusal that gives no reason. False if none is
        left."""
        parameters = self._accepted.parameters.values()
        sent = [parameter for parameter in parameters if self[parameter.setting] != parameter.forms[-1] == OMITTED]
        for parameter in sent:
            self._places[parameter.setting] = len(parameter.forms) - 1
            self._refusals[parameter.setting] = shown
        self._unexplained |= bool(sent)
        return bool(sent)

    def remember(self) -> None:
        """Keeps the forms for later calls. To be called when the endpoint has accepted them, and not before: a refusal
        can have another reason, and can repeat what a student wrote."""
        self._accepted.unexplained_calls = self._accepted.unexplained_calls + 1 if self._unexplained else 0
        if self._unexplained and self._accepted.unexplained_calls < _UNEXPLAINED_CALLS:
            return
        for setting, refusal in self._refusals.items():
            if self._places[setting] > self._accepted.places[setting]:
                self._accepted.places[setting] = self._places[setting]
                log.warning(
                    "model_parameter_refused",
                    model=self._accepted.model,
                    setting=setting,
                    sent_now=self[setting],
                    provider_message=refusal,
                )


def split_query(base_url: str | None) -> tuple[str, dict[str, str]]:
    """The address without its query, to which paths can be added, and the query. The path of a call at its end, as in
    the addresses that Azure shows, is removed."""
    parts = urlsplit(base_url or OPENAI_URL)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = re.sub(r"/(chat/completions|embeddings|responses)/?$", "", parts.path)
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), query
