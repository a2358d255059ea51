"""Words without wires: a text that any node encodes is read from the workflow that the server was given.

When a workflow is queued, every viewer is given the words of the texts that its picture is made of: between
the encoder and the viewer the server puts a node that is in no artist's graph. It has the encoder's links for
text and CLIP, so it gets what that gets: a text that is made only during the run, a CLIP with its LoRA.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from selagg_core.prompt.offered import OfferedPrompt, offers_of, refused

from .. import host
from .offer import offer_given, offer_text, offer_texts

logger = logging.getLogger("selagg")

WORDS = "SelAggGraphWords"
READERS = {
    "SelAggDiagnose": "latent",
    "SelAggHeatmaps": "latent",
    "SelAggRepair": "conditioning",
    "SelAggCompare": "before",
    "SelAggWhatIf": "positive",
}
"""Nodes that are given words, and the input above which the texts of those words are."""
#: Their words travel with the conditioning.
OWN_ENCODERS = ("SelAggTextEncode",)
WITHOUT_CONDITIONING = ("SelAggCompare",)
"""Those that get pictures alone: words that travel with a conditioning do not reach them."""
#: Input of a node that encodes several texts -> the encoder that it goes to.
STREAMS = {"text_g": "g", "clip_g": "g", "text_l": "l", "clip_l": "l", "t5xxl": "t5xxl"}
#: The host's encoders that give the text encoder pictures, too: they are not asked a second time.
WITH_PICTURES = (
    "TextEncodeQwenImageEdit", "TextEncodeQwenImageEditPlus", "TextEncodeMageFlowEdit", "TextEncodeBooguEdit",
    "TextEncodeJoyImageEdit",
)  # fmt: skip
MOST_TEXTS = 32
"""Texts that a viewer is given at most, those nearest to its picture first."""
_NEGATIVE = re.compile(r"neg|uncond", re.IGNORECASE)
_TEXT_NAME = re.compile(r"text|prompt|positive|negative|^clip_|^t5|^bert|^mt5", re.IGNORECASE)

Graph = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Encoder:
    """A node that holds texts and a CLIP. texts: by input name, each a text or a link to what makes it.

    given: links to what it makes of its texts, by their names, where only the node itself can tell.
    """

    node: str
    title: str
    clip: list
    texts: Mapping[str, Any]
    given: Mapping[str, list] = field(default_factory=dict)


class SelAggGraphWords:
    """What the server puts between an encoder and the viewers of its picture."""

    DESCRIPTION = (
        "Reads the words of a text that another node encodes. SelAgg adds it to workflows by itself."
    )
    CATEGORY = "SelAgg"
    DEV_ONLY = True
    FUNCTION = "read"
    RETURN_TYPES = ("SELAGG_PROMPT",)
    RETURN_NAMES = ("prompt",)

    @classmethod
    def INPUT_TYPES(cls):
        text = ("STRING", {"forceInput": True})
        return {
            "required": {"clip": ("CLIP",)},
            "optional": {
                "text": text,
                **dict.fromkeys(STREAMS, text),
                "source": ("STRING", {"default": ""}),
                "given": ("CONDITIONING",),
                "more": ("SELAGG_PROMPT",),
            },
        }

    @classmethod
    def VALIDATE_INPUTS(cls, input_types):
        """Whatever its encoder takes for a text is one."""
        return True

    def read(self, clip=None, source="", more=None, text=None, given=None, **texts):
        streams = {STREAMS[name]: str(value) for name, value in texts.items() if name in STREAMS}
        offers = offers_of(more)
        try:
            own = (
                offer_texts(source, clip, streams, source)
                if streams
                else offer_given(clip, str(text or ""), given, source)
                if given is not None
                else offer_text(source, clip, str(text or ""), source)
            )
            offers += own.offers
        except Exception as error:  # it serves the viewer only: the picture must come whatever happens here
            logger.warning("The words of %s cannot be read: %s", source, error, exc_info=not _is_plain(error))
            own = OfferedPrompt(str(text or ""), (), 0, ())
            offers += (refused(source, str(error)),)
        first = more if isinstance(more, OfferedPrompt) and more.words else own
        return (replace(first, offers=offers),)


def _is_plain(error: Exception) -> bool:
    return isinstance(error, ValueError)


INTERNAL: dict[str, type] = {WORDS: SelAggGraphWords}
INTERNAL_NAMES: dict[str, str] = {WORDS: "SelAgg Words (internal)"}


# -- the request -----------------------------------------------------------------------------------------


def words_for_request(request: dict) -> dict:
    """A request for a run as the server got it, with the words of its texts for each viewer."""
    graph = request.get("prompt") if isinstance(request, dict) else None
    if not _is_workflow(graph) or not any(_kind(node) in READERS for node in graph.values()):
        return request
    try:
        return {**request, "prompt": with_words(graph, host.node_classes())}
    except Exception:  # noqa: BLE001 - a graph that is none: the host says so, in its own words
        logger.warning("The words of this workflow's texts cannot be looked up.", exc_info=True)
        return request


def _is_workflow(graph: Any) -> TypeGuard[Graph]:
    """Whether it has the form of a graph; what has not is refused by the host, in its own words."""
    return isinstance(graph, dict) and all(
        isinstance(node, Mapping)
        and isinstance(node.get("inputs", None if _kind(node) in READERS else {}), Mapping)
        for node in graph.values()
    )


def with_words(graph: Graph, classes: Mapping[str, type]) -> dict[str, Any]:
    """The graph with a node of words for each text and CLIP that a viewer's picture is made of.

    What an earlier request has added is taken out first. The graph that is given stays as it is.
    """
    result = _without_words(graph)
    added: dict[str, str] = {}
    for number, node in list(result.items()):
        if _kind(node) not in READERS:
            continue
        prompt = node["inputs"].get("prompt")
        if prompt is None and _kind(node) in WITHOUT_CONDITIONING:
            prompt = _own_words(result, number)
        named = _named_already(result, prompt)
        for encoder in encoders_of(result, number, classes):
            for texts in _texts_for_a_node(encoder):
                if (encoder.clip, *_as_named(texts)) in named:
                    continue
                inputs = {"clip": encoder.clip, **texts, "source": encoder.title}
                if _is_link(prompt):
                    inputs["more"] = prompt
                prompt = [_add(result, added, inputs), 0]
        if prompt is not node["inputs"].get("prompt"):
            result[number] = {**node, "inputs": {**node["inputs"], "prompt": prompt}}
    return result


def _own_words(graph: Graph, reader: str) -> list | None:
    """The words that the nearest encoder of this pack gives out, for a node that sees no conditioning."""
    own = (number for number, node in _above(graph, reader, False) if _kind(node) in OWN_ENCODERS)
    nearest = next(own, None)
    return None if nearest is None else [nearest, 1]


def _add(graph: dict[str, Any], added: dict[str, str], inputs: dict[str, Any]) -> str:
    """The number of a node of words with these inputs, which viewers of one picture share."""
    key = repr(sorted(inputs.items()))
    if key not in added:
        number = len(added) + 1
        while f"selagg-words-{number}" in graph:
            number += 1
        added[key] = f"selagg-words-{number}"
        graph[added[key]] = {"class_type": WORDS, "inputs": inputs, "_meta": {"title": "SelAgg Words"}}
    return added[key]


def _without_words(graph: Graph) -> dict[str, Any]:
    """The graph as the artist made it: links to nodes of words lead to what those were given."""

    def before(value: Any) -> Any:
        passed = set()
        while _is_link(value) and _kind(graph.get(value[0])) == WORDS:
            if value[0] in passed:  # a ring of links, which no artist makes
                return None
            passed.add(value[0])
            value = graph[value[0]].get("inputs", {}).get("more")
        return value

    result: dict[str, Any] = {}
    for number, node in graph.items():
        if _kind(node) in READERS and isinstance(node.get("inputs"), dict):
            inputs = {**node["inputs"], "prompt": before(node["inputs"].get("prompt"))}
            result[number] = {
                **node,
                "inputs": {k: v for k, v in inputs.items() if k != "prompt" or v is not None},
            }
        elif _kind(node) != WORDS:
            result[number] = node
    return result


def _named_already(graph: Graph, prompt: Any) -> list[tuple]:
    """(clip, text), or (clip, text of g, text of l), of the SelAgg Prompt that the artist has connected."""
    node = graph.get(prompt[0]) if _is_link(prompt) else None
    if node is None or _kind(node) != "SelAggPrompt":
        return []
    own = [node["inputs"].get(name) for name in ("clip", "text", "text_l")]
    if node["inputs"].get("text_t5") is not None:
        return []
    return [tuple(own) if own[2] is not None else tuple(own[:2])]


def _as_named(texts: Mapping[str, Any]) -> list:
    """Texts in the order of SelAgg Prompt's, if it can have them: one, or that of g and that of l."""
    return (
        [texts[name] for name in ("text", "text_g", "text_l") if name in texts]
        if "t5xxl" not in texts
        else []
    )


