# The course in a container, from the lock. Not run by the authors: see docs/elsewhere.md.
#
#   docker build -t tlcourse .
#   docker run --rm -p 8888:8888 -v tlcourse-work:/home/learner/tlcourse-work tlcourse

FROM python:3.11-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUTF8=1
RUN useradd --create-home learner \
 && install -d -o learner /home/learner/tlcourse-work /data /etc/jupyter \
 && echo 'c.ServerApp.ip = "0.0.0.0"' > /etc/jupyter/jupyter_server_config.py

WORKDIR /srv/tlcourse
COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-deps --no-build-isolation .

USER learner
WORKDIR /home/learner
EXPOSE 8888
CMD ["tlcourse", "lab", "--no-browser"]
