"""Levels, roots, and which of them a peer accepted."""

from __future__ import annotations

import pytest

from dicomgui.app.asking.keys import attribute_of
from dicomgui.app.asking.levels import (
    LEVEL_KEYS,
    RETURN_KEYS,
    UNIQUE_KEYS,
    Level,
    Root,
    contexts_for,
    levels_of,
    roots_for,
    unique_keys_above,
)
from dicomgui.network import ConfigurationError


def test_study_root_comes_first_where_it_has_the_level() -> None:
    assert roots_for(Level.STUDY) == (Root.STUDY, Root.PATIENT, Root.PATIENT_STUDY_ONLY)
    assert roots_for(Level.PATIENT) == (Root.PATIENT, Root.PATIENT_STUDY_ONLY)
    assert roots_for(Level.IMAGE) == (Root.STUDY, Root.PATIENT)
    assert roots_for(Level.SERIES, operation="get") == (Root.STUDY, Root.PATIENT)


def test_levels_stand_in_their_order() -> None:
    assert levels_of("study") == (Level.STUDY, Level.SERIES, Level.IMAGE)
    assert levels_of("patient-study-only") == (Level.PATIENT, Level.STUDY)
    assert levels_of("worklist") == ()


def test_unique_keys_above_are_those_of_the_root() -> None:
    assert unique_keys_above("study", Level.IMAGE) == ("StudyInstanceUID", "SeriesInstanceUID")
    assert unique_keys_above("patient", Level.STUDY) == ("PatientID",)
    assert unique_keys_above("study", Level.PATIENT) == ()


def test_all_keywords_are_in_the_dictionary() -> None:
    keywords = set(UNIQUE_KEYS.values()).union(*LEVEL_KEYS.values(), *RETURN_KEYS.values())
    assert all(attribute_of(keyword).keyword == keyword for keyword in keywords)


def test_each_level_asks_for_its_unique_key() -> None:
    assert all(UNIQUE_KEYS[level] in RETURN_KEYS[level] for level in Level)


def test_contexts_are_those_of_the_models() -> None:
    uids = [context.abstract_syntax for context in contexts_for(("study", "patient"), "move", "find")]
    assert uids == [f"1.2.840.10008.5.1.4.1.2.{end}" for end in ("2.2", "2.1", "1.2", "1.1")]
    with pytest.raises(ConfigurationError, match="no information model 'worklist' for move"):
        contexts_for(("worklist",), "move")
