# One image for every role: `docker run … assay serve`, `… assay worker`, `… assay migrate`.
# Names an exact release; pin its digest in your registry (docs/supply-chain.md).
ARG BASE=python:3.13.7-slim-bookworm
FROM ${BASE} AS build
WORKDIR /srv/assay
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_REQUIRE_HASHES=1 PIP_ONLY_BINARY=:all:
RUN python -m venv .venv
# The packages first: they change less often than the code, so this layer is kept.
COPY requirements/build.txt requirements/production.txt requirements/
RUN .venv/bin/python -m pip install --quiet -r requirements/build.txt \
    && .venv/bin/python -m pip install --quiet -r requirements/production.txt
COPY setup.cfg pyproject.toml README.md ./
COPY client client
COPY app app
COPY workers workers
COPY migrations migrations
RUN PIP_REQUIRE_HASHES=0 .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e ./client -e . \
    && .venv/bin/python -m pip uninstall --quiet --yes pip setuptools \
    && .venv/bin/python -m compileall -q app workers client

FROM ${BASE}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin assay
COPY --from=build /srv/assay /srv/assay
WORKDIR /srv/assay
USER 10001
ENV PATH=/srv/assay/.venv/bin:$PATH HOST=0.0.0.0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8080
STOPSIGNAL SIGTERM
# For `serve`. A worker listens on no port: run it with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or 8080}/healthz', timeout=4)"]
ENTRYPOINT ["assay"]
CMD ["serve"]
