# One image for every role: `docker run … assay serve`, `… assay worker`, `… assay migrate`.
FROM python:3.13-slim AS build
WORKDIR /srv/assay
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv .venv
# The packages first: they change less often than the code, so this layer is kept.
COPY setup.cfg pyproject.toml constraints.txt README.md ./
COPY client/setup.cfg client/pyproject.toml client/README.md client/
RUN mkdir app workers client/assay_client && touch app/__init__.py workers/__init__.py client/assay_client/__init__.py \
    && .venv/bin/pip install --quiet -c constraints.txt -e ./client -e . \
    && .venv/bin/pip uninstall --quiet --yes pip
COPY app app
COPY workers workers
COPY client client
COPY migrations migrations
RUN .venv/bin/python -m compileall -q app workers client

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin assay
COPY --from=build /srv/assay /srv/assay
WORKDIR /srv/assay
USER 10001
ENV PATH=/srv/assay/.venv/bin:$PATH HOST=0.0.0.0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["assay"]
CMD ["serve"]
