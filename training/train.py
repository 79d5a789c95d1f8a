"""Train an encoder: `python -m training.train RECIPE --data FILE_OR_FOLDER... --out FOLDER`.

The data are files of `training.datasets.prepare`, or folders of data sets as they come (see
`training.datasets.mocap.read`). With `--detections`, half of the views are what the cameras of Human3.6M saw.

The run continues from its last checkpoint when it is started again with the same command, and ends with the same
weights as a run that was never stopped (bit for bit, on the same CPU with the same number of threads). With several
GPUs: `torchrun --nproc-per-node N -m training.train ...`; each process then takes `batch_size` pairs a step.
"""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training.datasets.mocap import human36m, read_runs
from training.evaluation.command import CommandParser
from training.running import log as run_log
from training.running.processes import processes, rank
from training.running.recipe import Recipe, load_recipe, recipe_names
from training.running.settings import change
from training.running.trainer import Trainer, export, train
from training.scene.bodies import Bodies
from training.scene.clip_views import ClipSampler
from training.scene.real_views import RealViewSampler
from training.scene.views import Sampler, ViewSampler


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.train`."""
    parser = CommandParser("training.train", __doc__)
    known = f"{', '.join(recipe_names())}; or a file that defines RECIPE, .py"
    parser.add_argument("recipe", metavar="RECIPE", help=known)
    parser.add_data()
    parser.add_argument("--detections", type=Path, metavar="FILE", help="2D poses of Human3.6M, data_2d_h36m_*.npz")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="run state, log and checkpoint")
    parser.add_count("--pairs", None, "pairs to train on, instead of the recipe's number")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="change a setting of the recipe, such as detector.noise=0.1; may be repeated",
    )
    parser.add_seed("of everything random")
    parser.add_device()
    parser.add_argument("--save-seconds", type=float, default=300, help="time between two saves (default: %(default)s)")
    options = parser.parse(arguments)
    with parser.refusing(TypeError):
        recipe = load_recipe(options.recipe)
        for assignment in options.set:
            recipe = change(recipe, assignment)
    if options.pairs is not None:
        recipe = dataclasses.replace(recipe, pairs=options.pairs)
    if options.detections is not None:
        if not options.detections.exists():
            parser.error(f"no such file: {options.detections}")
        if len(options.data) != 1 or not human36m.recognises(options.data[0]):
            parser.error("--detections are those of Human3.6M: give it, and nothing else, as --data")
    data = [*options.data, *([options.detections] if options.detections else [])]
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("tensorboard").setLevel(logging.WARNING)  # else it says that the log has an end
    torch.set_flush_denormal(True)
    options.out.mkdir(parents=True, exist_ok=True)
    with processes(options.device) as device:
        with parser.refusing():  # data that cannot be read, a teacher that is not there
            sampler = _sampler(recipe, options.data, options.detections, device)
            trainer = Trainer(recipe, sampler, seed=options.seed)
        train(trainer, options.out, save_seconds=options.save_seconds)
        if rank() == 0:
            folder = options.out / "checkpoint"
            export(trainer, folder, recipe_name=Path(options.recipe).stem, changes=options.set, data=data)
            run_log.write_table(options.out, folder / run_log.FILE_NAME)


def _sampler(recipe: Recipe, data: Sequence[Path], detections: Path | None, device: torch.device) -> Sampler[Any]:
    """Views of the poses to train on; half of them real where there are detections."""
    if detections is None:
        joints, nose, runs = read_runs(data, "train")
        bodies = Bodies(joints, nose, recipe.variation).to(device)
        if recipe.film is not None:
            return ClipSampler(bodies, runs, recipe.cameras, recipe.detector, recipe.film)
        return ViewSampler(bodies, recipe.cameras, recipe.detector)
    recordings, detected = human36m.read_with_detections(data[0], detections)
    bodies = Bodies(*recordings.poses("train"), recipe.variation).to(device)
    seen = detected[recordings.rows("train")]
    return RealViewSampler(bodies, seen, recipe.cameras, recipe.detector)


if __name__ == "__main__":
    main()
