"""Requests to the real server: hostile paths, queries, bodies and headers for the routes of the pack.

Beside the routes: requests for a run (`/prompt`), which the pack reads before the host checks them. What the
host itself answers with status 500 is counted apart: a fault is a 500 of our routes, or a traceback of ours
in the log.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import tempfile
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.background_server import background_server
from demo.client import Client

from .fuzz_tally import Tally, clock
from .fuzz_texts import ODD, Texts

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples_workflows" / "api" / "diagnose_demo.json"
RUN_SECONDS = 300
SECONDS = 30.0
"""Until an answer."""
SLOW_SECONDS = 5.0
_OURS = re.compile(r'File ".*(?:selagg_core|nodes/viewer|nodes/recording|nodes/host)')
KNOWN = (
    "/selagg/views/{id}", "/selagg/views/{id}/held", "/selagg/views/{id}/words/{n}/{n}/{mode}",
    "/selagg/views/{id}/heads?text={n}&word={n}&picture={n}",
    "/selagg/views/{id}/steps?text={n}&picture={n}&step={n}",
    "/selagg/views/{id}/pictures/{n}", "/selagg/views/{id}/maps", "/selagg/views/{id}/report",
    "/selagg/views/{id}/workflow", "/selagg/last?workflow={n}&node={n}", "/selagg/{n}", "/selagg",
)  # fmt: skip
METHODS = ("GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "X")


def fuzz_requests(count: int, seeds: range, tally: Tally, watch: Callable[[int], None]) -> None:
    """Sends `count` requests, spread over the seeds, to a server that has run the example."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with background_server(Path(folder), log) as client:
            example = json.loads(EXAMPLE.read_text("utf-8"))
            views = run_example(client, example)
            done = 0
            for seed in seeds:
                rng = random.Random(f"requests {seed}")  # noqa: S311 - texts, no secrets
                while done * len(seeds) < count * (seed - seeds.start + 1):
                    Attempt(client, rng, views, example, f"seed {seed}").make(tally)
                    done += 1
                    watch(done)
            if views and not run_example(client, example):
                tally.fault("crash", "the server", "it runs no workflow after all of this")
        for trace in tracebacks(log.read_text("utf-8", errors="replace")):
            tally.fault("crash", "traceback in the log", trace[-600:])


def run_example(client: Client, example: dict[str, Any]) -> list[str]:
    """The ids of the views that the example's viewers gave out; the first seed decides what is cached."""
    fresh = json.loads(json.dumps(example))
    for node in fresh.values():
        if node["class_type"] == "KSampler":
            node["inputs"] |= {"steps": 2, "seed": random.SystemRandom().randrange(2**32)}
    outputs = client.wait(client.queue(fresh).id, RUN_SECONDS)
    return [told["id"] for shown in outputs.values() for told in shown.get("selagg", ()) if told["id"]]


def tracebacks(log: str) -> list[str]:
    """Tracebacks of a log that end in a file of ours."""
    found = []
    for part in log.split("Traceback (most recent call last):")[1:]:
        files = [line for line in part.splitlines()[:60] if line.lstrip().startswith('File "')]
        if files and _OURS.search(files[-1]):
            found.append("\n".join(part.splitlines()[:40]))
    return found


