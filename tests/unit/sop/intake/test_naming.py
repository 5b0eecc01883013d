# SPDX-License-Identifier: Apache-2.0
from hashlib import sha256

import pytest

from ovpo.foundation.settings.faults import SettingsError
from ovpo.foundation.settings.tree import Sop
from ovpo.sop.intake.errors import IntakeError
from ovpo.sop.intake.naming import Named, Naming
from ovpo.sop.records.rows import VideoRole

USUAL = Naming.of(Sop())


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("coffee/gold/a.mp4", Named("coffee", VideoRole.GOLD)),
        ("coffee-2/trainee/Anna Müller.MOV", Named("coffee-2", VideoRole.TRAINEE)),
        ("coffee_gold.mp4", Named("coffee", VideoRole.GOLD)),
        ("coffee--anna_trainee.mp4", Named("coffee", VideoRole.TRAINEE)),
        ("north/hall 2/coffee_making--x--y_trainee.mkv", Named("coffee_making", VideoRole.TRAINEE)),
    ],
)
def test_the_usual_patterns_read_folders_first_and_names_second(path: str, named: Named) -> None:
    assert USUAL.read(path) == named


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a.mp4", "unknown_path"),
        ("coffee/silver/a.mp4", "unknown_path"),
        ("coffee/gold/deeper/a.mp4", "unknown_path"),
        ("Coffee Making/gold/a.mp4", "bad_task"),
        (f"{'c' * 65}/gold/a.mp4", "bad_task"),
        ("kaffee\N{COMBINING DIAERESIS}/gold/a.mp4", "bad_task"),
    ],
)
def test_a_path_that_says_too_little_or_what_cannot_be_is_refused_without_being_repeated(path: str, code: str) -> None:
    with pytest.raises(IntakeError) as refused:
        USUAL.read(path)
    assert refused.value.code == code
    assert path not in str(refused.value)


def test_own_patterns_give_site_camera_and_operator_and_of_the_operator_only_the_hash() -> None:
    naming = Naming.of(
        Sop(
            folder_pattern=r"(?P<site>[^/]+)/(?P<camera>[^/]+)/(?P<operator>[^/]+)/(?P<task>[^/_]+)_(?P<role>\w+)\..*",
            name_pattern="",
        )
    )
    named = naming.read("Nürnberg/cam 1/Anna/coffee_Gold.mp4")
    hashed = sha256(b"Anna").hexdigest()
    assert named == Named("coffee", VideoRole.GOLD, "Nürnberg", "cam 1", hashed)
    assert naming.read("Nu\N{COMBINING DIAERESIS}rnberg/cam 1/Anna/coffee_gold.mp4") == named
    with pytest.raises(IntakeError, match="takes gold or trainee"):
        naming.read("s/c/Anna/coffee_silver.mp4")
    with pytest.raises(IntakeError, match="site is longer than 128"):
        naming.read(f"{'s' * 129}/c/Anna/coffee_gold.mp4")


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("folder_pattern", "(?P<task>", "OVPO_SOP__FOLDER_PATTERN: is no regular expression"),
        ("folder_pattern", "(?P<task>.*)", r"OVPO_SOP__FOLDER_PATTERN: lacks \(\?P<role>\.\.\.\)"),
        ("name_pattern", ".*", r"OVPO_SOP__NAME_PATTERN: lacks \(\?P<role>\.\.\.\), \(\?P<task>\.\.\.\)"),
        ("name_pattern", "(?P<task>.)(?P<role>.)(?P<kamera>.)", "OVPO_SOP__NAME_PATTERN: has the group kamera; takes"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_a_settings_error_that_names_its_variable(
    field: str, text: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        Naming.of(Sop(**{field: text}))
