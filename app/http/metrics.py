"""Prometheus metrics of the server."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.states import JobStatus, JobType

# Seconds, from a fast status poll to a long poll.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class _ModelCalls(Collector):
    """The model calls of all workers, as the database counts them."""

    def __init__(self) -> None:
        self.counts: Sequence[tuple[str, str, int]] = ()

    def collect(self) -> Iterator[Metric]:
        """The counter."""
        calls = CounterMetricFamily(
            "assay_model_calls_total", "Model calls of all workers, by outcome.", labels=("model", "outcome")
        )
        for model, outcome, count in self.counts:
            calls.add_metric((model, outcome), count)
        yield calls


class Metrics:
    """The metrics of one server, in a registry of their own: several servers can run in one process, as in tests."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Histogram(
            "assay_http_request_seconds",
            "Time to answer, by route and status.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.submissions = Counter("assay_submissions_total", "Submissions accepted.", registry=self._registry)
        self._jobs = Gauge("assay_jobs", "Jobs that wait or run.", ("job_type", "status"), registry=self._registry)
        self._model_calls = _ModelCalls()
        self._registry.register(self._model_calls)

    def set_jobs(self, counts: Sequence[tuple[JobType, JobStatus, int]] | None) -> None:
        """Sets the numbers of jobs that wait or run; None if they are unknown."""
        self._jobs.clear()
        if counts is None:
            return
        numbers = {(job_type, status): number for job_type, status, number in counts}
        for job_type in JobType:
            for status in (JobStatus.QUEUED, JobStatus.IN_PROGRESS):
                self._jobs.labels(job_type, status).set(numbers.get((job_type, status), 0))

    def set_model_calls(self, counts: Sequence[tuple[str, str, int]] | None) -> None:
        """Sets the numbers of model calls by model and outcome; None if they are unknown."""
        self._model_calls.counts = counts or ()

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