class Attempt:
    """One request."""

    def __init__(
        self, client: Client, rng: random.Random, views: list[str], example: dict[str, Any], seed: str
    ) -> None:
        self.rng, self.texts, self.views, self.example_workflow = rng, Texts(rng), views, example
        self.address = urllib.parse.urlsplit(client.address).netloc
        self.body: bytes | None = None
        self.headers: dict[str, str] = {}
        if rng.random() < 0.35:
            self.method, self.path = "POST", "/prompt"
            self.body = self._request_for_a_run()
            self.headers["Content-Type"] = "application/json"
        else:
            self.method, self.path = rng.choice(METHODS), self._path()
            if self.method in ("POST", "PUT") or rng.random() < 0.05:
                self.body = self.texts.prompt().encode("utf-8", errors="replace")[:4000]
        self._odd_headers()
        self.example = {
            "seed": seed, "method": self.method, "path": ascii(self.path)[:300],
            "body": ascii(self.body)[:1500],
            "headers": ascii(self.headers)[:300],
        }  # fmt: skip

    # -- what is sent --------------------------------------------------------------------------------------

    def _path(self) -> str:
        rng = self.rng
        path = rng.choice(KNOWN)
        while "{" in path:
            mark = path[path.index("{") : path.index("}") + 1]
            path = path.replace(mark, self._in_path(mark), 1)
        if rng.random() < 0.15:
            at = rng.randrange(len(path) + 1)
            path = (
                path[:at]
                + urllib.parse.quote(
                    rng.choice((*ODD, "/", "//", "..", "?", "#", "%", "{", "%00")), errors="replace"
                )
                + path[at:]
            )
        if rng.random() < 0.1:
            path += rng.choice(("?", "&")) + urllib.parse.quote(
                self.texts.word_of("a b"), safe="=&", errors="replace"
            )
        return path if path.startswith("/") else "/" + path

    def _in_path(self, mark: str) -> str:
        rng = self.rng
        if mark == "{id}" and rng.random() < 0.75:
            return rng.choice(self.views or ["0" * 32])
        if mark == "{mode}" and rng.random() < 0.8:
            return rng.choice(("selective", "all", "least"))
        if mark == "{n}" and rng.random() < 0.7:
            return (
                rng.choice(
                    ("0", "1", "2", "7", "-1", "99", "1e3", "", "\u0663", "9" * 30, "0x1", "1.0", " 1", "+1")
                )
                .replace("\u0663", "%D9%A3")
                .replace(" ", "%20")
            )
        text = self.rng.choice((self.texts.word_of("x y"), self.texts.name(), "x" * 3000))
        return urllib.parse.quote(text, safe="", errors="replace")[:6000]

    def _odd_headers(self) -> None:
        rng = self.rng
        choices = {
            "Accept-Encoding": ("gzip", "br", "identity;q=0", "*", "x"),
            "Range": ("bytes=0-1", "bytes=-1", "bytes=9-1", "x"),
            "If-None-Match": ("*", '"x"'),
            "Origin": ("http://evil.example", "null", self._host()),
            "Content-Type": ("application/json", "text/plain; charset=x", "multipart/form-data", ""),
            "Cookie": ("a=b; " * 50,),
            "X-Odd": ("x" * 4000, "\u00e9", "a\tb"),
        }
        for name, values in choices.items():
            if rng.random() < 0.08:
                self.headers[name] = rng.choice(values)

    def _host(self) -> str:
        return f"http://{self.address}"

    def _request_for_a_run(self) -> bytes:
        """The example, changed so that the host hardly ever runs it; or something else altogether."""
        rng = self.rng
        if rng.random() < 0.15:
            odd = rng.choice(
                (
                    b"",
                    b"[]",
                    b"null",
                    b"{",
                    b'{"prompt": []}',
                    b'{"prompt": null}',
                    b"\xff\xfe",
                    b'"x"',
                    b"1e999",
                )
            )
            return odd
        workflow = json.loads(json.dumps(self.example_workflow))
        for _ in range(rng.choice((1, 1, 2, 4, 8))):
            self._damage(workflow)
        broken = next(iter(workflow), "1")
        workflow[broken] = {"class_type": "no such node", "inputs": {}}  # nothing must be sampled
        body: dict[str, Any] = {"prompt": workflow}
        if rng.random() < 0.3:
            body["extra_data"] = self._value(2)
        if rng.random() < 0.2:
            body[rng.choice(("client_id", "front", "number", "partial_execution_targets", "prompt_id"))] = (
                self._value(1)
            )
        text = json.dumps(body)
        return (text if rng.random() < 0.95 else self.texts.damaged(text)).encode("utf-8", errors="replace")

    def _damage(self, workflow: dict[str, Any]) -> None:
        rng = self.rng
        number = rng.choice(list(workflow) or ["1"])
        node = workflow.get(number)
        chance = rng.random()
        if chance < 0.15 or not isinstance(node, dict):
            workflow[rng.choice((number, self.texts.name()))] = self._value(2)
        elif chance < 0.3:
            node[rng.choice(("inputs", "class_type", "_meta"))] = self._value(2)
        elif isinstance(node.get("inputs"), dict) and node["inputs"]:
            node["inputs"][rng.choice(list(node["inputs"]))] = self._value(2)
        if chance > 0.95:  # a ring of links
            workflow["selagg-words-1"] = {
                "class_type": "SelAggGraphWords",
                "inputs": {"more": ["selagg-words-1", 0]},
            }
            for each in workflow.values():
                if (
                    isinstance(each, dict)
                    and isinstance(each.get("inputs"), dict)
                    and "capture" in each["inputs"]
                ):
                    each["inputs"]["prompt"] = ["selagg-words-1", 0]
        elif chance > 0.9:
            workflow[f"selagg-words-{rng.choice((1, 2, 'x'))}"] = {
                "class_type": "SelAggGraphWords",
                "inputs": self._value(2),
            }

    def _value(self, depth: int) -> Any:
        rng = self.rng
        chance = rng.random()
        if chance < 0.3:
            return [
                rng.choice((*self.example_workflow, "99", "", 3, None)),
                rng.choice((0, 1, 99, -1, "0", None)),
            ]
        if chance < 0.5:
            return rng.choice((None, True, 0, -1, 3.5, 1e308, 10**30, "", "x", [], {}, [[]], float("nan")))
        if chance < 0.7 or not depth:
            return rng.choice((self.texts.prompt(), self.texts.name(), self.texts.claims("a cat")))
        if chance < 0.85:
            return {
                self.texts.word_of("text clip prompt latent capture"): self._value(depth - 1)
                for _ in range(3)
            }
        return [self._value(depth - 1) for _ in range(3)]

    # -- what comes back -----------------------------------------------------------------------------------

    def make(self, tally: Tally) -> None:
        tally.calls += 1
        ours = self.path.startswith("/selagg")
        started = clock()
        connection = http.client.HTTPConnection(self.address, timeout=SECONDS)
        try:
            connection.request(self.method, self.path, self.body, self.headers)
            answer = connection.getresponse()
            body = answer.read()
        except (http.client.InvalidURL, ValueError, UnicodeError):
            tally.skipped += 1  # Python's own client does not send it
            return
        except TimeoutError:
            tally.fault("hang", self.path[:40], self.example)
            return
        except OSError as error:
            tally.fault("crash", f"no answer ({type(error).__name__})", self.example)
            return
        finally:
            connection.close()
        tally.slowest = max(tally.slowest, clock() - started)
        if answer.status >= 500:
            tally.refused += 1
            if ours and not self._host_fails_alike():
                tally.fault("500", _route(self.path), [body[:300].decode(errors="replace"), self.example])
        elif ours and answer.status == 200:
            self._check(answer, body, tally)

    def _host_fails_alike(self) -> bool:
        """Whether the same path without a route of ours ends alike (names too long for its own files)."""
        connection = http.client.HTTPConnection(self.address, timeout=SECONDS)
        try:
            connection.request(
                self.method, self.path.replace("/selagg", "/nosuch", 1), self.body, self.headers
            )
            return connection.getresponse().status >= 500
        except (OSError, ValueError):
            return False
        finally:
            connection.close()

    def _check(self, answer: http.client.HTTPResponse, body: bytes, tally: Tally) -> None:
        kind = answer.getheader("Content-Type", "")
        if self.method == "HEAD" or answer.getheader("Content-Encoding") or "json" not in kind:
            return
        try:
            told = json.loads(body, parse_constant=_no_number)
        except (ValueError, TypeError) as error:
            tally.fault("no JSON", _route(self.path), [str(error), self.example])
            return
        if isinstance(told, dict) and "error" in told:
            tally.said([told["error"]], _route(self.path), self.example)


def _no_number(name: str) -> float:
    raise TypeError(f"{name} in JSON")


def _route(path: str) -> str:
    return "/".join(part if part.isalpha() else "..." for part in path.split("?")[0].split("/")[:6])[:80]
