"""Prometheus metrics of the server."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.records.jobs import JobCount
from app.domain.states import JobStatus, JobType
from app.http.shared_metrics import keep_metrics_in, show_metrics_of_all
from app.supervision.service_process import ALONE, ServiceProcess

# Seconds, from a fast status poll to a long poll.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class _Facts(Collector):
    """What is looked up for each answer: the numbers that the database has, and whether Redis works."""

    def __init__(self) -> None:
        self.redis_is_up = False
        self.replica_is_used: bool | None = None
        self.jobs: Sequence[JobCount] = ()
        self.model_calls: Sequence[tuple[str, str, int]] = ()

    def collect(self) -> Iterator[Metric]:
        """The metrics; those that are unknown have no samples."""
        jobs = GaugeMetricFamily("assay_jobs", "Jobs that wait, run, or were given up.", labels=("job_type", "status"))
        help_text = "Time for which the job that is due for longest has waited for a worker."
        delays = GaugeMetricFamily("assay_job_delay_seconds", help_text, labels=("job_type",))
        for count in self.jobs:
            jobs.add_metric((count.job_type, count.status), count.count)
            if count.status is JobStatus.QUEUED:
                delays.add_metric((count.job_type,), count.delay)
        calls = CounterMetricFamily(
            "assay_model_calls_total", "Model calls of all workers, by outcome.", labels=("model", "outcome")
        )
        for model, outcome, number in self.model_calls:
            calls.add_metric((model, outcome), number)
        help_text = "Whether Redis takes what this server writes."
        yield from (jobs, delays, GaugeMetricFamily("assay_redis_up", help_text, value=self.redis_is_up), calls)
        help_text = "Whether this server reads statistics and exports from DATABASE_READ_URL, not from DATABASE_URL."
        yield GaugeMetricFamily("assay_replica_used", help_text, value=self.replica_is_used)


class Metrics:
    """The metrics of one server, in a registry of their own: several servers can run in one process, as in tests. If
    the process is one of several, those of all."""

    def __init__(self, process: ServiceProcess = ALONE) -> None:
        self._shown = CollectorRegistry()
        own, restarted = self._shown, False
        if process.metrics is not None and process.number is not None:
            own, restarted = CollectorRegistry(), keep_metrics_in(process.metrics, process.number)
            show_metrics_of_all(process.metrics, self._shown)
        self.requests = Histogram(
            "assay_http_request_seconds",
            "Time to answer, by route and status.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=own,
        )
        self.submissions = Counter("assay_submissions_total", "Submissions accepted.", registry=own)
        help_text = "Processes of this server that were started again after they had ended."
        Counter("assay_process_restarts_total", help_text, registry=own).inc(restarted)
        self._facts = _Facts()
        self._shown.register(self._facts)

    def render(
        self,
        jobs: Sequence[JobCount] | None,
        model_calls: Sequence[tuple[str, str, int]] | None,
        *,
        redis_is_up: bool,
        replica: str | None = None,
    ) -> bytes:
        """The metrics in Prometheus' text format, with the numbers of jobs that wait, run or were given up, and of
        model calls by model and outcome; None if they are unknown. `replica` is its state; None without one."""
        self._facts.jobs = _complete(jobs) if jobs is not None else ()
        self._facts.model_calls = model_calls or ()
        self._facts.redis_is_up = redis_is_up
        self._facts.replica_is_used = None if replica is None else replica == "ok"
        return generate_latest(self._shown)


def _complete(counts: Sequence[JobCount]) -> list[JobCount]:
    """Numbers for all job types and these statuses, also where there is no job."""
    known = {(count.job_type, count.status): count for count in counts}
    return [
        known.get((job_type, status), JobCount(job_type, status, 0, 0.0))
        for job_type in JobType
        for status in (JobStatus.QUEUED, JobStatus.IN_PROGRESS, JobStatus.FAILED)
    ]
