"""Prometheus metrics of the server."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.records.jobs import JobCount
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
        help_text = "Jobs that wait, run, or were given up."
        self._jobs = Gauge("assay_jobs", help_text, ("job_type", "status"), registry=self._registry)
        help_text = "Time for which the job that is due for longest has waited for a worker."
        self._delays = Gauge("assay_job_delay_seconds", help_text, ("job_type",), registry=self._registry)
        help_text = "Whether Redis takes what this server writes."
        self.redis_is_up = Gauge("assay_redis_up", help_text, registry=self._registry)
        self._model_calls = _ModelCalls()
        self._registry.register(self._model_calls)

    def set_jobs(self, counts: Sequence[JobCount] | None) -> None:
        """Sets the numbers of jobs that wait, run or were given up; None if they are unknown."""
        self._jobs.clear()
        self._delays.clear()
        if counts is None:
            return
        known = {(count.job_type, count.status): count for count in counts}
        for job_type in JobType:
            for status in (JobStatus.QUEUED, JobStatus.IN_PROGRESS, JobStatus.FAILED):
                count = known.get((job_type, status), JobCount(job_type, status, 0, 0.0))
                self._jobs.labels(job_type, status).set(count.count)
                if status is JobStatus.QUEUED:
                    self._delays.labels(job_type).set(count.delay)

    def set_model_calls(self, counts: Sequence[tuple[str, str, int]] | None) -> None:
        """Sets the numbers of model calls by model and outcome; None if they are unknown."""
        self._model_calls.counts = counts or ()

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