def _texts_for_a_node(encoder: Encoder) -> list[dict[str, Any]]:
    """Texts that go together, as a host's encoder of several takes them; any others each by itself."""
    if len(encoder.texts) > 1 and set(encoder.texts) <= set(STREAMS):
        return [dict(encoder.texts)]
    given = {name: {"given": link} for name, link in encoder.given.items()}
    return [
        {"text": text, **given.get(name, {})}
        for name, text in encoder.texts.items()
        if _is_link(text) or text.strip()
    ]


# -- the way up ------------------------------------------------------------------------------------------


def encoders_of(graph: Graph, viewer: str, classes: Mapping[str, type]) -> list[Encoder]:
    """Encoders above a viewer's latent, the nearest first, at most MOST_TEXTS texts.

    Those of the negative prompt count only if the capture records it.
    """
    negative = _records_negative(graph, graph[viewer]["inputs"].get("capture"))
    found: list[Encoder] = []
    for number, node in _above(graph, viewer, negative):
        encoder = _encoder(number, node, classes.get(_kind(node)), negative)
        if encoder is not None:
            found.append(encoder)
        if sum(len(encoder.texts) for encoder in found) >= MOST_TEXTS:
            break
    return found


def texts_of(graph: Graph, viewer: str, classes: Mapping[str, type]) -> list[str]:
    """Names of the nodes that tell a viewer its words: encoders that can be read, and those of this pack.

    Raises ValueError if there is no such viewer.
    """
    node = graph.get(viewer)
    if node is None or _kind(node) not in READERS or not isinstance(node.get("inputs"), Mapping):
        raise ValueError(f"node {viewer!r} is no viewer of this workflow.")
    own = [number for number, node in _above(graph, viewer, False) if _kind(node) in OWN_ENCODERS]
    named = [node["inputs"]["prompt"][0]] if _is_link(node["inputs"].get("prompt")) else []
    return [*named, *own, *(encoder.node for encoder in encoders_of(graph, viewer, classes))]


