"""Nearest neighbours in pose space and in view space, as in Figure 4 of the paper: numbers, and a picture.

`python -m training.benchmarks.neighbours --data mocap_cmu.npz --run RUN --out neighbours.json --plot neighbours.png`

A trial draws 3,000 held-out poses and two virtual cameras for each, as the retrieval benchmark does: any azimuth,
elevation and roll within 30 degrees, 3 to 12 torso lengths away. The pictures of the first camera are queries, those of
the second the gallery. A pose vector should find the same pose, from whatever side: hit@k, with an NP-MPJPE under 0.1.
A view vector should find the same side, in whatever pose: the angle between the directions from the hips to the two
cameras, each in the frame of its own body's heading. Chance is the median over all pictures of the gallery; the best
possible takes the gallery's nearest direction. Both vectors are compared by one distance, the one that suited the
system's pose vectors on the val split (`training.evaluation.compared`).
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from tqdm import tqdm

from training.benchmarks.retrieval import SAME_POSE, Trial, draw_poses, hit_rates
from training.datasets import mocap
from training.evaluation.compared import Compared, add_options, check_files, command, load_compared
from training.evaluation.markdown import markdown_table, spread
from training.evaluation.neighbours_picture import Neighbour, Row, draw_neighbours
from training.evaluation.report import write_json
from training.evaluation.results_document import picture, write_section
from training.scene.cameras import CameraRange
from training.scene.metrics import degrees_of_chord, np_mpjpe
from training.scene.world import heading

GALLERY = 3000
"""Poses in a trial."""

TRIALS = 3

RANKS = (1, 5, 10, 20)

NEIGHBOURS = 5
"""Neighbours in the picture; those in view space are also measured together."""

SHOWN = 4
"""Queries in the picture: the first that are drawn, so that none are picked."""

BOUNDS = ("best possible", "chance")
"""What finds the directions nearest to the query's, and what finds any pictures."""

SECTION = "Nearest neighbours (Figure 4)"


@dataclass(frozen=True)
class Views:
    """What one camera after the other saw of poses.

    Attributes:
        points: Picture points (x, y), y down.
        towards: The direction from the hips to the camera in the frame of the body's heading, a unit vector.
    """

    points: Float[Tensor, "poses 13 2"]
    towards: Float[Tensor, "poses 3"]


@dataclass(frozen=True)
class Gallery:
    """Poses, and two pictures of each.

    Attributes:
        poses: Torso lengths, z up, from the hips.
        queries: The pictures to search for.
        pictures: The pictures to search in.
    """

    poses: Float[Tensor, "poses 13 3"]
    queries: Views
    pictures: Views


@dataclass(frozen=True)
class Result:
    """What one system found in one trial.

    Attributes:
        data: File that the poses are from.
        system: Whose vectors, or one of `BOUNDS`.
        trial: Seed of the draw.
        hits: Share of the queries with a hit at each of `RANKS` in pose space; empty for bounds.
        degrees: Median angle between the directions to the query's camera and to that of the nearest picture in view
            space, and of the nearest `NEIGHBOURS`, by these numbers. Empty without a view vector.
    """

    data: str
    system: str
    trial: int
    hits: dict[int, float]
    degrees: dict[int, float]


def draw_gallery(poses: Float[np.ndarray, "frames 13 3"], *, seed: int) -> Gallery:
    """Draw a trial's poses and cameras.

    Args:
        poses: Metres, y up.
        seed: Of the draw.

    Raises:
        ValueError: If there are fewer poses than a gallery holds.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_poses(poses, GALLERY, generator)
    return Gallery(drawn, _see(drawn, generator), _see(drawn, generator))


def _see(poses: Float[Tensor, "poses 13 3"], generator: Generator) -> Views:
    camera = CameraRange().sample(len(poses), generator=generator)
    return Views(camera.look(poses), camera.viewpoint(heading(poses)).direction)


def degrees_apart(
    first: Float[Tensor, "queries 3"], second: Float[Tensor, "pictures 3"]
) -> Float[Tensor, "queries pictures"]:
    """Angles between unit vectors."""
    chord = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")
    return degrees_of_chord(chord)


def nearest(
    queries: Float[Tensor, "queries dim"], pictures: Float[Tensor, "pictures dim"], count: int
) -> Int[Tensor, "queries count"]:
    """The pictures nearest to each query by Euclidean distance, the nearest first."""
    return torch.cdist(queries, pictures).topk(count, largest=False).indices


def measure(gallery: Gallery, compared: Compared) -> tuple[dict[int, float], dict[int, float]]:
    """`Result.hits` and `Result.degrees` of a system."""
    everything = torch.ones(gallery.queries.points.shape[:2], dtype=torch.bool)
    pair = (gallery.queries.points, gallery.pictures.points)
    hits = hit_rates(Trial(gallery.poses, pair, (everything, everything)), compared.pose_vectors, RANKS)
    if not compared.encoder.view_dim:
        return hits, {}
    queries, pictures = (compared.view_vectors(points, everything) for points in pair)
    found = nearest(queries, pictures, NEIGHBOURS)
    return hits, _medians(degrees_apart(gallery.queries.towards, gallery.pictures.towards).gather(1, found))


def measure_bounds(gallery: Gallery) -> dict[str, dict[int, float]]:
    """`Result.degrees` of each of `BOUNDS`."""
    apart = degrees_apart(gallery.queries.towards, gallery.pictures.towards)
    chance = apart.median().item()
    best = _medians(apart.topk(NEIGHBOURS, largest=False).values)
    return dict(zip(BOUNDS, (best, dict.fromkeys(best, chance)), strict=True))


def _medians(error: Float[Tensor, "queries neighbours"]) -> dict[int, float]:
    return {count: error[:, :count].median().item() for count in (1, NEIGHBOURS)}


def look_up(gallery: Gallery, compared: Compared, queries: Sequence[int]) -> list[Row]:
    """Some queries with their `NEIGHBOURS` nearest neighbours in either space."""
    everything = torch.ones(gallery.queries.points.shape[:2], dtype=torch.bool)
    chosen = list(queries)
    apart = degrees_apart(gallery.queries.towards[chosen], gallery.pictures.towards)
    spaces = []
    for embed in (compared.pose_vectors, compared.view_vectors):
        asked = embed(gallery.queries.points[chosen], everything[chosen])
        found = nearest(asked, embed(gallery.pictures.points, everything), NEIGHBOURS)
        errors = np_mpjpe(gallery.poses[chosen][:, None].expand(-1, NEIGHBOURS, -1, -1), gallery.poses[found])
        rows = zip(gallery.pictures.points[found], errors.tolist(), apart.gather(1, found).tolist(), strict=True)
        spaces.append([list(map(Neighbour, *row)) for row in rows])
    return list(map(Row, gallery.queries.points[chosen], *spaces))


def save_picture(path: Path, gallery: Gallery, compared: Sequence[Compared]) -> None:
    """Draw what the first system with a view vector finds for the first `SHOWN` queries.

    Raises:
        ImportError: Without matplotlib.
        ValueError: If no system has a view vector.
    """
    drawn = next((one for one in compared if one.encoder.view_dim), None)
    if drawn is None:
        raise ValueError("none of the systems has a view vector to draw neighbours of; add one, or leave out --plot")
    title = f"{drawn.label}: nearest of {GALLERY:,} pictures by {drawn.distance} distance"
    figure = draw_neighbours(look_up(gallery, drawn, range(SHOWN)), title)
    figure.savefig(path, dpi=150, pil_kwargs={"optimize": True})


def run(data: Mapping[str, Float[np.ndarray, "frames 13 3"]], compared: Sequence[Compared]) -> Iterator[Result]:
    """Measure everything; yields results as soon as each is there."""
    for name, poses in data.items():
        for trial in range(TRIALS):
            gallery = draw_gallery(poses, seed=trial)
            for one in compared:
                yield Result(name, one.label, trial, *measure(gallery, one))
            for bound, degrees in measure_bounds(gallery).items():
                yield Result(name, bound, trial, {}, degrees)


def section(results: Sequence[Result], command: str, distances: Mapping[str, str], shown: str) -> str:
    """Markdown: a table for each data set, the command that made them, and how to read them.

    Args:
        results: Of `run`.
        command: The command line.
        distances: How each system's vectors are compared.
        shown: Markdown of the picture; empty for none.
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
        tables.append(f"**{data}**\n\n" + markdown_table(head, rows))
    return "\n\n".join([f"```bash\n{command}\n```", _ABOVE, *tables, *([shown] if shown else []), _BELOW])


_ABOVE = f"""Each of {GALLERY:,} held-out poses is seen by two random cameras: one picture is a query, the other in the
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
    summary = __doc__.partition(":")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.neighbours", description=summary)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="motion capture, .npz")
    parser.add_argument("--systems", nargs="+", default=[], metavar="NAME", help="of the run; all that are finished")
    parser.add_argument("--plot", type=Path, metavar="PICTURE", help="of the first system and file, .png")
    add_options(parser)
    options = parser.parse_args(arguments)
    check_files(parser, options.out, options.results, *([options.plot] if options.plot else []))
    try:
        compared = load_compared(options.run, options.systems, options.weights)
        data = {name: mocap.read(path).held_out() for name, path in mocap.by_name(options.data).items()}
        galleries = [draw_gallery(poses, seed=0) for poses in data.values()]  # all files are large enough
        if not compared:
            raise ValueError("nothing to compare; add --run or --weights")
        if options.plot:
            save_picture(options.plot, galleries[0], compared)
    except (OSError, ValueError, ImportError) as error:
        parser.error(str(error))
    total = len(data) * TRIALS * (len(compared) + len(BOUNDS))
    results = list(tqdm(run(data, compared), total=total, unit="measurement"))
    write_json(options.out, [asdict(result) for result in results])
    given: dict[str, Sequence[str | Path]] = {
        "--data": options.data,
        "--run": [options.run] if options.run else [],
        "--systems": options.systems,
        "--weights": options.weights,
        "--out": [options.out],
        "--plot": [options.plot] if options.plot else [],
    }
    shown = picture(options.plot, options.results, "Neighbours of some queries") if options.plot else ""
    distances = {one.label: one.distance for one in compared}
    text = section(results, command("training.benchmarks.neighbours", given), distances, shown)
    write_section(options.results, SECTION, text)
    print(text)


if __name__ == "__main__":
    main()
