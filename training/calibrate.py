"""Fit how sure an encoder is, and what cosines are worth: `python -m training.calibrate FOLDER --data FILE...`.

Directions stay as they are. Vectors of single frames get lengths, and the checkpoint the polynomials that turn cosines
and lengths into probabilities of a match (`training.calibration.frames`); one that has them already gets new ones. If
it has a clip encoder, vectors with context get lengths to suit (`training.calibration.clips`).

A probability is right for the mixture that it was fitted on. `training.benchmarks.reliability` shows how far it is off
where pictures or galleries are of one kind.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import torch
from tqdm import tqdm

from poseembed import checkpoint
from poseembed.calibration import MatchCalibration
from poseembed.checkpoint import Checkpoint, Json
from training.calibration import clips, frames
from training.calibration.lengths import AT_ONCE, SIZE, give_lengths
from training.datasets import mocap
from training.evaluation.command import CommandParser
from training.evaluation.galleries import draw_galleries
from training.running.recipe import load_recipe
from training.scene.bodies import Bodies, Variation
from training.scene.clip_views import ClipSampler
from training.scene.lasting import Film

GALLERIES, STEPS = 400, 1000
"""Galleries to compare pictures of, each seen anew whenever it comes up, and steps of `AT_ONCE` of them."""

FILMED = 200
"""Galleries of movements, which are filmed once."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.calibrate`."""
    parser = CommandParser("training.calibrate", __doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="checkpoint to calibrate")
    parser.add_data()
    parser.add_count("--galleries", GALLERIES, "galleries to compare pictures of", least=AT_ONCE)
    parser.add_count("--filmed", FILMED, "galleries of movements, for a clip encoder", least=AT_ONCE)
    parser.add_count("--steps", STEPS, f"steps, of {AT_ONCE} galleries each")
    parser.add_argument(
        "--recipe", default="poseembed_base_clips", help="who films the movements (default: %(default)s)"
    )
    parser.add_seed("of galleries, cameras and detector")
    options = parser.parse(arguments)
    if not options.folder.is_dir():
        parser.error(f"no such folder: {options.folder}")
    torch.set_flush_denormal(True)
    with parser.refusing():
        saved, recipe = checkpoint.read(options.folder), load_recipe(options.recipe)
        network = give_lengths(saved.network, None)
        recordings = [mocap.read(path) for path in options.data]
        drawn = draw_galleries(recordings, "train", SIZE, torch.Generator().manual_seed(options.seed))
        galleries = list(tqdm(islice(drawn, options.galleries), total=options.galleries, unit="gallery"))
    layer, calibration, loss = frames.fit(network, galleries, steps=options.steps, seed=options.seed)
    how: dict[str, Json] = {
        "data": [path.name for path in options.data],
        "galleries": len(galleries),
        "matches": sum(int(gallery.match.sum()) for gallery in galleries),
        "steps": options.steps,
        "detector": asdict(frames.DETECTOR),
        "seed": options.seed,
    }
    saved = replace(saved, network=give_lengths(network, layer))
    print(f"cross entropy {loss:.3f} (of knowing nothing: {math.log(2):.3f}); {calibration}")
    if saved.clip is not None:
        joints, nose, runs = mocap.read_runs(options.data, "train")
        film = recipe.film or Film()
        sampler = ClipSampler(Bodies(joints, nose, Variation()), runs, recipe.cameras, recipe.detector, film)
        torch.manual_seed(options.seed)
        endless = clips.film_galleries(saved.network, saved.clip, sampler, SIZE)
        filmed = list(tqdm(islice(endless, options.filmed), total=options.filmed, unit="gallery"))
        layer, loss = clips.fit(filmed, calibration, steps=options.steps, seed=options.seed)
        how["clips"] = {"recipe": options.recipe, "galleries": len(filmed), "steps": options.steps}
        saved = saved.fitted(give_lengths(saved.clip, layer))
        print(f"cross entropy with context {loss:.3f}")
    checkpoint.write(options.folder, calibrated(saved, calibration, how))
    print("probability of a match at even odds, by how sure the encoder is of both poses")
    certainties, cosines = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9, 1.0]), torch.tensor([0.0, 0.4, 0.6, 0.8, 0.9, 1.0])
    print("   cosine" + "".join(f"{sure:8.1f}" for sure in certainties.tolist()))
    for cosine in cosines:
        row = calibration.probability(cosine.expand_as(certainties), certainties.square())
        print(f"{cosine:9.1f}" + "".join(f"{chance:8.3f}" for chance in row.tolist()))


def calibrated(fitted: Checkpoint, calibration: MatchCalibration, how: dict[str, Json]) -> Checkpoint:
    """A checkpoint with a calibration, and how that was made; its networks have the lengths that go with it."""
    training: dict[str, Json] = {**fitted.config.training, "calibration": {**how}}
    config = replace(fitted.config, network=fitted.network.config, calibration=calibration, training=training)
    return replace(fitted, config=config)


if __name__ == "__main__":
    main()
