"""SelAgg Truth, SelAgg Score and SelAgg Score Table: judges on their sockets, rows, bad input."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import pytest
import torch
from test_viewers import diagnosed, sampled, viewers  # noqa: F401 (fixture)
from tiny_judges import detector, segmenter

WORDS = "circle, square"


@pytest.fixture(scope="module")
def nodes(host, pack):
    def module(name):
        return importlib.import_module(f"selagg_nodes.{name}")

    return SimpleNamespace(
        truth=module("truth").SelAggTruth(),
        score=module("score").SelAggScore(),
        table=module("score").SelAggScoreTable(),
        host=module("host"),
        judges=module("host.judges"),
        judging=module("judging"),
    )


@pytest.fixture(scope="module")
def run(host, viewers):  # noqa: F811
    return sampled(viewers)


@pytest.fixture
def output(nodes, monkeypatch, tmp_path):
    monkeypatch.setattr(nodes.host, "output_directory", lambda: str(tmp_path))
    return tmp_path


def masks(*sides: str) -> torch.Tensor:
    """One mask (64, 96) a side: "left", "right", "" for none."""
    stack = torch.zeros(len(sides), 64, 96)
    for mask, side in zip(stack, sides, strict=True):
        if side:
            mask[16:48, slice(8, 40) if side == "left" else slice(56, 88)] = 1
    return stack


def judged(nodes, run, **given):
    truth, told = nodes.truth.judge(**run, **given)
    return truth, told.splitlines()


BOTH = ("left", "right", "left", "right")


def test_masks_and_answers_become_verdicts(nodes, run):
    answers = "red > circle: yes\npicture 2: blue > square: no"
    _, told = judged(nodes, run, words=WORDS, mask=masks(*BOTH), answers=answers)
    assert "picture 1: right: circle (mask: score 1.00)" in told
    assert any(line.startswith("picture 2: right: circle left of square") for line in told)
    colours = [line for line in told if "blue > square" in line]
    assert len(colours) == 2 and colours[0].startswith("picture 1: ") and "answers: no" in colours[1]


def test_a_black_mask_says_that_it_is_not_there(nodes, run):
    _, told = judged(nodes, run, words=WORDS, mask=masks("left", "", "left", "right"))
    assert any(line.startswith("picture 1: wrong: square") for line in told)
    assert any(line.startswith("picture 2: right: square") for line in told)


def test_masks_of_nothing_are_an_answer_and_leave_no_word_to_score(nodes, run, output):
    truth, told = judged(nodes, run, words=WORDS, mask=masks("", "", "", ""))
    assert not truth.problems and sum(line.startswith("picture 1: wrong: ") for line in told) == 2
    made = nodes.score.score(**run, truth=truth, file="nothing")
    rows = [json.loads(line) for line in made["result"][0].splitlines()]
    assert {row["row"] for row in rows} == {"claim", "picture"} and "rows added" in made["result"][1]
    _, told, data, _ = nodes.table.table("nothing")["result"]
    assert "no word was scored yet: a word needs a judge that finds it" in told and data == "{}"


def test_nodes_are_chained(nodes, run):
    first, _ = judged(nodes, run, words="circle", mask=masks("left", "left"))
    _, told = judged(nodes, run, words="square", mask=masks("right", ""), truth=first)
    assert any(line.startswith("picture 1: right: circle left of square") for line in told)
    assert any(line.startswith("picture 2: wrong: square") for line in told)


def box(x: float, score: float, label: str = "") -> dict:
    return {"x": x, "y": 10, "width": 20, "height": 20, "score": score, "label": label}


def test_boxes_speak_for_the_words_of_their_labels(nodes, run):
    boxes = [
        [box(5, 0.9, "circle"), box(60, 0.45, "square")],
        [box(60, 0.8, "circle"), box(5, 0.9, "square")],
    ]
    _, told = judged(nodes, run, words=WORDS, boxes=boxes)
    assert any(line.startswith("picture 1: right: circle") for line in told)
    assert any(line.startswith("picture 1: open: square (boxes: score 0.45)") for line in told)
    assert any(line.startswith("picture 2: wrong: circle left of square") for line in told)


BAD = {
    "no judge": ({}, "no judge is connected"),
    "no words": ({"mask": masks("left", "left")}, "write in words"),
    "other word": ({"words": "dragon", "mask": masks("left", "left")}, '"dragon" is not in the prompt'),
    "too few": ({"words": WORDS, "mask": masks("left", "right")}, "2 masks for 2 words in 2 pictures"),
    "single for a batch": ({"words": "circle", "mask": masks("left")}, "1 masks for 1 words in 2 pictures"),
    "other size": ({"words": "circle", "mask": torch.zeros(2, 64, 64)}, "64x64, the picture 96x64"),
    "no tensor": ({"words": "circle", "mask": "mask"}, "the mask is empty"),
    "no boxes": ({"words": "circle", "boxes": 7}, "these are no boxes"),
    "boxes of one": ({"words": "circle", "boxes": [[box(1, 1)]]}, "boxes of 1 pictures"),
    "half a box": ({"words": "circle", "boxes": [[{"x": 1}], []]}, "no x, y, width and height"),
    "no number": ({"words": "circle", "boxes": [[box(float("nan"), 1)], []]}, "not finite"),
    "boxes without labels": ({"words": WORDS, "boxes": [[box(1, 1)], []]}, "boxes without labels"),
    "answer": ({"answers": "yes"}, "write one a line"),
    "half a segmenter": ({"model": object()}, "connect both"),
    "latent": ({"latent": None}, "there is no latent"),
    "capture": ({"capture": None}, "there is no capture"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_said_and_stops_nothing(nodes, run, name):
    given, problem = BAD[name]
    truth, told = nodes.truth.judge(**{**run, **given})
    assert problem in told and problem in " ".join(truth.problems)
    result = nodes.score.score(**run, truth=truth, file="")["result"]
    assert problem in result[1]


def test_one_bad_judge_does_not_silence_the_others(nodes, run):
    _, told = judged(nodes, run, words=WORDS, mask=masks(*BOTH), boxes=7, answers="circle: yes")
    assert told[0].startswith("problem: ") and "these are no boxes" in told[0]
    assert any(line.startswith("picture 2: right: circle (answers: yes)") for line in told)


def test_scores_are_kept_and_told(nodes, viewers, run, output):  # noqa: F811
    truth, _ = judged(nodes, run, words=WORDS, mask=masks(*BOTH))
    report = json.dumps(diagnosed(viewers, run).report)
    made = nodes.score.score(
        **run, truth=truth, file="my score", checkpoint="tiny", picture_seed=5, report=report
    )
    rows = [json.loads(line) for line in made["result"][0].splitlines()]
    kept = (output / "selagg" / "my_score.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in kept] == rows and "selagg_rows" not in made["ui"]
    assert {row["row"] for row in rows} == {"word", "claim", "picture"}
    assert {row["seed"] for row in rows} == {5, 6} and {row["checkpoint"] for row in rows} == {"tiny"}
    checks = [row for row in rows if row["row"] == "claim" and row["kind"]]
    assert {"neglected", "misplaced", "blended"} <= {row["kind"] for row in checks}
    assert all(row["features"] for row in checks if row["kind"] == "neglected")
    again = nodes.score.score(
        **run, truth=truth, file="my score", checkpoint="tiny", picture_seed=5, report=report
    )
    assert "rows added to selagg/my_score.jsonl" in again["result"][1]
    image, told, data, heads = nodes.table.table("my score")["result"]
    assert heads is None and "no concept has 20 scored words" in told
    assert json.loads(data)["pictures"] == 2, "the same pictures again are the same rows"
    assert image.shape[0] == 1 and "all heads, as DAAM published it" in told and "undecided" in told


def test_without_a_file_rows_are_shown_to_whoever_drives_the_server(nodes, run, output):
    truth, _ = judged(nodes, run, words=WORDS, mask=masks(*BOTH))
    made = nodes.score.score(**run, truth=truth, file=" ")
    assert made["ui"]["selagg_rows"] == made["result"][0].splitlines() and not list(output.iterdir())
    _, told, data, _ = nodes.table.table("", rows=made["result"][0])["result"]
    assert json.loads(data)["words"] == 4 and "2 pictures" in told


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"truth": None}, "there is no truth"),
        ({"file": "???"}, "no name for a file"),
        ({"report": "{}"}, "not a SelAgg report"),
        ({"image": torch.rand(2, 64, 96, 3)}, "another picture"),
        ({"relevance": 3}, "could not do its work"),
    ],
)
def test_bad_input_of_a_score_is_said(nodes, run, output, given, problem):
    truth, _ = judged(nodes, run, words=WORDS, mask=masks(*BOTH))
    made = nodes.score.score(**{**run, "truth": truth, **given})
    assert problem in made["result"][1] and made["result"][0] == "" and not list(output.iterdir())


@pytest.mark.parametrize(
    ("file", "problem"), [("none", "make pictures"), ("", "no word was scored"), ("??", "no name")]
)
def test_a_table_of_nothing_says_so(nodes, output, file, problem):
    image, told, data, heads = nodes.table.table(file)["result"]
    assert heads is None
    assert problem in told and data == "{}" and image.ndim == 4


def test_heads_by_truth_are_saved_where_they_are_loaded_from(nodes, run, output, monkeypatch):
    monkeypatch.setattr(nodes.host, "relevance_directory", lambda: str(output / "models"))
    truth, _ = judged(nodes, run, words=WORDS, mask=masks(*BOTH))
    nodes.score.score(**run, truth=truth)
    _, told, data, _ = nodes.table.table("score", "my heads")["result"]
    assert "no concept has 20 scored words" in told and data == "{}", "what was asked for could not be done"
    path = output / "selagg" / "score.jsonl"
    lines = path.read_text("utf-8").splitlines()
    for number in range(30):
        bodies = ({**json.loads(line), "prompt": f"p {number}", "checkpoint": "tiny"} for line in lines)
        with path.open("a") as file:
            file.writelines(json.dumps(body) + "\n" for body in bodies if body["row"] != "claim")
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[len(lines) :]) + "\n")
    _, told, _, heads = nodes.table.table("score", "my heads")["result"]
    assert "saved to models/selagg/my_heads.safetensors" in told and heads.score_kind == "truth"
    assert (output / "models" / "my_heads.safetensors").is_file()


def test_the_table_is_made_again_when_rows_were_added(nodes, run, output):
    truth, _ = judged(nodes, run, words=WORDS, mask=masks(*BOTH))
    before = nodes.table.IS_CHANGED("score")
    nodes.score.score(**run, truth=truth)
    assert before != nodes.table.IS_CHANGED("score")
    assert nodes.table.IS_CHANGED("??") == ""


# -- the host's own judges ------------------------------------------------------------------------------


def test_the_segmenter_of_the_host_is_asked_as_a_graph_would(nodes, run, monkeypatch):
    host_nodes = pytest.importorskip("comfy_extras.nodes_sam3", reason="this host has no SAM3")
    monkeypatch.setattr(nodes.judges, "node_classes", lambda: {"SAM3_Detect": host_nodes.SAM3_Detect})
    monkeypatch.setattr(
        nodes.judges, "MOST_THINGS", 1
    )  # every thing is looked at twice more: that takes time
    model, clip = segmenter(monkeypatch)
    (found,) = nodes.judges.detect(model, clip, run["image"][:1], "circle")
    assert found.masks.shape == (len(found.boxes), 64, 96) and len(found.boxes) == len(found.scores) <= 1
    assert all(0 <= score <= 1 for score in found.scores)


@pytest.fixture
def detected(nodes, viewers, monkeypatch):  # noqa: F811
    """A run of a prompt with two things that RT-DETR knows, and what the host's node says of its pictures."""
    host_nodes = pytest.importorskip("comfy_extras.nodes_rtdetr", reason="this host has no RT-DETR")
    seen = sampled(viewers, "a cat left of a dog", seed=41)
    model = detector(monkeypatch)

    def boxes(class_name: str = "all", threshold: float = 0.0):
        found = host_nodes.RTDETR_detect.execute(model, seen["image"], threshold, class_name, 100)
        return found.result[0]

    return SimpleNamespace(run=seen, boxes=boxes, classes=host_nodes.COCO_CLASSES)


