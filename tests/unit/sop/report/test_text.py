# SPDX-License-Identifier: Apache-2.0
"""Any text as markup that says nothing else."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from ovpo.sop.explain.wording import clean
from ovpo.sop.report.fonts import BOLD, CHINESE, JAPANESE, KOREAN, SANS, UNWRITTEN
from ovpo.sop.report.text import printed


def _fonts(text: str, *, bold: bool = False) -> dict[str, str]:
    root = ET.fromstring(f"<para>{printed(text, 200, bold=bold)}</para>")
    return {part.get("name", ""): part.text or "" for part in root}


@given(st.text(max_size=200))
def test_markup_is_well_formed_and_holds_only_fonts_and_the_text(text: str) -> None:
    root = ET.fromstring(f"<para>{printed(text, 200)}</para>")
    assert {part.tag for part in root} <= {"font"}
    assert len("".join(root.itertext())) <= len(clean(text, 200))


def test_markup_in_a_name_is_printed_and_not_obeyed() -> None:
    root = ET.fromstring(f"<para>{printed('</para><b>x</b> & <img src=a/>', 200)}</para>")
    assert list(root) == []
    assert root.text == "</para><b>x</b> & <img src=a/>"


def test_each_script_is_written_in_a_font_that_has_it() -> None:
    assert _fonts("Größe Ωж") == {}
    assert _fonts("打开") == {CHINESE: "打开"}
    assert _fonts("手を") == {JAPANESE: "手を"}
    assert _fonts("밸브") == {KOREAN: "밸브"}
    assert _fonts("打开", bold=True) == {CHINESE: "打开"}


def test_a_bold_text_falls_back_to_the_regular_font_where_only_that_has_the_character() -> None:
    assert _fonts("ب", bold=True) in ({}, {SANS: "\ufe8f"})
    assert BOLD not in _fonts("A", bold=True)


def test_what_no_font_can_write_is_a_box_and_not_lost() -> None:
    assert printed("ปิด ok", 200) == UNWRITTEN * 3 + " ok"
