"""Every change that can be made over the API, with the request that makes it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.domain.states import JobType
from app.repositories.sql import Pool
from tests.api import Api
from tests.api_keys import new_api_key
from tests.appeals import REPLY, make_appeal
from tests.bank import SLUG, Bank
from tests.dead_letters import fail_job
from tests.job_runner import submit
from tests.scored_assessments import completed_assessment
from tests.subscriptions import insert_subscription_delivery, new_subscription
from tests.web.catalog.test_credentials import CREDENTIAL
from tests.web.catalog.test_questions import PROFILE
from tests.web.catalog.test_tracks import TRACK
from tests.webhooks import UNREACHABLE_URL, insert_delivery


@dataclass(frozen=True)
class World:
    """Something of each kind that callers change, and who they are."""

    pool: Pool
    bank: Bank
    admin: Api

    async def path(self, template: str) -> str:
        """The template with the id of something new in each of its places."""
        ids: dict[str, object] = {
            "slug": SLUG, "sub": "student-9", "question_id": self.bank.ids["right"],
            "credential_id": await self.pool.fetchval("SELECT id FROM credentials ORDER BY id LIMIT 1"),
        }  # fmt: skip
        if "{sub}" in template:
            await submit(self.pool, self.bank, "student-9")
        if "{assessment_id}" in template:
            ids |= await self._assessment(with_delivery="{delivery_id}" in template)
        if "{subscription_id}" in template:
            ids |= await self._subscription()
        if template.startswith("/reviews/"):
            ids |= await self._review_item(ids["assessment_id"])
        ids |= {name: await make() for name, make in self._made_alone.items() if f"{{{name}}}" in template}
        if template.endswith("/restore"):
            of = template.removesuffix("/restore").format(**ids)
            assert (await self.admin.delete(of)).status == 204
        return template.format(**ids)

    @property
    def _made_alone(self) -> dict[str, Callable[[], Awaitable[object]]]:
        return {"job_id": self._failed_job, "key_id": self._api_key, "appeal_id": self._appeal}

    async def _failed_job(self) -> UUID:
        return await fail_job(self.pool, await submit(self.pool, self.bank, "student-9"), JobType.GPT)

    async def _api_key(self) -> UUID:
        return (await new_api_key(self.pool, "student")).record.key_id

    async def _assessment(self, with_delivery: bool) -> dict[str, object]:
        """An assessment that is completed, or that has a message to its webhook."""
        if not with_delivery:
            return {"assessment_id": await completed_assessment(self.pool, self.bank)}
        assessment_id = await submit(self.pool, self.bank)
        return {"assessment_id": assessment_id, "delivery_id": await insert_delivery(self.pool, assessment_id)}

    async def _review_item(self, assessment_id: object) -> dict[str, object]:
        """A question of the assessment that waits for a person."""
        question_id = self.bank.ids["essay"]
        await self.pool.execute(
            "INSERT INTO review_items (assessment_id, question_id, track_id, reasons)"
            " SELECT id, $2, track_id, '{unscored}' FROM assessments WHERE id = $1 ON CONFLICT DO NOTHING",
            assessment_id, question_id,
        )  # fmt: skip
        return {"question_id": question_id}

    async def _appeal(self) -> UUID:
        """An appeal that is open."""
        about = await completed_assessment(self.pool, self.bank)
        return (await make_appeal(self.pool, about, self.bank.ids["right"])).appeal.appeal_id

    async def _subscription(self) -> dict[str, object]:
        """A service-wide webhook with a message."""
        subscription_id = await new_subscription(self.pool)
        about = await submit(self.pool, self.bank)
        delivery_id = await insert_subscription_delivery(self.pool, about, subscription_id)
        return {"subscription_id": subscription_id, "delivery_id": delivery_id}


# What staff change: the body of a request that changes something. A new route without a line here fails the test.
STAFF_CHANGES: dict[tuple[str, str], Any] = {
    ("POST", "/tracks"): TRACK,
    ("PATCH", "/tracks/{slug}"): {"description": "Other."},
    ("DELETE", "/tracks/{slug}"): None,
    ("POST", "/tracks/{slug}/restore"): {},
    ("POST", "/questions"): PROFILE,
    ("PATCH", "/questions/{question_id}"): {"weight": 3},
    ("DELETE", "/questions/{question_id}"): None,
    ("POST", "/questions/{question_id}/restore"): {},
    ("POST", "/credentials"): CREDENTIAL,
    ("PATCH", "/credentials/{credential_id}"): {"title": "Other"},
    ("DELETE", "/credentials/{credential_id}"): None,
    ("POST", "/assessments/{assessment_id}/webhook/deliveries/{delivery_id}/redeliver"): {},
    ("PUT", "/assessments/{assessment_id}/scores/{question_id}/override"): {"score": 0.5, "reason": "Half."},
    ("POST", "/assessments/{assessment_id}/rescore"): {"reason": "A new rubric."},
    ("POST", "/assessments/{assessment_id}/feedback"): {"relevance": 4, "acceptance": 5, "comment": "Fits."},
    ("PUT", "/appeals/{appeal_id}"): {"decision": "upheld", "reply": REPLY},
    ("POST", "/jobs/{job_id}/retry"): {},
    ("POST", "/webhooks"): {"url": UNREACHABLE_URL, "events": ["assessment.completed"]},
    ("PATCH", "/webhooks/{subscription_id}"): {"active": False},
    ("DELETE", "/webhooks/{subscription_id}"): None,
    ("POST", "/webhooks/{subscription_id}/deliveries/{delivery_id}/redeliver"): {},
    ("POST", "/api-keys"): {"name": "LMS", "roles": ["student"], "expires_in_days": 1},
    ("DELETE", "/api-keys/{key_id}"): None,
    ("POST", "/api-keys/{key_id}/rotate"): {"overlap_seconds": 0},
    ("DELETE", "/people/{sub}"): None,
    ("PUT", "/assessments/{assessment_id}/scores/{question_id}/review"): {"agree": True},
    ("POST", "/reviews/{assessment_id}/{question_id}/reserve"): {},
    ("DELETE", "/reviews/{assessment_id}/{question_id}/reserve"): None,
}
# What only owners change; API keys with the role student may be owners.
OWNER_CHANGES = {
    ("POST", "/assessments/{assessment_id}/scores/{question_id}/appeal"),
    ("POST", "/assessments"),
    ("PATCH", "/assessments/{assessment_id}/responses"),
    ("POST", "/assessments/{assessment_id}/submit"),
    ("POST", "/assessments/{assessment_id}/webhook"),
    ("DELETE", "/assessments/{assessment_id}/webhook"),
}