def test_the_detector_of_the_host_is_a_judge_beside_the_segmenter(nodes, detected):
    boxes = detected.boxes()
    assert len(boxes) == 2 and all(len(own) == 20 for own in boxes)
    assert all(box["label"] in detected.classes for own in boxes for box in own)
    truth, told = judged(nodes, detected.run, words="cat, dog", boxes=boxes)
    assert not truth.problems
    for picture, own in zip(truth.pictures, boxes, strict=True):
        for noun in picture.nouns:
            scores = [box["score"] for box in own if box["label"] == noun.noun.text]
            assert f"boxes: score {max(scores, default=0.0):.2f}" in noun.reason
            assert noun.verdict == ("right" if max(scores, default=0) >= 0.6 else noun.verdict)
            assert noun.mask is None, "a judge of boxes gives no mask"
    assert len(told) == 6


def test_what_the_detector_is_sure_of_is_right_and_its_box_is_kept(nodes, detected):
    """Its scores are noise here: so the surest box is taken to be a cat."""
    boxes = detected.boxes()
    for own in boxes:
        own[0].update(label="cat", score=0.9)
    truth, told = judged(nodes, detected.run, words="cat", boxes=boxes)
    (cat,) = [noun for noun in truth.pictures[0].nouns if noun.noun.text == "cat"]
    best = boxes[0][0]
    edges = (best["x"], best["y"], best["x"] + best["width"], best["y"] + best["height"])
    assert cat.verdict == "right" and cat.box == pytest.approx(edges)
    assert any(line.startswith("picture 2: right: cat (boxes: score 0.90)") for line in told)


