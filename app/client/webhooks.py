"""Messages to a webhook: whether they are genuine, and what they say."""

from collections.abc import Mapping

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from app.domain.webhooks import Message, checked_secret


class WebhookRefused(Exception):
    """The message is forged, altered, too old or too new (5 minutes), or none of this service's."""


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes | str) -> Message:
    """The message, once its signature is found to be by this secret. `body` is what arrived, byte for byte; `headers`
    are those of the request, in whatever case. During the day after a secret was replaced, messages are signed with
    both, so that either is fine. One `webhook-id` may come several times: act on it once.

    Raises:
        WebhookRefused: answer 4xx, and don't act on the message.
        BadSecret: `secret` is not what the registration answered.
    """
    checked = Webhook(checked_secret(secret))
    try:
        checked.verify(body, dict(headers), json_parse=False)
    except WebhookVerificationError as error:
        raise WebhookRefused(str(error)) from error
    except ValueError as error:
        # Headers or bytes so strange that the library stumbles over them.
        raise WebhookRefused("the signature cannot be read") from error
    try:
        return Message.model_validate_json(body, extra="ignore")
    except ValidationError as error:
        raise WebhookRefused("the message is signed, but none that this version knows") from error
