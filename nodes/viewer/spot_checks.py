"""Spot checks in the browser: each under an id that cannot be guessed, answers written as they are given."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selagg_core.files.write import cause_of
from selagg_core.prompt.messages import message, said_of, why
from selagg_core.proof.rows import read_rows
from selagg_core.proof.spot_check import SpotClaim, agreement, give_answer, given_answers

GONE = message("spot_gone")
PLACE = "/selagg/spot_checks"
KEPT = 64
MOST_BYTES = 4096
"""Of an answer."""


@dataclass(frozen=True)
class SpotCheck:
    """What one run of SelAgg Calibrate shows. folder: of claims and answers; scores: the file of labels."""

    claims: tuple[SpotClaim, ...]
    folder: Path
    scores: Path

    def state(self) -> dict[str, Any]:
        """All claims with the artist's answers; never with the judges': they come when all are answered."""
        answers = given_answers(self.folder)
        claims = [
            {
                "sentence": str(own.sentence),
                "said": said_of(own.sentence),
                "prompt": own.taken.prompt,
                "things": own.things,
                "answer": answers.get(own.key),
            }
            for own in self.claims
        ]
        done = all(own.key in answers for own in self.claims)
        found = agreement(self.folder, read_rows(self.scores)).to_json() if done else None
        return {"claims": claims, "agreement": found}

    def picture(self, number: int) -> bytes:
        """PNG. Raises ValueError if there is none."""
        try:
            return (self.folder / f"{self.claims[number].key}.png").read_bytes()
        except (IndexError, OSError) as error:
            cause = cause_of(error) if isinstance(error, OSError) else "there is no such claim"
            raise ValueError(f"the picture of this claim cannot be read: {cause}.") from error

    def answer(self, body: Any) -> None:
        """Takes {"claim": number, "answer": "right", "wrong", "unclear" or null}; ValueError for others."""
        number = body.get("claim") if isinstance(body, Mapping) else None
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(self.claims):
            raise ValueError("an answer is on one of the claims that are shown.")
        given = body.get("answer")
        if given is not None and not isinstance(given, str):
            raise ValueError("an answer is a word.")
        give_answer(self.folder, self.claims[number], given)


@dataclass
class SpotChecks:
    """The last spot checks. Safe to use from several threads."""

    _kept: OrderedDict[str, SpotCheck] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, check: SpotCheck) -> str:
        """The id under which it can be asked for."""
        key = secrets.token_hex(16)
        with self._lock:
            self._kept[key] = check
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return key

    def get(self, key: str) -> SpotCheck:
        """Raises ValueError if it is not kept any more."""
        with self._lock:
            if key not in self._kept:
                raise ValueError(GONE)
            self._kept.move_to_end(key)
            return self._kept[key]


def add_spot_check_routes(routes, checks: SpotChecks) -> None:
    """Adds the routes of spot checks to the host's table; once, however often the pack is loaded."""
    from aiohttp import web

    if any(str(getattr(route, "path", "")).startswith(f"{PLACE}/") for route in routes):
        return

    async def told(request, work: Callable[[SpotCheck], Any]) -> Any:
        """What the work gives, done beside the server; a refusal is an answer like any other."""

        def of_check() -> Any:
            return work(checks.get(request.match_info["id"]))

        try:
            return await asyncio.get_running_loop().run_in_executor(None, of_check)
        except ValueError as error:
            text = why(error)
            return web.json_response({"error": text, "said": said_of(text)})

    @routes.get(f"{PLACE}/{{id}}")
    async def state(request):
        found = await told(request, lambda check: check.state())
        return found if isinstance(found, web.Response) else web.json_response(found)

    @routes.get(f"{PLACE}/{{id}}/pictures/{{number}}")
    async def picture(request):
        number = request.match_info["number"]
        if not number.isdecimal() or len(number) > 6:
            raise web.HTTPNotFound
        found = await told(request, lambda check: check.picture(int(number)))
        if isinstance(found, web.Response):
            raise web.HTTPNotFound
        headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=found, content_type="image/png", headers=headers)

    @routes.post(f"{PLACE}/{{id}}/answers")
    async def answer(request):
        if request.content_type != "application/json":  # no form of another page can send it unasked
            raise web.HTTPUnsupportedMediaType
        try:
            if (request.content_length or 0) > MOST_BYTES:
                raise ValueError("too long")
            body = await request.json()
        except ValueError:
            return web.json_response({"error": "this is no answer."})

        def given(check: SpotCheck) -> dict[str, Any]:
            check.answer(body)
            return check.state()

        found = await told(request, given)
        return found if isinstance(found, web.Response) else web.json_response(found)


#: Routes and nodes run in different threads of one server and share this, and nothing else.
SPOT_CHECKS = SpotChecks()
