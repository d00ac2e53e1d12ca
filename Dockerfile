# syntax=docker/dockerfile:1
FROM python:3.12-slim AS packages
WORKDIR /build
COPY requirements/run.txt .
# Reading models and the Chinese font come inside wheels: the image works without a network.
RUN python -m venv /opt/jiedan \
    && /opt/jiedan/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r run.txt

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin jiedan \
    && install -d -o jiedan -g jiedan /app /app/var /app/var/files /app/var/spool
COPY --from=packages /opt/jiedan /opt/jiedan
ENV PATH=/opt/jiedan/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY bot bot
COPY cards cards
COPY core core
COPY handlers handlers
COPY simulator simulator
COPY storage storage
COPY demo.py LICENSE ./
COPY --chmod=755 tools/jiedan /usr/local/bin/jiedan
USER jiedan
VOLUME /app/var
EXPOSE 8900
HEALTHCHECK --interval=5s --timeout=5s --start-period=40s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('JIEDAN_PORT', '8900')}/readyz\", timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["jiedan"]
CMD ["run"]
