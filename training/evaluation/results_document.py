"""`RESULTS.md`: a document of sections, each written anew by the command that measured it.

A section is a second-level heading with all that follows it up to the next one, and belongs to one command. What is
concluded from the tables is not written here, but in `training/EXPERIMENTS.md`.
"""

import os
import re
from pathlib import Path

from poseembed.files.atomic import replacing

RESULTS = Path(__file__).parents[1] / "benchmarks" / "RESULTS.md"

SECTIONS = (
    "What was compared",
    "Single-shot cross-view action recognition (Tables 1 and 3)",
    "Fully supervised action recognition (Tables 2 and 4)",
    "Limited supervision (Figure 3)",
    "Ablation (Table 5)",
    "Nearest neighbours (Figure 4)",
    "Retrieval between cameras (Pr-VIPE)",
    "Disentanglement",
)
"""Headings, in the order of the document."""

TITLE = "# Every system of the paper, compared"


def write_section(path: Path, name: str, text: str) -> None:
    """Replace one section, or put it in its place; all others are kept as they are.

    Args:
        path: The document; made if it is not there.
        name: One of `SECTIONS`.
        text: Markdown below the heading.

    Raises:
        ValueError: If there is no such section, the text has a second-level heading of its own, or the document has
            one that is not among `SECTIONS`.
    """
    if name not in SECTIONS:
        raise ValueError(f"no section {name!r}; there are: {'; '.join(SECTIONS)}")
    if re.search(r"^## ", text, re.MULTILINE):
        raise ValueError("the text of a section must not have second-level headings; use ### below")
    head, *parts = re.split(r"^## ", path.read_text(encoding="utf-8") if path.is_file() else TITLE, flags=re.MULTILINE)
    sections = dict(part.partition("\n")[::2] for part in parts)
    if strangers := set(sections) - set(SECTIONS):
        raise ValueError(f"{path} has sections that no command writes: {', '.join(sorted(strangers))}")
    sections[name] = text
    ordered = [f"## {title}\n\n{sections[title].strip()}\n" for title in SECTIONS if title in sections]
    with replacing(path) as file:
        file.write("\n".join([head.strip() + "\n", *ordered]).encode())


def picture(path: Path, document: Path, title: str) -> str:
    """Markdown that shows a picture in the document, wherever the two lie."""
    return f"![{title}]({Path(os.path.relpath(path, document.parent)).as_posix()})"