def test_a_detector_that_finds_nothing_says_that_nothing_is_there(nodes, detected):
    boxes = detected.boxes("zebra", threshold=1.0)
    assert boxes == [[], []]
    _, told = judged(nodes, detected.run, words="cat", boxes=boxes)
    assert any(line.startswith("picture 1: wrong: cat (boxes: score 0.00)") for line in told)


def test_two_judges_that_disagree_leave_a_claim_open(nodes, detected):
    seen = masks("left", "left")
    truth, told = judged(nodes, detected.run, words="cat", boxes=detected.boxes("zebra", 1.0))
    _, told = judged(nodes, detected.run, words="cat", mask=seen, truth=truth)
    assert any(line.startswith("picture 1: open: cat (boxes: score 0.00; mask: score 1.00)") for line in told)


def test_every_noun_is_asked_for_by_itself_and_one_in_vain(nodes, run, monkeypatch):
    seen = {"circle": (0.9, 0.7), "square": (0.45,)}
    asked = []

    def detect(model, clip, images, noun):
        asked.append(noun)
        scores = seen.get(noun, ())
        area = masks(*["left"] * len(scores)).numpy() > 0
        return [nodes.judges.Detection(area, ((8, 16, 40, 48),) * len(scores), scores) for _ in images]

    monkeypatch.setattr(nodes.judging.host, "detect", detect)
    truth, told = judged(nodes, run, model=object(), clip=object())
    assert asked[:2] == ["circle", "square"] and len(asked) == 3 and not truth.problems
    assert any(line.startswith("picture 2: right: circle (SAM3: score 0.90)") for line in told)
    assert any(line.startswith("picture 1: open: square (SAM3: score 0.45)") for line in told)
    assert any("was asked for a" in line and "in vain: score 0.00" in line for line in told)
    assert truth.testimonies[0].sightings[0].count == 2


