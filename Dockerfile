# The course in an image: JupyterLab with the notebooks, the built book and the rendered images, all of it without a
# network. Build and run it:
#
#   docker build --tag cyclegan-lessons .
#   docker run --rm --init --publish 127.0.0.1:8888:8888 cyclegan-lessons      # open the address that it prints
#
# Build arguments: BASE, another image with Python 3.10 to 3.12 (for an Ascend one with CANN); DEVICE=GPU, for
# `docker run --gpus all`; PIP_INDEX_URL and DEBIAN_MIRROR, mirrors of the two package indexes; NB_USER, the user's name.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

# the user that JupyterHub and ModelArts expect: UID 1000 in the group 100, which Debian calls users
ARG NB_USER=learner
ARG DEBIAN_MIRROR=
# hadolint ignore=DL3008  # Debian keeps only the newest version of a package, so that a pin would soon fail
RUN if [ -n "${DEBIAN_MIRROR}" ]; then \
        find /etc/apt \( -name '*.sources' -o -name sources.list \) -exec \
            sed -i -E "s|https?://[^/ ]+|${DEBIAN_MIRROR}|" {} +; \
    fi \
    && apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 --gid 100 --shell /bin/bash "${NB_USER}" \
    && install --directory --owner 1000 --group 100 /opt/cyclegan-lessons /opt/cyclegan-lessons-data
USER 1000:100
WORKDIR /opt/cyclegan-lessons

# the environment first, so that it is built again only when the locked versions change
ARG DEVICE=auto
ARG PIP_INDEX_URL=
ENV PIP_NO_CACHE_DIR=1
COPY --chown=1000:100 Makefile pyproject.toml requirements.txt requirements-gpu.txt ./
COPY --chown=1000:100 tools/check_python.py tools/cuda_home.py tools/
RUN if [ -z "${PIP_INDEX_URL}" ]; then unset PIP_INDEX_URL; fi \
    && make .venv/.requirements \
    && if [ "${DEVICE}" = GPU ]; then make .venv/.gpu; fi

# the course: the notebooks are saved with their outputs; the book is built and the images are rendered here
COPY --chown=1000:100 . .
ENV CYCLEGAN_LESSONS_DATA=/opt/cyclegan-lessons-data \
    PATH=/opt/cyclegan-lessons/.venv/bin:${PATH}
RUN make html \
    && python -m cyclegan_lessons fetch --dataset orchard \
    && jupyter labextension disable @jupyterlab/apputils-extension:announcements

EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser", "book"]
