"""What an artist is told beside findings: why something could not be done, and what to know of a recording.

All texts are here, in English, for translators: key -> text with names in braces. `message` makes the English
text of one, which knows its key and its values, so that a viewer says it in another language.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PREFIX = "message."

#: Ends of "7 of 16 attention layers were not recorded: ..."; what stands after a full stop is what to do.
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "changed": "another pack changed them. For maps, bypass that node (Ctrl+B)",
        "own_keys": "another pack computed them with keys or weights of its own (attention couple?). For "
        "maps, bypass that node (Ctrl+B)",
        "own_keys_compiled": "another pack changed them, which cannot be followed in a compiled model. "
        "For maps, bypass Torch Compile Model (Ctrl+B)",
        "other_text": "another pack gave them a text of its own in place of the prompt. For maps, bypass "
        "that node (Ctrl+B)",
        "other_columns": "another pack gave them other text columns. For maps, bypass that node (Ctrl+B)",
        "more_rows": "another pack gave them rows of its own (attention couple?). For maps, bypass that "
        "node (Ctrl+B)",
        "no_picture": "they belong to no picture (another pack?). For maps, bypass that node (Ctrl+B)",
        "no_prompt": "they could not be attributed to a prompt (another pack?). For maps, bypass that "
        "node (Ctrl+B)",
        "no_text": "their text cannot be read (another pack?). For maps, bypass that node (Ctrl+B)",
        "no_grid": "they have a grid of unknown meaning (another pack?). For maps, bypass that node (Ctrl+B)",
        "unknown_tokens": "their sequence of text and picture is made in a way that is not known "
        "(another pack?). For maps, bypass that node (Ctrl+B)",
        "parts": "the model was called on a few pictures at a time (context windows?), and only one "
        "call's are recorded. For maps of all, bypass that node (Ctrl+B) or sample fewer",
        "unknown_part": "the model was called on a part of the video at a time, and which frames were in it "
        "cannot be told (context windows of another pack?). For maps of all, use the Context Windows nodes "
        "of ComfyUI",
        "tiles": "they cover another part of the picture than their prompt (tiles?). For maps, bypass "
        "that node (Ctrl+B)",
        "grid_changed": "their grid changed during the run, and only the first grid was recorded. For "
        "maps of all, sample each size in a run of its own",
        "not_called": "they were not called",
    }
)
_RUNS = {
    "no_capture": "there is no capture: connect the capture of the SelAgg Capture that was sampled.",
    "capture_missing": "no capture reaches this node: SelAgg Capture is bypassed, muted or not "
    "connected. Enable it (Ctrl+B or Ctrl+M) or connect its capture, and run again.",
    "no_run": "SelAgg Capture has recorded no sampling run yet. Connect its MODEL output to the sampler, "
    "and the LATENT of that sampler here.",
    "not_connected": "This picture was sampled before any node was connected to SelAgg Capture, so "
    "nothing was recorded. From now on it is: change the seed of the sampler and queue again.",
    "wrong_latent": "This latent was not sampled with this capture: connect the LATENT of the sampler "
    "that is fed by this SelAgg Capture. (If the sampler's result came from ComfyUI's cache, its run may "
    "have made room for newer ones: change its seed and queue again.)",
    "interrupted": "The last run was interrupted.",
    "no_latent": "there is no latent picture: connect the LATENT of the sampler.",
    "no_image": "there is no image: connect the IMAGE that VAE Decode makes from this LATENT.",
    "image_channels": "the image has {count} channels: connect one of red, green and blue.",
    "image_batch": "the image batch holds {images}, the latent batch {latents}: connect the IMAGE that "
    "VAE Decode makes from this same LATENT.",
    "image_shape": "the image is {width}x{height}, which is not the shape of the latent "
    "({columns}x{rows}): connect the IMAGE that VAE Decode makes from this LATENT, not cropped or padded.",
    "pictures_recorded": "the run recorded {recorded} of the {pictures} pictures of this image batch. {why}",
    "decode_this": "Connect the IMAGE that VAE Decode makes from this LATENT.",
    "partial": "The run was not completed: the maps are of its part.",
    "unsupported": "SelAgg cannot read this kind of model yet ({name}); your picture is unaffected. It "
    "reads SD1.x, SD2.x, SDXL, SD3, Flux, Z-Image, Lumina, Qwen-Image, Krea 2, Anima, Wan and models of "
    "their kind.",
    "compiled": "This model is compiled (Torch Compile Model or the like) in such a way that its layers "
    "cannot be told apart, so nothing of this run was recorded; the picture is as it should be. For "
    "maps, bypass that node (Ctrl+B) and run again.",
    "outside": "Some model calls came from outside the sampler's steps and were not recorded (another "
    "pack?). For maps of all, bypass that node (Ctrl+B).",
    "no_steps": "This sampler reports no steps: only its last evaluation was recorded.",
    "nothing_seen": "No cross-attention was seen in this run: the model was evaluated in a way that "
    "SelAgg Capture cannot follow (an engine such as TensorRT, or a node that replaces the model). For "
    "maps, bypass that node (Ctrl+B).",
    "negative_unused": "The negative prompt did nothing in this run: at cfg 1 only the positive prompt "
    "is read. Raise cfg above 1 if the model allows it, or leave the negative prompt empty.",
    "first_frame": "This is a video: SelAgg shows the words' maps of its first frame.",
    "video_frames": "This is a video: SelAgg shows and checks {count} of its {every} frames, those with the "
    "numbers {numbers}.",
    "frames_lost": "Of the {every} frames that SelAgg would keep of this video it has {count}: the others "
    "were in no part whose frames can be told. For maps of all, use the Context Windows nodes of ComfyUI.",
    "frames_of_prompt": "A part of this video was made without {entry} (context windows with a prompt of "
    "their own?): in {count} of its {every} kept frames the maps of its words are empty.",
    "beside": "This model puts the picture that is to be changed beside the one that it makes, and "
    "SelAgg cannot read such a pair yet. For maps, sample without it.",
    "guessed": "SelAgg does not know this model: it takes the first tokens of its sequence for the text. "
    "If the maps make no sense, the words are somewhere else: the README names the models that it knows.",
    "layers_missing": "{count} of {every} attention layers were not recorded ({names}): {cause}.",
    "layers_missing_of": "{count} of {every} attention layers were not recorded for {entry} ({names}): "
    "{cause}.",
    "rows_missing": "{count} of {every} rows were not recorded: {cause}.",
    "steps_missing": "{count} of {every} steps were not recorded: the prompt was not evaluated in them "
    "(it has a timestep range, or a cache such as EasyCache was used).",
    "self_attention_lost": "The self-attention of layer {layer} was changed by another pack (HyperTile, "
    "ToMe?) and not kept. For borders of things, bypass that node (Ctrl+B).",
    "self_attention_large": "To stay within {budget} MiB, the self-attention of {count} of {every} "
    "layers was not kept for {entry}.",
    "coarser": "To keep the maps of {entry} within {budget} MiB, {count} of {every} layers were recorded "
    "on coarser grids. Raise the memory budget of SelAgg Capture, or label the prompt, to record them "
    "fully.",
}
_WORDS = {
    "positive": "positive",
    "negative": "negative",
    "numbered": "{name} {number}",
    "the_prompt": "the {name} prompt",
    "columns_of": "{count} of {every} columns of the {name} prompt",
    "words_unknown": "The words of {what} are not known: encode it with SelAgg Text Encode, or connect a "
    "SelAgg Prompt with the same CLIP and text to this node.",
    "words_other_text": "The words of {what} are not known: what the model was given is not what the "
    "text of {sources} gives (wildcards, schedules?). Use SelAgg Text Encode, or connect a second text "
    "to text_l of SelAgg Prompt.",
    "words_other_length": "The words of {what} are not known: the model was given {length} columns, the "
    "text of {sources} has {offered}. Use SelAgg Text Encode, or connect a second text to text_l of "
    "SelAgg Prompt.",
    "words_refused": "The words of {what} are not known. {sources}: {why}",
    "words_by_position": "The words of the {name} prompt are known by their position, from the text of "
    "{sources}: its encoder weighs words in a way of its own.",
    "words_cut": "A part of {words} is missing: the text was cut at the end of a chunk when "
    "conditionings were put together. The map is of the tokens that are there.",
    "words_approximate": "The {name} conditioning was changed after encoding: its words are approximate.",
    "words_none": "the words of the prompt are not known.",
    "texts_together": "its texts differ, and how {names} put them together is not known to SelAgg: give "
    "all of them the same text.",
    "text_no_words": "it has no word that SelAgg can tell apart (its text encoder may be of an unknown "
    "kind).",
    "text_other_columns": "its text encoder gives other columns than tokens.",
    "second_text": "The prompt has a second text, which shares its columns: maps are named by the words "
    "of the first one.",
    "one_of_two": "Two text encoders were given a text each, which share their columns: maps are named "
    "by the words of {source} alone.",
    "weights_are_text": "This text encoder knows no weights: it reads brackets and numbers, as in "
    "{example}, as text. Write the prompt without them.",
    "cut_off": "The text encoder reads the beginning of this prompt only, and not {words}: shorten the "
    "prompt, or write what matters most first.",
    "one_way_before": 'This text encoder reads from left to right: "{later}" has read "{earlier}", and '
    'not the other way round. Write "{later}" before "{earlier}".',
    "one_way_first": 'This text encoder reads from left to right: "{later}" has read "{earlier}", and '
    'not the other way round. Name "{later}" first, or in a text of its own.',
    "from_reference": "From the reference: {share} of this picture's attention went to its reference "
    "pictures. The maps of words leave it out. If words do too little, use fewer reference pictures, or "
    "smaller ones.",
    "prompt_empty": "the prompt is empty: no word of it can be shown. Write a prompt in the text node.",
    "not_in_prompt": '"{word}" is not in the prompt. Words that are there: {words}.',
    "only_once": 'there is no "{wanted}": "{word}" is in the prompt once.',
    "only_times": 'there is no "{wanted}": "{word}" is in the prompt {count} times.',
}
_HEADS = {
    "agreement_only": "In this kind of model text and picture attend to each other, so that no word can be "
    "asked about by itself: heads are ranked by how well their maps agree, not by counted wins.",
    "agreement_timed": "This model reads its text anew at every step, so that no word can be asked about by "
    "itself: heads are ranked by how well their maps agree, not by counted wins.",
    "transferred": "Head relevance was transferred from {model}: it was measured there and not checked "
    "on this checkpoint.",
    "no_relevance": "No head relevance is known for this model, so all heads are used for every map: "
    "connect one of SelAgg Build Relevance to have selective maps.",
    "other_relevance": "the connected head relevance was measured on {model} ({heads} heads in {layers} "
    "layers, text width {width}), which is another architecture than this model ({own_heads} in "
    "{own_layers}, text width {own_width}): disconnect it, or build one for this model.",
    "concept_unknown": "No concept is known for {words}, so all heads are used: write {word}={concept} "
    "(or another concept) to choose one.",
    "concept_ambiguous": '"{word}" may mean {senses}: heads of all of them are used. Write '
    "{word}={concept} to choose one.",
    "concept_nearest": '"{word}" is taken for {concept}, the nearest concept of the text encoder.',
    "reliable": "reliable: {what}",
    "unreliable": "unreliable: {what}",
    "wins": "{concept} won {share} of the time in {model} (by chance {chance}), and more than by chance "
    "in {count} of {every} heads.",
    "maps_measured": "{score} of {concept} was measured on {count} maps of its words in {model} (at "
    "least {least} are needed).",
    "override_form": '"{entry}" does not say which concept a word has: write it like orange=Color.',
    "override_twice": '"{word}" has a concept twice: keep one, or join both with "+".',
    "concept_not_there": 'There is no concept "{name}".{hint} Concepts that are there: {concepts}.',
    "concept_hint": ' Did you mean "{name}"?',
    "all_instead": "{why} All heads were used instead.",
}
_CLAIMS = {
    "foreign": "Claims are read from English, and this prompt seems to be in another language: its maps "
    "are shown all the same. Claims that you write yourself are checked in every language.",
    "contradiction": '"{one}" and "{other}" cannot both be true: only the second is checked. Say which '
    "one you mean.",
    "of_claim": 'claim "{line}": {why}',
    "claim_form": "write it like one of: red > scarf, cat left of dog, cat: top left, orange = Color, "
    "thing: railing, ignore: masterpiece.",
    "no_concept": 'there is no concept "{name}"; concepts are {concepts}.',
    "below_zero": "Weighed below 0 in the prompt, so it should stay away and nothing is expected of it: "
    "{words}.",
    "nothing_to_check": "There is nothing to check: the prompt names no thing that is surely to be seen "
    "in the picture. Write claims, such as red > scarf, to have them checked.",
    "maps_cannot_tell": "Not checked, for maps cannot tell: {claims}.",
    "read_unsure": "Read, but not surely enough to warn: {claims}. Write a claim to have it checked.",
    "of_picture": "picture {number}: {what}",
    "one_left_out": "1 more finding weighs less than the {most} that are listed: see the checks of the "
    "report.",
    "left_out": "{count} more findings weigh less than the {most} that are listed: see the checks of the "
    "report.",
    "mask_without_words": "expected has no words: write in expected_words what the mask is for.",
    "words_without_mask": "there are expected_words but no expected MASK: connect one, or write boxes "
    "instead.",
    "mask_count": "there are {masks} masks for {pictures} pictures: give one, or one a picture.",
    "mask_shape": "the mask is {width}x{height}, the picture {across}x{down}: their shapes differ. Make "
    "the mask as wide and as high as the picture, or crop it to the same proportions.",
    "mask_nowhere": "the expected mask is empty: paint the place where the word should be.",
    "mask_empty": "the mask is empty: connect a MASK with a picture in it.",
    "box_outside": 'the box of "{word}" holds nothing of the {width}x{height} picture; write it as left, '
    "top, right, bottom: in pixels (up to {width} and {height}), in per cent (50%), or as shares from 0 "
    "to 1.",
    "box_form": 'cannot read the box "{text}"; write "word: left, top, right, bottom" in pixels or per '
    'cent, such as "cat: 0, 0, 50%, 100%".',
}
_PICTURES = {
    "picture_is": "picture {number} {why}",
    "picture_lost": "holds no finite values in {share} of its pixels, so nothing of it can be judged: "
    "the VAE overflowed in half precision. Start ComfyUI with --fp32-vae, or use a VAE made for half "
    "precision.",
    "picture_even": "is {tone} all over: nothing is to be seen in it, and nothing of it can be judged. "
    "Look at the sampler and the VAE first: an overflow in half precision, a wrong VAE, or no step of "
    "denoising make such pictures.",
    "black": "black",
    "white": "white",
    "one_colour": "one colour",
    "smaller": "{told}, not {width} x {height}, for {count} of them would take too much memory: name "
    "fewer words to have them larger.",
    "smaller_overlays": "overlays are {width} x {height} px",
    "smaller_masks": "masks are {width} x {height} px",
}
_NODES = {
    "and": "{one} and {other}",
    "then": "{one} {other}",
    "of_node": "{node}: {why}",
    "broke": "{node} could not do its work ({error}). The picture is not affected. Please report this "
    "with the lines of the log.",
    "view_gone": "These maps are no longer kept. Run the workflow again; if nothing happens, change its "
    "seed first.",
    "recording_gone": "The recording of this run is no longer in memory, so single heads and steps "
    "cannot be shown: change something, such as the seed, and run the workflow again.",
    "report_not_kept": "the report was not kept: {why}",
    "spot_there": 'In this picture there is: "{thing}".',
    "spot_claim": 'This is true of the picture: "{claim}".',
    "spot_leaked": '"{value}" is to be seen only on things that the prompt says it of.',
    "spot_two": '"{one}" and "{other}" are two things here, not one.',
    "spot_gone": "This spot check is no longer kept. Run SelAgg Calibrate again.",
}
MESSAGES: Mapping[str, str] = MappingProxyType(
    {**CAUSES, **_RUNS, **_WORDS, **_HEADS, **_CLAIMS, **_PICTURES, **_NODES}
)


class Message(str):
    """An English text that knows what was said: `said` is {"key": ..., "values": {...}}, see `Sentence`.

    It is a text like any other wherever it goes; what is put together of it by other means is plain English.
    """

    said: Mapping[str, Any] | None

    def __new__(cls, text: str, said: Mapping[str, Any] | None = None) -> Message:
        own = super().__new__(cls, text)
        own.said = said
        return own

    def __str__(self) -> Message:
        """Itself: the text of a ValueError is asked for in this way, and must not lose what it knows."""
        return self


def message(key: str, english: str = "", **values: str | int) -> Message:
    """The text of a key, with words, numbers, or other messages in it.

    english: a wording of its own in English. Raises KeyError for an unknown key or a missing value.
    """
    text = MESSAGES[key].format(**values)
    told = {name: said_of(value) or value for name, value in values.items()}
    return Message(english or text, {"key": PREFIX + key, "values": told})


def said_of(text: object) -> Mapping[str, Any] | None:
    """What a text knows of itself, for JSON; None for plain English."""
    return text.said if isinstance(text, Message) else None


def why(error: Exception) -> str:
    """The reason of an exception, with what it knows of itself."""
    return error.args[0] if error.args and isinstance(error.args[0], Message) else str(error)


def joined(texts: list[str]) -> str:
    """Sentences one after the other; "" for none."""
    if not texts:
        return ""
    told = texts[0]
    for text in texts[1:]:
        told = message("then", one=told, other=text)
    return told


def name_of(kind: str, index: int = 0) -> str:
    """What a conditioning entry is called: positive, negative 2."""
    name = message(kind) if kind in ("positive", "negative") else kind
    return name if index == 0 else message("numbered", name=name, number=index + 1)
