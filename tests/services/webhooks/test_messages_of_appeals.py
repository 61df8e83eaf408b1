"""Messages of appeals and their answers to service-wide webhooks: one for each question that was appealed."""

from app.domain.states import AppealDecision, EventType
from app.repositories.sql import Pool
from app.services.results import appeals
from app.services.results.appeals import AppealAnswer
from tests.appeals import REPLY, make_appeal
from tests.bank import Bank
from tests.fakes.webhook_receiver import webhook_receiver
from tests.scored_assessments import completed_assessment
from tests.subscriptions import new_subscription
from tests.webhooks import open_delivery, send_all, verify


async def test_each_appeal_and_its_answer_reach_a_service_wide_webhook(pool: Pool, bank: Bank) -> None:
    async with webhook_receiver() as receiver, open_delivery(pool) as delivery:
        await new_subscription(pool, receiver.url, (EventType.APPEALED, EventType.APPEAL_ANSWERED))
        assessment_id = await completed_assessment(pool, bank)
        questions = bank.ids["essay"], bank.ids["right"]
        made = [(await make_appeal(pool, assessment_id, question)).appeal.appeal_id for question in questions]
        await appeals.answer(pool, made[0], AppealAnswer("advisor-1", AppealDecision.UPHELD, REPLY))
        assert await send_all(pool, delivery) == 3
    messages = [verify(received) for received in receiver.requests]
    assert sorted((message["type"], message["data"]["appeal"]["question_id"]) for message in messages) == sorted(
        [("assessment.appealed", str(question)) for question in questions]
        + [("assessment.appeal_answered", str(questions[0]))]
    )
    assert {message["data"]["owner"] for message in messages} == {"student-1"}