def _above(graph: Graph, viewer: str, negative: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Nodes that make a viewer's latent, the nearest first; of the negative prompt only if asked to."""
    seen: set[str] = set()
    start = graph[viewer]["inputs"].get(READERS[_kind(graph[viewer])])
    waiting = deque([start[0]] if _is_link(start) else [])
    while waiting:
        number = waiting.popleft()
        node = graph.get(number)
        if number in seen or not isinstance(node, Mapping) or not isinstance(node.get("inputs"), Mapping):
            continue
        seen.add(number)
        yield number, node
        waiting.extend(source for name, source in _links(node) if negative or not _NEGATIVE.match(name))


def _records_negative(graph: Graph, capture: Any) -> bool:
    node = graph.get(capture[0]) if _is_link(capture) else None
    return bool(node and node.get("inputs", {}).get("negative_prompt", False))


def _encoder(number: str, node: Mapping[str, Any], kind: type | None, negative: bool) -> Encoder | None:
    """The node as an encoder of texts; None if it holds no text and CLIP, or tells its words itself."""
    outputs = tuple(getattr(kind, "RETURN_TYPES", None) or ())
    if kind is None or "CONDITIONING" not in outputs or _kind(node) in OWN_ENCODERS:
        return None
    declared = _declared(kind)
    inputs = node["inputs"]
    clip = next((v for n, v in inputs.items() if _is_link(v) and _type(declared.get(n)) == "CLIP"), None)
    if clip is None and "CLIP" in outputs:  # a loader that encodes, too
        clip = [number, outputs.index("CLIP")]
    texts = {
        name: value
        for name, value in inputs.items()
        if _is_text(name, declared.get(name), value) and (negative or not _NEGATIVE.match(name))
    }
    if clip is None or not any(_is_link(text) or text.strip() for text in texts.values()):
        return None
    title = node.get("_meta", {}).get("title") or _kind(node)
    return Encoder(number, f'"{title}" ({number})', clip, texts, _given(number, node, outputs, texts))


def _given(number: str, node: Mapping[str, Any], outputs: Sequence[str], texts: Mapping) -> dict[str, list]:
    """Where an encoder of pictures gives out each text: its positive first, its negative behind."""
    if _kind(node) not in WITH_PICTURES:
        return {}
    places = [place for place, kind in enumerate(outputs) if kind == "CONDITIONING"]
    return {name: [number, places[-1 if _NEGATIVE.match(name) else 0]] for name in texts}


def _is_text(name: str, definition: Any, value: Any) -> bool:
    """Whether an input is a text to encode: a line of settings, such as a name, is not."""
    if _type(definition) != "STRING" or not (_is_link(value) or isinstance(value, str)):
        return False
    options = definition[1] if len(definition) > 1 and isinstance(definition[1], Mapping) else {}
    return bool(options.get("multiline") or _TEXT_NAME.search(name))


def _declared(kind: type) -> Mapping[str, Any]:
    """Definitions of all inputs; {} for a node that cannot tell them."""
    try:
        declared = kind.INPUT_TYPES()  # type: ignore[attr-defined]
        return {**declared.get("required", {}), **declared.get("optional", {})}
    except Exception as error:  # another pack's code
        logger.debug("The inputs of %s are not known: %r", kind, error)
        return {}


def _kind(node: Any) -> str:
    return str(node.get("class_type", "")) if isinstance(node, Mapping) else ""


def _type(definition: Any) -> str:
    return str(definition[0]) if isinstance(definition, tuple | list) and definition else ""


def _links(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in node["inputs"].items():
        if _is_link(value):
            yield name, value[0]


def _is_link(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )
