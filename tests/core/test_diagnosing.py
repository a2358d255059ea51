from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic import CALIBRATION, OneRunCapture, entry_of, painted, recording_of
from test_viewing import BUMPS, TEXT

from selagg_core.claims.expectations import read_expectations
from selagg_core.diagnose import diagnose_run
from selagg_core.heatmaps import draw_heatmaps
from selagg_core.recording.coverage import Coverage
from selagg_core.recording.head_maps import Recording
from selagg_core.relevance.run_view import RunView
from selagg_core.view import open_run

PAINT = {"red": (0.25, 0.5, 0.12), "blue": (0.75, 0.5, 0.12)}


def view(bumps=BUMPS, text=TEXT, batch=1, paint=PAINT, recording: Recording | None = None) -> RunView:
    recording = recording or recording_of(entry_of(text, bumps, batch=batch))
    latent = torch.zeros(recording.latent_shape)
    return open_run(OneRunCapture(recording), latent, painted(paint).repeat(len(latent), 1, 1, 1))


def diagnosed(opened: RunView | None = None, words: str = "all", edits: str = "", **expected):
    expected["words"] = expected.pop("words_for_mask", "")
    given = read_expectations(**expected)
    found = diagnose_run(opened or view(), words, given, edits=edits, calibration=CALIBRATION)
    return found.report, found.annotated


def kinds(report, picture: int = 0) -> list[tuple[str, tuple[str, ...], str]]:
    return [(f.kind, f.labels, f.level) for f in report.pictures[picture].findings]


def test_the_report_says_how_much_of_the_run_was_recorded():
    whole = recording_of(entry_of(TEXT, BUMPS))
    counted = replace(whole, coverage=Coverage((2, 3), (4, 7), (4, 4), (4, 4)))
    report, _ = diagnosed(view(recording=counted))
    assert report.settings["recorded"] == "2 of 3 layers, 4 of 7 heads, 4 of 4 steps, 4 of 4 rows"
    assert diagnosed()[0].settings["recorded"] == "unknown"


def test_a_picture_that_is_as_the_prompt_says_has_no_findings():
    report, pictures = diagnosed()
    assert kinds(report) == [] and report.problems == () and pictures[0].shape[1] == 512
    assert "circle left of square" in report.claims and "red > circle" in report.claims
    verdicts = {(c.kind, c.claim): c.verdict for c in report.pictures[0].checks}
    assert verdicts["misplaced", "circle left of square"] == "right"
    assert verdicts["leaked", "red > circle"] == verdicts["neglected", "square"] == "right"


def test_a_relation_that_is_the_other_way_round():
    report, _ = diagnosed(view(text="a red circle right of a blue square"))
    assert kinds(report) == [("misplaced", ("circle", "square"), "warning")]
    finding = report.pictures[0].findings[0]
    assert '"circle" should be right of "square", but it is left of it' in finding.message
    assert finding.claim == "circle right of square" and finding.calibrated
    assert finding.evidence["found_at"] == "left" and "turned_by_colour" in finding.pixels


def test_the_artists_claim_counts_and_not_that_of_the_prompt():
    report, _ = diagnosed(edits="circle right of square")
    assert kinds(report) == [("misplaced", ("circle", "square"), "warning")]
    assert kinds(diagnosed(view(text="a red circle right of a blue square"), edits="ignore: square")[0]) == []


def test_a_place_in_words_comes_from_expect_too():
    report, _ = diagnosed(text="circle: right\nsquare: right")
    assert kinds(report) == [("misplaced", ("circle",), "warning")]
    assert '"circle" should be on the right, but it is on the left' in report.warnings()[0]


def test_an_attribute_on_the_wrong_thing():
    swapped = {**BUMPS, "red": BUMPS["square"], "blue": BUMPS["square"]}
    report, _ = diagnosed(view(swapped))
    assert kinds(report) == [("leaked", ("red", "circle"), "warning")]
    finding = report.pictures[0].findings[0]
    assert finding.message == '"red" was meant for "circle", but it bled onto "square".'


def test_a_word_without_a_region_and_what_depends_on_it():
    bumps = {word: at for word, at in BUMPS.items() if word != "square"}
    report, _ = diagnosed(view(bumps), boxes="square: 50%,0,100%,100%")
    assert kinds(report)[0] == ("neglected", ("square",), "warning")
    picture = report.pictures[0]
    wrong = [
        check for check in picture.checks if check.words[0].label == "square" and check.verdict == "wrong"
    ]
    assert {check.kind for check in wrong} > {"neglected"}, "checks keep what follows"
    assert not [f for f in picture.findings if "square" in f.labels and f.kind != "neglected"]


def test_two_things_in_one_region():
    report, _ = diagnosed(view({**BUMPS, "square": BUMPS["circle"], "blue": BUMPS["circle"]}))
    assert ("blended", ("circle", "square"), "warning") in kinds(report)


def test_maps_of_all_words_flat_say_nothing():
    report, _ = diagnosed(view({}))
    assert kinds(report) == [("diffuse", ("circle", "square"), "information")]
    assert "cannot tell" in report.warnings()[0]


