"""The address and the secret that a caller wants a webhook to have, checked."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import FieldError, InvalidFields
from app.domain.webhook.address import AddressRefused, Network, validate_url
from app.domain.webhook.signing import NEW_BYTES, InvalidSecret, new_secret, validate_secret


@dataclass(frozen=True)
class AddressRules:
    """Which addresses a webhook may have: also plain HTTP, and these networks though they are not public."""

    allow_http: bool = False
    allowed_networks: Sequence[Network] = ()


def accepted_secret(rules: AddressRules, url: str, secret: str | None, *, url_field: str) -> str:
    """The secret to sign with, a new one if none was sent, after the URL and the secret were checked. `url_field` is
    the field of the body that has the URL.

    Raises:
        InvalidFields: the URL or the secret is not acceptable.
    """
    errors = []
    try:
        validate_url(url, allow_http=rules.allow_http, allowed=rules.allowed_networks)
    except AddressRefused as error:
        errors.append(FieldError(f"/{url_field}", error.detail))
    try:
        accepted = new_secret(secrets.token_bytes(NEW_BYTES)) if secret is None else validate_secret(secret)
    except InvalidSecret as error:
        errors.append(FieldError("/secret", str(error)))
    if errors:
        raise InvalidFields(errors)
    return accepted
