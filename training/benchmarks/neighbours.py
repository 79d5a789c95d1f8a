"""Nearest neighbours in pose space and in view space, as in Figure 4 of the paper: numbers, and a picture.

`python -m training.benchmarks.neighbours --data mocap_cmu.npz --run RUN --out neighbours.json --plot neighbours.png`

How it is measured is said in `training.evaluation.neighbours`, on 3,000 held-out poses a trial.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from training.evaluation.command import CommandParser, command_line, recordings
from training.evaluation.compared import Compared, load_compared
from training.evaluation.neighbours import (
    BOUNDS,
    NEIGHBOURS,
    RANKS,
    TRIALS,
    Gallery,
    NeighboursResult,
    draw_gallery,
    look_up,
    run,
)
from training.evaluation.neighbours_picture import draw_neighbours
from training.evaluation.report import Table, spread, write_json
from training.evaluation.results_document import picture, write_section
from training.evaluation.retrieval import GALLERY, SAME_POSE, check_enough

SHOWN = 4
"""Queries in the picture: the first that are drawn, so that none are picked."""

SECTION = "Nearest neighbours (Figure 4)"


def save_picture(path: Path, gallery: Gallery, compared: Sequence[Compared], *, shown: int = SHOWN) -> None:
    """Draw what the first system with a view vector finds for the first `shown` queries.

    Raises:
        ImportError: Without matplotlib.
        ValueError: If no system has a view vector.
    """
    drawn = next((one for one in compared if one.encoder.view_dim), None)
    if drawn is None:
        raise ValueError("none of the systems has a view vector to draw neighbours of; add one, or leave out --plot")
    title = f"{drawn.label}: nearest of {len(gallery.poses):,} pictures by {drawn.distance} distance"
    figure = draw_neighbours(look_up(gallery, drawn, range(shown)), title)
    figure.savefig(path, dpi=150, pil_kwargs={"optimize": True})


def section(
    results: Sequence[NeighboursResult], command: str, distances: Mapping[str, str], shown: str, size: int = GALLERY
) -> str:
    """Markdown: a table for each data set, the command that made them, and how to read them.

    Args:
        results: Of `run`.
        command: The command line.
        distances: How each system's vectors are compared.
        shown: Markdown of the picture; empty for none.
        size: Poses in a trial.
    """
    head = ["", "distance", *(f"pose: hit@{rank}, %" for rank in RANKS)]
    head += ["view: nearest, degrees", f"view: nearest {NEIGHBOURS}, degrees"]
    tables = []
    for data in dict.fromkeys(result.data for result in results):
        rows = []
        for label in dict.fromkeys(result.system for result in results):
            trials = [result for result in results if (result.data, result.system) == (data, label)]
            hits = [spread([100 * r.hits[k] for r in trials]) if trials[0].hits else "-" for k in RANKS]
            degrees = [spread([r.degrees[k] for r in trials]) if trials[0].degrees else "-" for k in (1, NEIGHBOURS)]
            rows.append([label, distances.get(label, "-"), *hits, *degrees])
        tables.append(Table(head, rows, f"**{data}**").markdown())
    above = _ABOVE.format(size=f"{size:,}")
    return "\n\n".join([f"```bash\n{command}\n```", above, *tables, *([shown] if shown else []), _BELOW])


_ABOVE = f"""Each of {{size}} held-out poses is seen by two random cameras: one picture is a query, the other in the
gallery. Pose: a hit has an NP-MPJPE under {SAME_POSE} to the query. View: the median angle between the directions, in
the frame of the body's heading, to the query's camera and to that of the picture nearest in view space (of the nearest
{NEIGHBOURS}); the best possible finds those whose directions are nearest, chance any. Mean and standard deviation over
{TRIALS} draws of poses and cameras."""

_BELOW = """The paper shows such neighbours only as a picture, so it has no figures to stand beside ours. What differs:

- **Data**: its encoder learned from Human3.6M, these from motion capture, and saw as many pairs as the first section
  says. The poses here are held out, and projected exactly instead of detected in videos.
- **Cameras**: virtual ones, a new one for each picture.
- **View vectors**: Pr-VIPE has none. Only poseembed-base's objective teaches the camera's place. Another system's view
  vector can hold it and still have other neighbours: see "Disentanglement" for what can be read from it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.neighbours`."""
    parser = CommandParser("training.benchmarks.neighbours", __doc__)
    parser.add_data()
    parser.add_argument("--systems", nargs="+", default=[], metavar="NAME", help="of the run; all that are finished")
    parser.add_plot("of the first system and file, .png")
    parser.add_count("--shown", SHOWN, "queries in the picture")
    parser.add_run()
    parser.add_several_weights("other checkpoints")
    parser.add_count("--poses", GALLERY, "in a trial", least=max(RANKS))
    parser.add_out()
    parser.add_results()
    options = parser.parse(arguments)
    with parser.refusing():
        compared = load_compared(options.run, options.systems, options.weights)
        data = {name: recording.held_out() for name, recording in recordings(options.data).items()}
        check_enough(data, options.poses)
        if not compared:
            raise ValueError("nothing to compare; add --run or --weights")
        if options.plot:
            first = draw_gallery(next(iter(data.values())), seed=0, size=options.poses)
            save_picture(options.plot, first, compared, shown=options.shown)
    total = len(data) * TRIALS * (len(compared) + len(BOUNDS))
    results = list(tqdm(run(data, compared, size=options.poses), total=total, unit="measurement"))
    write_json(options.out, [asdict(result) for result in results])
    given: dict[str, Sequence[str | Path]] = {
        "--data": options.data,
        "--run": [options.run] if options.run else [],
        "--systems": options.systems,
        "--weights": options.weights,
        "--out": [options.out],
        "--plot": [options.plot] if options.plot else [],
        **parser.changed(options, "--poses", "--shown"),
    }
    shown = picture(options.plot, options.results, "Neighbours of some queries") if options.plot else ""
    distances = {one.label: one.distance for one in compared}
    made_by = command_line("training.benchmarks.neighbours", given)
    text = section(results, made_by, distances, shown, options.poses)
    write_section(options.results, SECTION, text)
    print(text)


if __name__ == "__main__":
    main()
