# One image for every process of the mesh; the command says which: docker run parley edge
#
# EXTRAS=embedded,local (the default) carries the engines that need no GPU, among them eSpeak NG, which is under the GPL.
# EXTRAS=local carries Whisper and hibari alone: English, and nothing under the GPL.
# EXTRAS= gives the lean image of a mesh whose engines run elsewhere.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=embedded,local
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".${EXTRAS:+[${EXTRAS}]}"

FROM python:${PYTHON}-slim
ARG EXTRAS=embedded,local
# The wheels are mounted for this step alone: what was needed to install them does not stay in the image.
# hadolint ignore=DL3013
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels "parley${EXTRAS:+[${EXTRAS}]}" \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/parley parley
USER 10001
WORKDIR /var/lib/parley
# Inside a container the network is the container's own: what may be reached is decided by what is published.
ENV PYTHONUNBUFFERED=1 \
    PARLEY_LOG_FORMAT=json \
    PARLEY_EDGE_HOST=0.0.0.0 \
    PARLEY_ORCHESTRATOR_HOST=0.0.0.0 \
    PARLEY_STT_HOST=0.0.0.0 \
    PARLEY_TTS_HOST=0.0.0.0 \
    PARLEY_VOICES_HOST=0.0.0.0 \
    PARLEY_RESPONDER_HOST=0.0.0.0
ENTRYPOINT ["parley"]
CMD ["--help"]
