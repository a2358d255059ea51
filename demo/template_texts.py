"""What the template browser calls the examples, in this order, and the note that lies in each graph.

The browser has no other title than the name of the file, and no order that a pack can give but that of names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TemplateText:
    """A title that can be a file's name anywhere; what to do, and what is to be seen then (Markdown)."""

    title: str
    do: str
    seen: str
    app: bool = False
    """Whether it is an App: the browser of templates knows one by the end of its file's name."""

    @property
    def note(self) -> str:
        return f"**What to do**\n\n{self.do}\n\n**What you will see**\n\n{self.seen}\n"


_RUN = "Press Run. The demo model comes with SelAgg; nothing is downloaded."
_MADE_WRONG = (
    "Press Run. {weights} in the prompt, so that this picture goes wrong. Then set the weights to 1 and run "
    "again to compare."
)
_PHOTO = (
    "Choose your {kind} checkpoint in Load Checkpoint, write your prompt into *Prompt* (and what you do not "
    "want into *Negative*), and press Run."
)
_PROVE = (
    "Choose your {kind} and, in *SAM3*, a SAM3 checkpoint; press Run, again and again with other prompts and "
    "seeds (two pictures a prompt; *picture_seed* too). `python -m benchmarks.prove` of SelAgg's "
    "repository does it for hundreds of pictures."
)
_PROVE_SEEN = (
    "*Truth* asks SAM3 for every thing of the prompt and reads colours from the pixels inside. *Table* tells "
    "what the maps are worth against that on all pictures so far: whether selected heads are better than "
    "DAAM on your checkpoint, worse, or undecided, and then how many more pictures it takes."
)
_FILES = (
    "Choose your files of {kind} in the three loaders (the names are those of ComfyUI's own templates), "
    "write your prompt into *Prompt*, and press Run. {more}"
)
_ONE_TEXT = "At cfg 1 the text in *Negative* is not read. "
_LITERAL = "This text encoder reads weights such as (red:1.3) as text: write without them."
_BOTH_TEXTS = "What you do not want goes into *Negative*. "
_EVERY_HEAD = " The maps are of all heads: there is no head relevance of this model until you build one."
_PHOTO_SEEN = (
    "*SelAgg Diagnose* shows the picture with the words of the prompt above it: hover a word to see where "
    "the model looked for it, click a warning to see what it comes from. No warning means that nothing wrong "
    "was found. *SelAgg Heatmaps* makes pictures of the maps, and masks for other nodes."
)

