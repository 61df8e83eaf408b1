"""The settings for tokens and for signing in to the pages."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from app.setting_types import (
    Issuer,
    KeySetAddress,
    RoleMap,
    TokenSecret,
    check_token_settings,
)


class SignInSettings(BaseModel):
    """How people and programs prove who they are."""

    jwt_secret: TokenSecret | None = Field(None, description="secret that signs tokens (HS256), 32 bytes or more")
    jwt_issuer: Issuer | None = Field(None, description="`iss` that tokens must have; required with JWT_JWKS_URL")
    jwt_audience: str | None = Field(None, description="`aud` that tokens must have; required with JWT_JWKS_URL")
    # After the settings that it is checked with.
    jwt_jwks_url: KeySetAddress | None = Field(
        None,
        description="address of the identity provider's keys (JWKS) that sign tokens (RS256, ES256, EdDSA), instead of "
        "JWT_SECRET",
    )

    oidc_issuer: KeySetAddress | None = Field(
        None, description="OpenID provider with which people sign in to the pages; its `iss`, without /.well-known"
    )
    oidc_client_id: str | None = Field(None, description="id of this service at the OpenID provider")
    # After the settings that it is checked with.
    oidc_client_secret: SecretStr | None = Field(
        None, validate_default=True, description="secret of this service at the OpenID provider, if it has one there"
    )
    oidc_roles_claim: Annotated[str, Field(pattern=r"^\S{1,200}$")] = Field(
        "roles",
        description="claim of ID tokens with the roles; a dot leads into an object, as in realm_access.roles",
    )
    oidc_role_map: RoleMap = Field(
        default_factory=dict,
        description='roles by the values of that claim: {"staff": "advisor"}; if unset, the values are the roles',
    )
    sign_in_with_token: bool = Field(True, description="whether people may sign in to the pages with a bearer token")

    @field_validator("jwt_jwks_url")
    @classmethod
    def _alone_and_complete(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            check_token_settings(info.data)
        return value

    @field_validator("oidc_client_secret")
    @classmethod
    def _provider_is_complete(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        issuer, client = (info.data.get(name, "wrong") for name in ("oidc_issuer", "oidc_client_id"))
        if (issuer is None) != (client is None) or (value is not None and issuer is None):
            raise ValueError("OIDC_ISSUER and OIDC_CLIENT_ID are needed together, and for this")
        return value
