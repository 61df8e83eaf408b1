"""Something of each kind that the paths of pages name."""

from dataclasses import dataclass, replace
from uuid import uuid4

from app.domain.states import JobType
from app.pages.routes import PageRoute
from app.repositories.sql import Pool
from app.services.erasure import request_erasure
from tests.api_keys import new_api_key
from tests.bank import SLUG, Bank
from tests.job_runner import job_id, submit
from tests.subscriptions import insert_subscription_delivery, new_subscription


@dataclass(frozen=True)
class Ids:
    """What stands in paths, by the names of path parameters."""

    assessment_id: str
    question_id: str
    slug: str
    credential_id: str
    job_id: str
    key_id: str
    erasure_id: str
    subscription_id: str
    delivery_id: str

    def path(self, route: PageRoute) -> str:
        """The route's path to them."""
        return route.path.format(**vars(self))

    def with_one_unknown(self, route: PageRoute) -> list["Ids"]:
        """These ids with each one of the route's path parameters replaced by an unknown id."""
        return [replace(self, **{name: str(uuid4())}) for name in vars(self) if f"{{{name}}}" in route.path]


async def planted(assessment_id: str, bank: Bank, pool: Pool) -> Ids:
    """Something of each kind, beside this assessment."""
    submitted = await submit(pool, bank, "student-3")
    job = await job_id(pool, submitted, JobType.GPT)
    key = (await new_api_key(pool, "student")).record.key_id
    erasure_id = (await request_erasure(pool, "admin-1", "student-3")).erasure_id
    subscription = await new_subscription(pool, "https://receiver.example/")
    delivery = await insert_subscription_delivery(pool, submitted, subscription)
    operators = map(str, (job, key, erasure_id, subscription, delivery))
    credential = await pool.fetchval("SELECT id FROM credentials LIMIT 1")
    return Ids(assessment_id, str(bank.ids["right"]), SLUG, str(credential), *operators)
