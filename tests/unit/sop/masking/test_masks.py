# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from ovpo.sop.errors import MaskingError
from ovpo.sop.masking.masks import MOST_MASKS, Mask, Style, load, parse

NAME = "masks.yaml"
WHOLE = b"""
cameras:
  default: []
  linz/press-1:
    - {x: 0, y: 0.5, width: 0.25, height: 0.5, style: pixelate}
    - {x: 0.1, y: 0.2, width: 0.3, height: 0.4}
  /desk:
    - {x: 0, y: 0, width: 1, height: 1, style: blur}
"""


def faults(text: str, name: str = NAME) -> list[str]:
    with pytest.raises(MaskingError) as raised:
        parse(text.encode(), name)
    return str(raised.value).splitlines()


def fault_of(mask: str) -> list[str]:
    return faults(f"cameras: {{default: [], a/b: [{mask}]}}")


def test_a_camera_has_its_own_masks_and_black_is_the_usual_style() -> None:
    masks = parse(WHOLE, NAME)
    assert masks.of("linz", "press-1") == (
        Mask(0, 0.5, 0.25, 0.5, Style.PIXELATE),
        Mask(0.1, 0.2, 0.3, 0.4, Style.BLACK),
    )
    assert masks.of("", "desk") == (Mask(0, 0, 1, 1, Style.BLUR),)


def test_a_camera_that_is_not_named_has_those_of_the_default() -> None:
    masks = parse(b"cameras: {default: [{x: 0, y: 0, width: 1, height: 0.1}], a/b: []}", NAME)
    assert masks.of("linz", "press-2") == masks.of("", "") == (Mask(0, 0, 1, 0.1),)
    assert masks.of("a", "b") == ()


def test_a_camera_is_known_by_its_letters_however_they_are_composed() -> None:
    apart = "cameras: {default: [], ko\u0308ln/a: [{x: 0, y: 0, width: 1, height: 1}]}"
    masks = parse(apart.encode(), NAME)
    assert masks.of("k\u00f6ln", "a") == masks.of("ko\u0308ln", "a") == (Mask(0, 0, 1, 1),)
    assert faults("cameras: {default: [], ko\u0308ln/a: [], k\u00f6ln/a: []}") == [
        "masks.yaml: cameras.k\u00f6ln/a: is given twice; give each camera once"
    ]


def test_the_same_can_be_said_in_json() -> None:
    assert parse(b'{"cameras": {"default": [{"x": 0, "y": 0, "width": 1, "height": 1}]}}', "m.json").of("", "") == (
        Mask(0, 0, 1, 1),
    )


def test_shares_that_add_up_to_one_but_for_rounding_are_taken() -> None:
    mask = b"cameras: {default: [{x: 0.3, y: 0, width: 0.7000000001, height: 1}]}"
    assert parse(mask, NAME).usual[0].width == pytest.approx(0.7)


def test_a_file_without_a_default_is_refused_since_a_camera_that_is_new_would_go_uncovered() -> None:
    assert faults("cameras: {a/b: []}") == [
        (
            "masks.yaml: cameras.default: is missing; "
            "say what is covered of cameras that are not named here, [] for nothing"
        )
    ]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("{x: 1.2, y: 0, width: 0.1, height: 1}", "x: 1.2 is out of range; takes a share of the picture from 0 to 1"),
        ("{x: -0.1, y: 0, width: 1, height: 1}", "x: -0.1 is out of range; takes a share of the picture from 0 to 1"),
        ("{x: .nan, y: 0, width: 1, height: 1}", "x: '.nan' is not a number; takes a share of the picture from 0 to 1"),
        ("{x: 0, y: 0, width: 0, height: 1}", "width: 0 covers nothing; takes a share of the picture above 0"),
        ("{x: 0, y: 0, width: 1}", "height: is missing; takes a share of the picture from 0 to 1"),
        (
            "{x: 0.5, y: 0, width: 0.6, height: 1}",
            "width: 0.6 reaches beyond the picture from x 0.5; lower one, they add up to 1 at most",
        ),
        (
            "{x: 0, y: 0.5, width: 1, height: 0.6}",
            "height: 0.6 reaches beyond the picture from y 0.5; lower one, they add up to 1 at most",
        ),
        (
            "{x: 0, y: 0, width: 1, height: 1, style: blurr}",
            "style: 'blurr' is no style; takes one of black, blur, pixelate",
        ),
        (
            "{x: 0, y: 0, width: 1, height: 1, styl: blur}",
            "styl: there is no such field; did you mean style? takes style, x, y, width, height",
        ),
    ],
)
def test_a_mask_that_cannot_be_meant_is_refused_by_file_place_and_remedy(mask: str, said: str) -> None:
    assert fault_of(mask) == [f"masks.yaml: cameras.a/b[0].{said}"]


def test_every_fault_of_a_file_is_told_at_once() -> None:
    assert faults("cameras: {default: [1], press: [], a/b: face}") == [
        "masks.yaml: cameras.default[0]: 1 is no mask; takes style, x, y, width, height",
        "masks.yaml: cameras.press: names no camera; write it as site/camera",
        (
            "masks.yaml: cameras.a/b: 'face' cannot be its masks; "
            "takes a list of up to 50 masks, [] where nothing is covered"
        ),
    ]


def test_very_many_masks_are_refused_and_very_many_faults_are_counted() -> None:
    one = "{x: 0, y: 0, width: 1, height: 1}"
    assert len(faults(f"cameras: {{default: [{', '.join([one] * (MOST_MASKS + 1))}]}}")) == 1
    lines = faults(f"cameras: {{default: [{', '.join(['0'] * MOST_MASKS)}]}}")
    assert (len(lines), lines[-1]) == (21, "masks.yaml: and 30 more")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cameras: [", "line 1"),
        ("cameras: {default: &a [], a/b: *a}", "line 1: has an anchor or alias (& or *); write the value out"),
        ("cameras:\n  default: []\n  a/b: []\n  a/b: []\n", "line 4: 'a/b' is given twice; leave one out"),
        ("- 1", "is a list of 1, not a mapping; takes a mapping with cameras, in YAML or JSON"),
        ("", "not a mapping; takes a mapping with cameras, in YAML or JSON"),
        ("masks: {}", "masks: there is no such field"),
        ("cameras: 3", "cameras: 3 cannot be the cameras; takes up to 10000 cameras as site/camera, and default"),
    ],
)
def test_a_file_that_is_no_file_of_masks_is_refused(text: str, said: str) -> None:
    assert said in faults(text)[0]
    assert faults(text)[0].startswith("masks.yaml: ")


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(MaskingError, match=r"OVPO_SOP__MASKS: .*gone\.yaml: cannot be read: No such file") as raised:
        load(tmp_path / "gone.yaml")
    assert raised.value.code == "unreadable_masks"


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(WHOLE)
    assert load(tmp_path / NAME) == parse(WHOLE, NAME)


def test_the_example_of_the_documentation_is_a_file_of_masks() -> None:
    page = (Path(__file__).parents[4] / "docs" / "masks.md").read_text(encoding="utf-8")
    masks = parse(page.partition("```yaml\n")[2].partition("```")[0].encode(), NAME)
    assert set(masks.cameras) == {"linz/press-1", "/bench-cam"}
    assert {mask.style for mask in (*masks.of("linz", "press-1"), *masks.of("", "bench-cam"))} == set(Style)
