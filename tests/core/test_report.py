import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from test_diagnosing import diagnosed, view
from test_viewing import BUMPS

from selagg_core.report import page as report_module
from selagg_core.report.page import report_page
from selagg_core.report.report import VERSION, Report

SCHEMA_FILE = json.loads(Path(report_module.__file__).with_name("report.schema.json").read_text("utf-8"))
HOSTILE = '<script>alert("1")</script>&\'{style}'


def report(text="a red circle left of a blue square", bumps=BUMPS, **options) -> Report:
    return diagnosed(view(bumps, text, **options), boxes="circle: 50%,0,100%,100%")[0]


def hostile() -> Report:
    bumps = {"circle": (0.25, 0.5, 0.1), HOSTILE: (0.7, 0.2, 0.1)}
    text = f"a circle {HOSTILE} square"
    made = diagnosed(view(bumps, text), boxes=f"{HOSTILE}: 0,80%,10%,100%")[0]
    return Report(made.prompt, {HOSTILE: HOSTILE}, made.pictures, (HOSTILE,), (HOSTILE,), (HOSTILE,))


class Page(HTMLParser):
    """Collects tags and sources; a page whose text breaks out of its place has tags of its own."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href") and value]
        assert not any(name.startswith("on") for name, _ in attributes)

    def handle_data(self, data):
        self.text += data


def test_json_there_and_back():
    first = report(batch=2)
    again = Report.from_json(first.to_json())
    assert again == first and again.to_json() == first.to_json()
    body = json.loads(first.to_json())
    assert (body["schema"], body["version"], len(body["pictures"])) == ("selagg-report", VERSION, 2)
    assert body["pictures"][1]["findings"][0]["kind"] == "misplaced_region"
    assert body["pictures"][1]["index"] == 1


def test_hostile_text_survives_json_unchanged():
    assert Report.from_json(hostile().to_json()) == hostile()


def as_version_1(made: Report) -> str:
    """The report as the first version of the format wrote it."""
    body = json.loads(made.to_json())
    body["version"] = 1
    for picture in body["pictures"]:
        for item in (*picture["words"], *picture["places"], *picture["findings"], *picture["checks"]):
            del item["at"]
        for item in (*picture["findings"], *picture["checks"]):
            if item["kind"] == "misplaced":
                item["words"] = [item["words"][0], "left of", item["words"][1]]
        for finding in picture["findings"]:
            if finding["kind"] == "misplaced_region":
                finding["kind"] = "misplaced"
            finding["evidence"] |= {"subject_x": 0.25, "other_y": 0.5}
    return json.dumps(body)


def test_reports_of_version_1_open_as_what_they_say():
    made = report("a red circle right of a blue square")
    old = Report.from_json(as_version_1(made))
    assert old.version == VERSION and old.warnings() == made.warnings()
    pairs = list(zip(old.pictures[0].findings, made.pictures[0].findings, strict=True))
    assert {was.kind for was, _ in pairs} == {"misplaced", "misplaced_region"}
    for was, new in pairs:
        assert (was.kind, was.labels, was.evidence) == (new.kind, new.labels, new.evidence)
        assert all(word.indices == () for word in was.words)
    assert Report.from_json(old.to_json()) == old


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "not a SelAgg report"),
        ("[]", "not a SelAgg report"),
        ('{"schema": "other"}', "not a SelAgg report"),
        ('{"schema": "selagg-report", "version": 99}', "version 99"),
        ('{"schema": "selagg-report", "version": 1}', "damaged"),
        ('{"schema": "selagg-report", "version": 2}', "damaged"),
        ('{"schema": "selagg-report", "version": 1, "pictures": [7]}', "damaged"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Report.from_json(text)


def test_unknown_fields_are_refused():
    body = json.loads(report().to_json())
    body["pictures"][0]["findings"][0]["extra"] = 1
    with pytest.raises(ValueError, match="damaged"):
        Report.from_json(json.dumps(body))


def test_warnings_are_one_line_each_worst_first():
    lines = hostile().warnings()
    assert lines[0].startswith("problem: ") and lines[-1].startswith("note: ")
    assert all("\n" not in line for line in lines)
    many = report(batch=2).warnings()
    assert many[0].startswith("picture 1: Wrong place") and many[1].startswith("picture 2: Wrong place")


def test_the_page_escapes_everything_and_needs_nothing_else():
    page = Page(report_page(hostile(), [(HOSTILE, b"\x89PNG")]))
    assert "script" not in page.tags
    assert page.text.count(HOSTILE) >= 6
    assert page.links == ["data:image/png;base64,iVBORw=="]
    source = report_page(hostile())
    assert "default-src 'none'" in source and "prefers-color-scheme: dark" in source


def test_a_page_without_findings_says_what_was_checked():
    calm = Page(report_page(diagnosed()[0]))
    assert "Checked: 2 things, 2 attributes, 1 place, 1 pair." in calm.text


@pytest.mark.parametrize(
    ("name", "listed"), [("word", "words"), ("place", "places"), ("finding", "findings"), ("check", "checks")]
)
def test_the_schema_describes_every_key(name, listed):
    picture = json.loads(report().to_json())["pictures"][0]
    described = SCHEMA_FILE["$defs"][name]
    assert picture[listed] and set(picture) == set(SCHEMA_FILE["$defs"]["picture"]["properties"])
    for item in picture[listed]:
        assert set(described["properties"]) == set(item) and set(described["required"]) <= set(item)


def test_the_schema_describes_the_report_itself():
    body = json.loads(report().to_json())
    assert set(SCHEMA_FILE["properties"]) == set(body) == set(SCHEMA_FILE["required"])
    assert SCHEMA_FILE["properties"]["version"]["const"] == VERSION
    made = [finding for picture in body["pictures"] for finding in picture["findings"]]
    allowed = SCHEMA_FILE["$defs"]["finding"]["properties"]
    assert made and all(finding["level"] in allowed["level"]["enum"] for finding in made)
    assert all(finding["kind"] in SCHEMA_FILE["$defs"]["kind"]["enum"] for finding in made)


def test_shares_of_attention_are_kept_and_of_reports_before_there_are_none():
    shares = ({"text": 0, "picture": 1, "shares": {"words": 0.25, "marks": 0.75}},)
    made = Report("a cat", {}, shares=shares)
    assert Report.from_json(made.to_json()) == made
    body = json.loads(made.to_json())
    del body["shares"]
    assert Report.from_json(json.dumps(body)).shares == ()
    for bad in ([1], [{"text": 0, "picture": 0, "shares": {"words": "many"}}], [{"shares": {}}], {"a": 1}):
        with pytest.raises(ValueError, match="damaged"):
            Report.from_json(json.dumps({**body, "shares": bad}))


def test_every_finding_has_a_card_and_what_is_not_sure_says_so():
    made = report()
    first = made.pictures[0].findings[0]
    doubt = replace(first, sure=False, level="unsure", reason="Its maps disagree.", message="Perhaps so.")
    page = Page(report_page(replace(made, pictures=(replace(made.pictures[0], findings=(first, doubt)),))))
    assert first.message in page.text and "Perhaps so. Its maps disagree." in page.text
    assert f"{first.title}? (not sure)" in page.text and first.heading == first.title