def test_the_report_names_what_cannot_be_done_and_diagnoses_the_rest():
    report, pictures = diagnosed(
        words="circle, unicorn",
        boxes="circle: 50%,0,100%,100%\ndragon: 0,0,1,1\nbad box",
    )
    text = "\n".join(report.warnings())
    assert len(report.problems) == 3 and len(pictures) == 1
    assert '"unicorn" is not in the prompt' in text and '"dragon" is not in the prompt' in text
    assert "cannot read the box" in text and report.warnings()[0].startswith("problem: ")
    assert ("misplaced_region", ("circle",), "warning") in kinds(report)


def test_only_the_words_asked_for_are_checked():
    report, _ = diagnosed(view(text="a red circle right of a blue square"), words="red, circle")
    labels = {word.label for check in report.pictures[0].checks for word in check.words}
    assert kinds(report) == [] and labels == {"circle"}


def test_a_mask_for_a_word_and_one_mask_for_each_picture():
    left = np.zeros((128, 128), np.float32)
    left[:, :64] = 1
    report, _ = diagnosed(view(batch=2), masks=np.stack([left, left[:, ::-1]]), words_for_mask="circle, red")
    assert kinds(report, 0) == [] and not report.problems
    assert [(kind, words) for kind, words, _ in kinds(report, 1)] == [
        ("misplaced_region", ("circle",)),
        ("misplaced_region", ("red",)),
    ]


@pytest.mark.parametrize(
    ("masks", "words", "problem"),
    [
        (np.ones((3, 128, 128)), "circle", "3 masks for 2 pictures"),
        (np.ones((1, 100, 128)), "circle", "mask is 128x100, the picture 128x128"),
        (np.zeros((1, 128, 128)), "circle", "mask is empty"),
        (np.ones((1, 128, 128)), " ", "no words"),
        (np.ones((1, 128, 128)), "cat", '"cat" is not in the prompt'),
        (None, "cat", "no expected MASK"),
    ],
)
def test_masks_that_cannot_be_used(masks, words, problem):
    report, _ = diagnosed(view(batch=2), masks=masks, words_for_mask=words)
    assert len(report.problems) == 1 and problem in report.problems[0]
    assert len(report.pictures) == 2 and report.pictures[0].words


def test_several_boxes_of_a_word_are_all_right_places():
    report, _ = diagnosed(boxes="circle: 0,0,10%,10%\ncircle: 0,20%,50%,80%")
    assert len(report.pictures[0].places) == 1 and report.pictures[0].findings == ()


def test_an_expected_region_that_is_the_whole_picture_cannot_be_missed():
    report, _ = diagnosed(boxes="circle: 0,0,100%,100%")
    assert not [check for check in report.pictures[0].checks if check.kind == "misplaced_region"]


def test_words_of_a_regional_prompt_are_looked_for_in_their_area():
    whole = entry_of("a forest", {"forest": (0.5, 0.5, 0.3)})
    area = replace(entry_of("a cat", {"cat": (0.5, 0.5, 0.15)}, area=(8, 8, 0, 8)), index=1)
    opened = view(recording=replace(recording_of(whole), entries=(area, whole)))
    report, _ = diagnosed(opened, boxes="cat: 0,50%,50%,100%")
    finding = next(f for f in report.pictures[0].findings if f.kind == "misplaced_region")
    assert finding.sure and finding.evidence["found_at"] == "upper right"


def test_confidences_of_another_model_are_called_so():
    report = diagnose_run(view(text="a red circle right of a blue square")).report
    assert "not on this model" in report.settings["confidence"]
    finding = next(f for f in report.pictures[0].findings if f.kind == "misplaced")
    assert not finding.calibrated and "not of this model" in finding.line


def test_claims_that_maps_cannot_judge_are_named():
    report, _ = diagnosed(view(text="two cat behind a blue square", bumps={"cat": BUMPS["circle"]}))
    assert any("Not checked" in notice and "cat behind square" in notice for notice in report.notices)


def test_claims_that_were_read_and_are_not_checked_are_named_up_to_a_limit():
    invented = [
        "zorble",
        "blick",
        "frob",
        "quux",
        "snerf",
        "plomble",
        "wug",
        "gazork",
        "flimp",
        "torv",
        "drabble",
        "mirp",
    ]
    text = f"{TEXT}, {', '.join(f'a {word} thrumble' + word for word in invented)}"
    report, _ = diagnosed(view(text=text))
    told = [notice for notice in report.notices if notice.startswith("Read, but not surely enough")]
    assert len(told) == 1 and "thrumblezorble" in told[0] and "more" in told[0] and len(told[0]) <= 300


@pytest.mark.parametrize("text", ["", "!!!", "\u732b \U0001f431"])
def test_prompts_without_claims(text):
    report, pictures = diagnosed(view({}, text=text))
    assert len(pictures) == 1 and kinds(report) == []
    assert ("prompt is empty" in "\n".join(report.warnings())) == (text == "")


