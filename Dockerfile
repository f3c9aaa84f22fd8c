# The program, and this folder's issues and settings. It serves the web app; any other
# command of `newsletter` can take its place: docker run … newsletter status
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/newsletter
COPY requirements.txt ./
RUN /opt/newsletter/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt
COPY LICENSE README.md pyproject.toml ./
COPY newsletter newsletter
COPY templates templates
RUN /opt/newsletter/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /newsletter newsletter
COPY --from=build /opt/newsletter /opt/newsletter
ENV PATH=/opt/newsletter/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /newsletter
# A copy of the project without settings has no newsletter.toml: a pattern may match nothing.
COPY LICENSE newsletter.tom[l] ./
COPY issues issues
COPY templates templates
USER newsletter
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["newsletter"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
