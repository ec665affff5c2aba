# The gateway with its own Chromium, for amd64 and arm64. Every step is scripts/install's, so a clone exercises them too.
# How to run it, and why with .docker/seccomp.json: README, "In a container".
FROM python:3.13-slim-bookworm

ENV LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PLAYWRIGHT_BROWSERS_PATH=/opt/browsers \
    GATEWAY_DATA_DIR=/data \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_PORT=8080

WORKDIR /app
RUN useradd --uid 10001 --user-group --create-home --home-dir /var/lib/gateway gateway \
    && install -d -o gateway -g gateway -m 0700 /data

# From what changes seldom to what changes often, so that a rebuild after an edit takes seconds.
COPY scripts/install scripts/install
COPY scripts/installer scripts/installer
RUN scripts/install --only system --with container && rm -rf /var/lib/apt/lists/*

COPY scripts/requirements.txt scripts/requirements.txt
RUN scripts/install --only python --runtime

COPY browser browser
RUN scripts/install --only browser && rm -rf /var/lib/apt/lists/*

COPY gateway gateway
COPY pyproject.toml README.md ./
RUN scripts/install --only project

USER gateway
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM

# Asks the event loop, never a browser: a check that launches one every half minute is a load of its own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/app/.venv/bin/python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['GATEWAY_PORT'] + '/livez', timeout=4)"]

# tini reaps what a crashed browser leaves behind. It signals the gateway alone (no -g): Playwright's driver, told to stop
# at the same moment, would be gone before the sign-ins are saved.
ENTRYPOINT ["tini", "--", "/app/.venv/bin/gateway"]
CMD ["serve"]