def test_a_noun_cannot_change_what_is_asked(nodes, monkeypatch):
    asked = []
    monkeypatch.setattr(nodes.judges, "encode_text", lambda clip, text: asked.append(text))
    monkeypatch.setattr(nodes.judges, "_require", lambda name: None)
    monkeypatch.setattr(nodes.judges, "_run", lambda *a, **k: (torch.zeros(0, 8, 8), [[]]))
    (found,) = nodes.judges.detect(None, None, torch.zeros(1, 8, 8, 3), "cat:1, (dog)")
    assert asked == ["cat 1 dog:20"] and found.masks.shape == (0, 8, 8)


def test_a_model_that_sees_answers_a_question_a_claim(nodes, run, monkeypatch):
    class TextGenerate:
        """Stands for the host's node: real ones need gigabytes of weights."""

        asked: list = []

        @classmethod
        def execute(cls, clip, prompt, max_length, sampling_mode, image):
            cls.asked.append((prompt, tuple(image.shape), sampling_mode))
            return SimpleNamespace(result=("Yes." if "circle" in prompt else "I do not know",))

    monkeypatch.setattr(nodes.judges, "node_classes", lambda: {"TextGenerate": TextGenerate})
    _, told = judged(nodes, run, vlm=object())
    assert any(line.startswith("picture 1: right: circle (vision-language model: yes)") for line in told)
    assert any("open: square (vision-language model: no clear answer)" in line for line in told)
    assert {(shape, mode["sampling_mode"]) for _, shape, mode in TextGenerate.asked} == {
        ((1, 64, 96, 3), "off")
    }