#: Name of an example -> its text, in the order of the browser.
TEMPLATES = {
    "diagnose_demo": TemplateText(
        "Diagnose a prompt (demo model)",
        f"{_RUN} Two small pictures are made.",
        "*SelAgg Diagnose* says *Wrong place*: the circle should be left of the star, but it is right of it, "
        "and both are outside the boxes that *boxes* gives them. Hover the words above the picture: each "
        "shows where the model looked for it. *SelAgg Heatmaps* makes pictures of the maps, and masks for "
        "other nodes.",
    ),
    "diagnose_sd15": TemplateText("Diagnose a photo (SD 1.5)", _PHOTO.format(kind="SD 1.5"), _PHOTO_SEEN),
    "diagnose_sdxl": TemplateText("Diagnose a photo (SDXL)", _PHOTO.format(kind="SDXL"), _PHOTO_SEEN),
    "diagnose_demo_stock_encode": TemplateText(
        "Diagnose with CLIP Text Encode (demo model)",
        f"{_RUN} ComfyUI's own CLIP Text Encode encodes the prompt here; *SelAgg Prompt* has the same text "
        "again and names its words. When you change the text, change it in both. (Without SelAgg Prompt, "
        "Diagnose reads text and CLIP from the graph itself, and says so if it cannot.)",
        "The same pictures and the same warnings as with SelAgg Text Encode.",
    ),
    "diagnose_demo_neglected": TemplateText(
        "Missing (demo model)",
        _MADE_WRONG.format(weights="*orange* and *triangle* have the weight 0.1"),
        "*Missing*: the triangle seems to be missing, the model found no place for it. Hover *ring* and "
        "*triangle*: one map has a place, the other is spread over the picture.",
    ),
    "diagnose_demo_leaked": TemplateText(
        "Colour bled (demo model)",
        _MADE_WRONG.format(weights="*blue* has the weight 1.6 and *mint* 0"),
        "*Colour bled*: blue was meant for the triangle, but it bled onto the ring. Click the warning to see "
        "the regions of the words.",
    ),
    "diagnose_demo_misplaced": TemplateText(
        "Wrong place (demo model)",
        "Press Run. No weights are changed here: with this seed the model does not do what the prompt says. "
        "Then change the seed and run again to compare.",
        "*Wrong place*: the triangle should be left of the square, but it is right of it.",
    ),
    "diagnose_demo_blended": TemplateText(
        "Merged (demo model)",
        _MADE_WRONG.format(weights="*house*, *circle* and *red* have the weight 0.3"),
        "A purple fruit: circle and orange became one thing. *Missing* is said of the circle and of the "
        "house; that circle and orange *Merged* is not sure enough for a warning, and is in the report as "
        "unsure.",
    ),
    "diagnose_demo_wrong_sense": TemplateText(
        "Wrong meaning (demo model)",
        _MADE_WRONG.format(weights="*house* has the weight 0.1"),
        "An orange and no house. *Missing* is said of the house and, for your information, *Wrong meaning*: "
        "orange was meant as a colour, but the picture seems to take it as the fruit.",
    ),
    "diagnose_demo_diffuse": TemplateText(
        "Cannot tell (demo model)",
        _MADE_WRONG.format(weights="All words that count have the weight 0"),
        "*Cannot tell*, for your information: the maps show no place for any word, so SelAgg says nothing of "
        "this picture instead of guessing.",
    ),
    "diagnose_demo_app": TemplateText(
        "Check a prompt as an App (demo model)",
        "Write a prompt of simple shapes and colours, and press Run. This opens as an App, without a graph, "
        "where the frontend has Apps; the first button at the top left leads to the graph. The demo model "
        "comes with SelAgg; nothing is downloaded.",
        "The picture with what went wrong drawn into it, and the warnings below it: with this seed *Wrong "
        "place*, for the star should be above the square. At the side, where the model looked for each word.",
        app=True,
    ),
    "repair_demo": TemplateText(
        "Repair (demo model)",
        f"{_RUN} The picture is made and diagnosed, and then made again from the same seed with what *SelAgg "
        "Repair* changes.",
        "First *Wrong place*: the fish should be below the triangle, but it is left of it. In the second "
        "picture the fish is below, and its diagnosis has no warning.",
    ),
    "compare_demo": TemplateText(
        "Compare (demo model)",
        f"{_RUN} A picture that goes wrong is diagnosed; 16 new seeds are then made without and with what "
        "*SelAgg Repair* changes, and with the same change on words that do not matter, a placebo.",
        "*SelAgg Compare* says whether the change helps: how many pictures are wrong before and after, judged"
        " by their pixels, and what the placebo does.",
    ),
    "prove_sd15": TemplateText("Prove it (SD 1.5)", _PROVE.format(kind="SD 1.5 checkpoint"), _PROVE_SEEN),
    "prove_sdxl": TemplateText("Prove it (SDXL)", _PROVE.format(kind="SDXL checkpoint"), _PROVE_SEEN),
    "prove_zimage": TemplateText("Prove it (Z Image)", _PROVE.format(kind="Z-Image files"), _PROVE_SEEN),
}


TEMPLATES |= {
    f"diagnose_{name}": TemplateText(
        f"Diagnose a photo ({kind})", _FILES.format(kind=kind, more=more), _PHOTO_SEEN + _EVERY_HEAD
    )
    for name, kind, more in (
        ("z_image_turbo", "Z-Image-Turbo", _ONE_TEXT + _LITERAL),
        ("qwen_image", "Qwen-Image", _BOTH_TEXTS + _LITERAL),
        ("krea2", "Krea 2 Turbo", _ONE_TEXT + _LITERAL),
        ("flux1", "FLUX.1 dev", _ONE_TEXT),
        ("flux2_klein", "FLUX.2 klein 4B", _ONE_TEXT + _LITERAL),
        ("anima", "Anima", _BOTH_TEXTS),
    )
}
TEMPLATES["diagnose_sd35"] = TemplateText(
    "Diagnose a photo (SD 3.5)", _PHOTO.format(kind="SD 3.5 Large"), _PHOTO_SEEN + _EVERY_HEAD
)


def shown_name(example: str) -> str:
    """The name of an example's files in the template browser, without suffix: its number and its title."""
    text = TEMPLATES[example]
    return f"{list(TEMPLATES).index(example) + 1:02} {text.title}{'.app' if text.app else ''}"
