"""Serves the viewer on a plain page, without a host, with a made-up run."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import made_run

from selagg_core.drawing.pictures import png_bytes
from selagg_core.relevance.choose_heads import HeadSettings
from selagg_core.relevance.run_view import RunView
from selagg_core.report.manifest import all_word_sheets, head_sheets, manifest, maps_file
from selagg_core.report.shown import prepare

WEB = Path(__file__).resolve().parents[2] / "web"
#: What is embedded in saved pictures.
WORKFLOW = {"prompt": {"1": {"class_type": "A"}}, "workflow": {"nodes": ["\u00e4"]}}
PAGE = """<!doctype html>
<meta charset="utf-8"><title>viewer</title><link rel="icon" href="data:,">
<style>
  html { color-scheme: light dark; } body { margin: 0; background: Canvas; }
  #place { width: 100vw; height: 100vh; padding: 16px; box-sizing: border-box; }
</style>
<div id="place"></div>
<script type="module">
  import { Viewer } from '/web/viewer/viewer.js'
  const query = new URLSearchParams(location.search)
  const asked = async (address) => (await fetch(address)).json()
  const painted = []
  const field = { value: '', runs: 0 }
  const viewer = new Viewer({ compact: query.has('compact'), onPaint: (ms) => painted.push(ms) })
  viewer.mount(document.getElementById('place'))
  const source = {
    picture: (number) => `/data/pictures/${number}`,
    words: (key) => asked(`/data/words/${key}`),
    heads: (text, picture, word) => asked(`/data/heads?text=${text}&picture=${picture}&word=${word}`),
    steps: async () => { throw new Error('no steps') },
    workflow: () => asked('/data/workflow'),
    maps: '/data/maps',
    report: '/data/report',
    claims: { read: () => field.value, write: (text) => { field.value = text } },
    runAgain: async () => { field.runs += 1 },
    trials: {
      can: ({ action }) => action !== 'none',
      fromPicture: () => ({ picture: true, empty: false })[query.get('start')] ?? null,
      start: async (...told) => {
        if (query.has('refuses')) throw new Error('it cannot')
        field.tried = told
      },
    },
    questions: !query.has('asks') ? null : { ask: async (...told) => { field.asked = told } },
  }
  const show = async () => {
    const started = performance.now()
    await viewer.show(await asked('/data/manifest'), source)
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
    return performance.now() - started
  }
  Object.assign(document.getElementById('place'), { viewer, painted, show, field, source })
  if (!query.has('wait')) await show()
  document.body.dataset.ready = 'yes'
</script>
"""


class Run:
    """What the page asks for."""

    def __init__(self, text: str, view: RunView | None = None):
        self.settings = HeadSettings()
        self.large = view is not None
        self.view = made_run.made_view(text) if view is None else view
        self.shown = prepare(self.view, self.settings)
        self.pictures = tuple(png_bytes(picture) for picture in self.view.pictures)

    @cached_property
    def manifest(self) -> bytes:
        made = made_run.large_report if self.large else made_run.made_report
        report, claims = made(self.view, self.settings)
        expected = () if self.large else made_run.made_expected(self.view)
        return json.dumps(
            manifest(self.shown, report, expected or [{} for _ in self.pictures], claims)
        ).encode()

    @cached_property
    def sheets(self) -> dict[str, bytes]:
        return {name: json.dumps(sheet).encode() for name, sheet in all_word_sheets(self.shown)}

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[str, bytes]:
        """Type and body. Raises KeyError for an unknown address."""
        if path == "/":
            return "text/html", PAGE.encode()
        if path.startswith("/web/"):
            return "text/javascript", (WEB / path.removeprefix("/web/")).read_bytes()
        if path == "/data/manifest":
            return "application/json", self.manifest
        if path.startswith("/data/pictures/"):
            return "image/png", self.pictures[int(path.rsplit("/", 1)[1])]
        if path.startswith("/data/words/"):
            return "application/json", self.sheets[path.removeprefix("/data/words/")]
        if path == "/data/heads":
            text, picture, word = (int(query[name][0]) for name in ("text", "picture", "word"))
            return "application/json", json.dumps(head_sheets(self.shown.texts[text], picture, word)).encode()
        if path == "/data/workflow":
            return "application/json", json.dumps(WORKFLOW).encode()
        if path == "/data/report":
            return "application/json", b"{}"
        if path == "/data/maps":
            return "application/octet-stream", maps_file(self.shown)
        raise KeyError(path)


@contextlib.contextmanager
def page_server(text: str = made_run.TEXT, port: int = 0, view: RunView | None = None) -> Iterator[str]:
    """The address of the page while the block runs."""
    run = Run(text, view)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            try:
                kind, body = run.answer(parts.path, parse_qs(parts.query))
            except KeyError:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
