"""What follows an attempt to deliver a message: the retry schedule, its end, and delays for busy hosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.states import DeliveryStatus, DisabledReason
from app.domain.webhook.retry_policy import NextStep, SendResult, busy_delay, next_step

DELAYS = (0.0, 5.0, 300.0)
CHANCES = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_success(status: int) -> None:
    result = SendResult(status, 1)
    assert next_step(result, DELAYS, 2, 0.5, redelivery=False) == NextStep(DeliveryStatus.DELIVERED)
    assert result.failure is None


@given(st.integers(300, 599).filter(lambda status: status != 410) | st.none(), st.integers(0, 2), CHANCES)
def test_other_results_are_retried_until_the_schedule_ends(status: int | None, failed: int, chance: float) -> None:
    step = next_step(SendResult(status, 1, "no answer"), DELAYS, failed, chance, redelivery=False)
    if failed == 2:
        assert step == NextStep(DeliveryStatus.FAILED, disable=DisabledReason.ATTEMPTS_FAILED)
    else:
        assert (step.status, step.disable) == (DeliveryStatus.PENDING, None)
        assert step.delay is not None
        assert DELAYS[failed + 1] <= step.delay <= 1.2 * DELAYS[failed + 1]


@pytest.mark.parametrize(("status", "retry_after", "delay"), [
    (429, 60.0, 60.0), (503, 60.0, 60.0), (429, 1.0, 5.0), (429, 1e9, 86_400.0), (500, 60.0, 5.0), (429, None, 5.0),
])  # fmt: skip
def test_receivers_may_ask_for_a_longer_pause(status: int, retry_after: float | None, delay: float) -> None:
    result = SendResult(status, 1, retry_after=retry_after)
    assert next_step(result, DELAYS, 0, 0.0, redelivery=False).delay == delay


@pytest.mark.parametrize("redelivery", [False, True])
def test_status_410_disables_the_webhook(redelivery: bool) -> None:
    step = next_step(SendResult(410, 1), DELAYS, 0, 0.0, redelivery=redelivery)
    assert step == NextStep(DeliveryStatus.FAILED, disable=DisabledReason.GONE)


@given(st.integers(0, 5), CHANCES)
def test_a_failed_redelivery_leaves_the_schedule_as_it_is(failed: int, chance: float) -> None:
    assert next_step(SendResult(500, 1), DELAYS, failed, chance, redelivery=True) == NextStep(None)


@given(st.integers(1, 10_000), CHANCES)
def test_the_delay_for_a_busy_host_grows_with_the_number_of_messages_turned_away(
    turned_away: int, chance: float
) -> None:
    delay = busy_delay(turned_away, 8, chance)
    assert 0.5 <= delay <= 60
    assert busy_delay(turned_away + 1, 8, chance) >= delay
