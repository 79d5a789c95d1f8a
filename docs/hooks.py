"""Pages kept elsewhere in the repository: model cards beside their weights, experiments, results."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them. MkDocs takes the YAML at the top of a card for settings of the page, so it does not show."""
    root = Path(config.config_file_path).parent
    pages = {f"models/{card.parent.name}.md": card for card in root.glob("weights/*/README.md")}
    pages["experiments.md"] = root / "training" / "EXPERIMENTS.md"
    results = root / "training" / "benchmarks"
    pages |= {f"benchmarks/{source.name}": source for source in (results / "RESULTS.md", *results.glob("*.png"))}
    for page, source in pages.items():
        files.append(File.generated(config, page, abs_src_path=str(source)))
    return files
