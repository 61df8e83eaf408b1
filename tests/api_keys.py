"""API keys in tests: made without HTTP, and callers that have one."""

from datetime import timedelta

from app.domain.records.api_keys import KeyFeatures
from app.domain.states import Role
from app.repositories.sql import Pool
from app.services.api_keys import administration
from app.services.api_keys.administration import Issuer, NewApiKey
from tests.api import Api

LIFETIME = timedelta(days=1)


async def new_api_key(pool: Pool, *roles: str, lifetime: timedelta = LIFETIME) -> NewApiKey:
    """A key for these roles."""
    features = KeyFeatures("A key of the tests", tuple(map(Role, roles)), lifetime)
    return await administration.create(pool, Issuer("tests"), features)


def with_key(api: Api, key: str) -> Api:
    """A caller of the same server with a key."""
    return Api(api.client, headers={"Authorization": f"Bearer {key}"})
