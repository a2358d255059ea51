"""The node that finds out what is really in a picture, by judges that are not attention: SelAgg Truth."""

from __future__ import annotations

from collections.abc import Callable

from selagg_core.proof.run_truth import RunTruth, claims_of_run, judge_run
from selagg_core.proof.testimony import Testimony
from selagg_core.view import open_run

from . import host, judging
from .viewer import sockets

NODE = "SelAgg Truth"


class SelAggTruth:
    DESCRIPTION = (
        "Finds out which claims of the prompt are right in the picture, by judges that are not attention: "
        "masks or boxes of any detector, a SAM3 model that is asked for every noun, a model that answers "
        "questions. Several of these nodes can be chained."
    )
    CATEGORY = "SelAgg/Expert"
    SEARCH_ALIASES = ["ground truth", "judge", "evaluate", "sam3", "segment", "vqa", "benchmark"]
    FUNCTION = "judge"
    RETURN_TYPES = ("SELAGG_TRUTH", "STRING")
    RETURN_NAMES = ("truth", "claims")
    OUTPUT_TOOLTIPS = (
        "What is in the pictures, for SelAgg Score or for a further SelAgg Truth.",
        "One line a claim: right, wrong, or open where judges disagree or are not sure; or what is missing.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                **sockets.of_run(),
                "words": (
                    "STRING",
                    {
                        "default": "",
                        "tooltip": "The words of the prompt that the mask and the boxes are for, separated "
                        "by commas.",
                    },
                ),
                "answers": (
                    "STRING",
                    {
                        "default": "",
                        "multiline": True,
                        "tooltip": "What you, or any node that makes text, say of claims, one a line: red > "
                        "scarf: yes. Of one picture of several: picture 2: cat: no.",
                    },
                ),
                "claims": (
                    "STRING",
                    {"advanced": True, "default": "", "multiline": True, "tooltip": sockets.CLAIMS_TOOLTIP},
                ),
            },
            "optional": {
                "mask": (
                    "MASK",
                    {
                        "tooltip": "Where the words are, from any segmenter: one mask a word and picture, "
                        "all words of the first picture first. A black one says that it is not there."
                    },
                ),
                "boxes": (
                    "BOUNDING_BOX",
                    {
                        "forceInput": True,  # else hosts make widgets of it, with a box of their own
                        "tooltip": "Boxes of a detector such as RT-DETR: they say whether the words are "
                        "there, how often, and where. Several words need labels.",
                    },
                ),
                "model": (
                    "MODEL",
                    {"tooltip": _since("A SAM3 model: it is asked for every noun", "SAM3_Detect")},
                ),
                "clip": ("CLIP", {"tooltip": "The CLIP of the same SAM3 checkpoint."}),
                "vlm": (
                    "CLIP",
                    {
                        "tooltip": _since(
                            "A text encoder that sees and speaks (Qwen3-VL, Gemma): it answers a question a "
                            "claim",
                            "TextGenerate",
                        )
                    },
                ),
                "truth": ("SELAGG_TRUTH", {"tooltip": "Another SelAgg Truth, to have the judges of both."}),
                "prompt": ("SELAGG_PROMPT", {"tooltip": sockets.PROMPT_TOOLTIP}),
            },
        }

    def judge(
        self,
        capture,
        latent,
        image,
        words="",
        answers="",
        claims="",
        mask=None,
        boxes=None,
        model=None,
        clip=None,
        vlm=None,
        truth=None,
        prompt=None,
    ):
        problems: list[str] = []
        try:
            view = open_run(capture, sockets.latent_samples(latent), image, prompt)
            read = claims_of_run(view, str(claims or ""))
            pictures = image[..., :3]
            before = truth if isinstance(truth, RunTruth) else None
            testimonies = judging.together(
                _tried(problems, view, lambda: judging.from_sockets(view, str(words or ""), mask, boxes)),
                _tried(problems, view, lambda: judging.from_text(view, str(answers or ""))),
                _tried(problems, view, lambda: _segmented(view, read, pictures, model, clip)),
                _tried(problems, view, lambda: _spoken(view, read, pictures, vlm)),
            )
            found = judge_run(view, read, testimonies, before)
            if not any(own.judges for own in found.testimonies) and not problems and not found.problems:
                problems.append(
                    f"{NODE}: no judge is connected: connect a MASK or boxes and write their words, or a "
                    "SAM3 model and its CLIP, or write answers."
                )
            found = RunTruth(found.pictures, found.testimonies, (*found.problems, *problems))
        except Exception as error:  # noqa: BLE001 - whatever happens in a viewer, the queue goes on
            found = RunTruth(problems=(*problems, sockets.told(NODE, error)))
        return found, "\n".join(found.lines())


def _since(text: str, name: str) -> str:
    return f"{text}. Needs a ComfyUI with the node {name} ({host.JUDGES_SINCE} or newer)."


def _tried(problems: list[str], view, judge: Callable[[], list[Testimony]]) -> list[Testimony]:
    """What a judge says; nothing, and the problem, if it cannot be asked: the others count all the same."""
    try:
        return judge()
    except Exception as error:  # noqa: BLE001 - one judge of several
        problems.append(sockets.told(NODE, error))
        return [Testimony() for _ in view.pictures]


def _segmented(view, claims, images, model, clip) -> list[Testimony]:
    if model is None and clip is None:
        return [Testimony() for _ in view.pictures]
    return judging.from_segmenter(view, claims, images, model, clip)


def _spoken(view, claims, images, clip) -> list[Testimony]:
    return (
        [Testimony() for _ in view.pictures] if clip is None else judging.from_speaker(claims, images, clip)
    )


NODES: dict[str, type] = {"SelAggTruth": SelAggTruth}
DISPLAY_NAMES: dict[str, str] = {"SelAggTruth": NODE}
