"""The document of results: each command writes its own section and leaves the others alone."""

from pathlib import Path

import pytest

from training.evaluation.results_document import SECTIONS, TITLE, picture, write_section


def test_sections_stand_in_the_documents_order_whenever_they_are_written(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    write_section(file, SECTIONS[3], "later")
    write_section(file, SECTIONS[1], "| a |\n\n### Details\n\nearlier\n")
    assert file.read_text() == (
        f"{TITLE}\n\n## {SECTIONS[1]}\n\n| a |\n\n### Details\n\nearlier\n\n## {SECTIONS[3]}\n\nlater\n"
    )


def test_a_section_is_replaced_and_nothing_else_moves(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    for name in SECTIONS[:3]:
        write_section(file, name, f"first {name}")
    before = file.read_text()
    write_section(file, SECTIONS[1], "second")
    assert file.read_text() == before.replace(f"first {SECTIONS[1]}", "second")
    write_section(file, SECTIONS[1], f"first {SECTIONS[1]}")
    assert file.read_text() == before


@pytest.mark.parametrize(
    "name, text, words",
    [("Weather", "fine", "no section 'Weather'"), (SECTIONS[0], "a\n## b\n", "second-level")],
)
def test_what_would_break_the_document_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        write_section(tmp_path / "RESULTS.md", name, text)
    assert not (tmp_path / "RESULTS.md").exists()


def test_a_section_of_unknown_origin_is_not_thrown_away(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text(f"{TITLE}\n\n## By hand\n\nkeep me\n")
    with pytest.raises(ValueError, match="By hand"):
        write_section(file, SECTIONS[0], "text")
    assert "keep me" in file.read_text()


def test_a_picture_is_found_from_the_documents_folder(tmp_path: Path) -> None:
    shown = picture(tmp_path / "docs" / "a.png", tmp_path / "training" / "benchmarks" / "RESULTS.md", "Rows of a")
    assert shown == "![Rows of a](../../docs/a.png)"