def test_a_prompt_of_a_thousand_words():
    text = " ".join(f"word{i}" for i in range(1000)) + " \u732b"
    report, pictures = diagnosed(view({"word1": (0.5, 0.5, 0.1)}, text=text), words="word1, word2")
    assert len(report.pictures[0].words) == 2 and pictures[0].shape[0] < 2000


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (torch.full((1, 128, 128, 3), float("nan")), "picture 1 holds no finite values"),
        (torch.full((1, 128, 128, 3), float("inf")), "picture 1 holds no finite values"),
        (torch.zeros(1, 128, 128, 3), "picture 1 is black all over"),
        (torch.ones(1, 128, 128, 3), "picture 1 is white all over"),
        (torch.full((1, 128, 128, 3), 0.3), "picture 1 is one colour all over"),
    ],
)
def test_a_picture_with_nothing_in_it_is_told_first_and_not_judged(image, told):
    recording = recording_of(entry_of(TEXT, {}))
    opened = open_run(OneRunCapture(recording), torch.zeros(recording.latent_shape), image)
    report, pictures = diagnosed(opened)
    assert told in report.warnings()[0] and kinds(report) == [] and len(pictures) == 1
    assert told in draw_heatmaps(opened).notices[0]


def test_one_bad_picture_of_a_batch_leaves_the_others_judged():
    recording = recording_of(entry_of("a red circle right of a blue square", BUMPS, batch=2))
    images = torch.cat([torch.zeros(1, 128, 128, 3), painted(PAINT)])
    opened = open_run(OneRunCapture(recording), torch.zeros(recording.latent_shape), images)
    report, _ = diagnosed(opened)
    assert report.problems[0].startswith("picture 1 is black") and len(report.problems) == 1
    assert kinds(report, 0) == [] and kinds(report, 1) == [("misplaced", ("circle", "square"), "warning")]


def test_the_same_noun_in_two_entries_keeps_its_own_map():
    first = entry_of("a red circle", {"red": (0.2, 0.5, 0.1), "circle": (0.2, 0.5, 0.1)})
    second = replace(entry_of("a blue circle", {"blue": (0.8, 0.5, 0.1), "circle": (0.8, 0.5, 0.1)}), index=1)
    opened = view(recording=replace(recording_of(first), entries=(first, second)))
    words = {word.label: word for word in diagnosed(opened)[0].pictures[0].words}
    assert words["circle"].centre[0] < 0.4 and words["circle (2)"].centre[0] > 0.6
    assert words["circle (2)"].word.entry == 1


# -- videos whose prompts are shared out among parts ------------------------------------------


def shared_out(*texts: str, bumps=BUMPS, frames: int = 2) -> RunView:
    """A video of which every frame was made with one of the texts, in turn."""
    entries = []
    for number, text in enumerate(texts):
        entry = entry_of(text, bumps, batch=frames)
        others = [frame for frame in range(frames) if frame % len(texts) != number]
        for values in (*entry.maps.values(), *entry.special.values()):
            values[others] = 0
        entries.append(replace(entry, index=number))
    whole = replace(recording_of(entries[0]), entries=tuple(entries), latent_shape=(1, 4, frames, 16, 16))
    picture = (painted(PAINT)[0].numpy() * 255).astype(np.uint8)
    told = tuple(range(1, frames + 1))
    return RunView(
        replace(whole, frames=tuple(range(frames))), tuple(entries), (picture,) * frames, frames=told
    )


@pytest.mark.parametrize(
    "texts",
    [
        (TEXT, TEXT),
        (TEXT, "a blue square right of a red circle"),
        ("a red circle", "a blue square"),
        ("a red circle", "a blue square", "a red circle left of a blue square"),
    ],
)
def test_a_frame_is_held_to_the_prompts_that_it_was_made_with(texts):
    opened = shared_out(*texts, frames=2 * len(texts))
    report, _ = diagnosed(opened)
    for frame, picture in enumerate(report.pictures):
        assert kinds(report, frame) == []
        alone, _ = diagnosed(view(text=texts[frame % len(texts)]))
        of_one = {(c.kind, tuple(w.text for w in c.words), c.verdict) for c in alone.pictures[0].checks}
        assert {(c.kind, tuple(w.text for w in c.words), c.verdict) for c in picture.checks} == of_one
    assert opened.made_without(0) == frozenset(range(1, len(texts)))


def test_what_is_wrong_in_a_frame_is_found_by_its_own_prompt():
    """The other frame has the same prompt the other way round, and is right."""
    report, _ = diagnosed(shared_out(TEXT, "a red circle right of a blue square"))
    assert kinds(report, 0) == []
    assert [(kind, level) for kind, _, level in kinds(report, 1)] == [("misplaced", "warning")]


def test_a_region_is_not_expected_where_its_word_was_not_asked_for():
    left = torch.zeros(1, 128, 128)
    left[..., :64] = 1
    opened = shared_out("a red circle", "a blue square")
    report, _ = diagnosed(opened, masks=left, words_for_mask="square")
    assert kinds(report, 0) == []
    assert [kind for kind, _, _ in kinds(report, 1)] == ["misplaced_region"]