def test_the_host_takes_what_the_node_is_given(nodes):
    """Names of inputs of the host's own nodes, where it has them."""
    module = pytest.importorskip("comfy_extras.nodes_textgen")
    inputs = module.TextGenerate.INPUT_TYPES()
    names = {**inputs["required"], **inputs.get("optional", {})}
    assert {"clip", "prompt", "max_length", "sampling_mode", "image"} <= set(names)


@pytest.mark.parametrize(
    ("given", "name"), [({"model": 1, "clip": 1}, "SAM3_Detect"), ({"vlm": 1}, "TextGenerate")]
)
def test_a_host_without_the_node_says_which_version_has_it(nodes, run, monkeypatch, given, name):
    monkeypatch.setattr(nodes.judges, "node_classes", lambda: {"KSampler": object})
    truth, told = judged(nodes, run, **given)
    assert f"no node {name}: update it to 0.33" in told[0] and truth.problems


def test_boxes_are_a_socket_and_no_widget(nodes):
    """Hosts make widgets of BOUNDING_BOX, with a box of their own in it."""
    assert nodes.truth.INPUT_TYPES()["optional"]["boxes"][1]["forceInput"] is True


# -- calibration by judges ------------------------------------------------------------------------------


def test_scores_calibrate_without_labels_by_hand(nodes, viewers, run, output, monkeypatch):  # noqa: F811
    calibrate = importlib.import_module("selagg_nodes.calibrate")
    monkeypatch.setattr(nodes.host, "relevance_directory", lambda: str(output / "models"))
    report = json.dumps(diagnosed(viewers, run).report)
    for number, sides in enumerate((BOTH, ("", "right", "left", ""))):
        truth, _ = judged(nodes, run, words=WORDS, mask=masks(*sides))
        made = nodes.score.score(**run, truth=truth, file="", checkpoint="tiny", report=report)
        with (output / "rows.jsonl").open("a") as file:
            for again in range(8):  # pictures of other prompts, for a fit needs labels enough
                bodies = (json.loads(line) for line in made["result"][0].splitlines())
                texts = (json.dumps({**body, "prompt": f"p {number} {again}"}) for body in bodies)
                file.write("\n".join(texts) + "\n")
    (output / "selagg").mkdir()
    (output / "rows.jsonl").rename(output / "selagg" / "judged.jsonl")
    node = calibrate.SelAggCalibrate()
    calibration, told = node.calibrate("selagg_reports", "tiny", "judged")["result"]
    assert "neglected" in calibration.kinds and calibration.data["judges"] == "mask"
    assert calibration.data["open"] > 0 and "judges left open were not used" in told
    loaded, _ = node.calibrate("", "tiny")
    assert loaded.kinds.keys() == calibration.kinds.keys()
    before = node.IS_CHANGED("", "tiny", "judged")
    (output / "selagg" / "judged.jsonl").write_text("")
    assert node.IS_CHANGED("", "tiny", "judged") != before
    with pytest.raises(ValueError, match="no rows of SelAgg Score"):
        node.calibrate("", "tiny", "judged")
    with pytest.raises(ValueError, match="make pictures with SelAgg Score first"):
        node.calibrate("", "tiny", "none")
