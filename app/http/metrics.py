"""Prometheus metrics of the server."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.domain.states import JobStatus, JobType

# From a status poll's millisecond to a request that is about to be cut off.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The server's own registry, so that several servers can live in one process (as in tests)."""

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

    def show_jobs(self, counts: list[tuple[JobType, JobStatus, int]]) -> None:
        """Sets the gauges of waiting and running jobs."""
        present = {(job_type, status): count for job_type, status, count in counts}
        for job_type in JobType:
            for status in (JobStatus.QUEUED, JobStatus.IN_PROGRESS):
                self._jobs.labels(job_type, status).set(present.get((job_type, status), 0))

    def forget_jobs(self) -> None:
        """Shows no counts where none are known."""
        self._jobs.clear()

    def render(self) -> bytes:
        """The text exposition."""
        return generate_latest(self._registry)
