"""Fit how sure an encoder is, and what cosines are worth: `python -m training.calibrate FOLDER --data FILE...`.

Directions stay as they are. Vectors of single frames get lengths, and the checkpoint the polynomials that turn cosines
and lengths into probabilities of a match (`training.calibration.frames`); one that has them already gets new ones. If
it has a clip encoder, vectors with context get lengths to suit (`training.calibration.clips`).

A probability is right for the mixture that it was fitted on. `training.benchmarks.reliability` shows how far it is off
where pictures or galleries are of one kind.
"""

import math
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import torch
from tqdm import tqdm

from poseembed import checkpoint
from poseembed.calibration import MatchCalibration
from poseembed.checkpoint import Checkpoint, Json
from poseembed.clip_network import ClipEncoder
from training.calibration import clips, frames
from training.calibration.lengths import AT_ONCE, SIZE, give_lengths
from training.datasets import mocap
from training.evaluation.command import CommandParser
from training.evaluation.galleries import Gallery, draw_galleries
from training.running.recipe import Recipe, load_recipe
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
    parser.add_argument("--clips-only", action="store_true", help="leave single frames as they were calibrated")
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
        if options.clips_only and (saved.clip is None or saved.config.calibration is None):
            parser.error(f"{options.folder} has no clip encoder, or its single frames were never calibrated")
        galleries = [] if options.clips_only else _galleries(options)
    if not options.clips_only:
        saved = _calibrate_frames(saved, galleries, options)
    if saved.clip is not None:
        saved = _calibrate_clips(saved, saved.clip, recipe, options)
    checkpoint.write(options.folder, saved)
    assert saved.config.calibration is not None
    print("probability of a match at even odds, by how sure the encoder is of both poses")
    certainties, cosines = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9, 1.0]), torch.tensor([0.0, 0.4, 0.6, 0.8, 0.9, 1.0])
    print("   cosine" + "".join(f"{sure:8.1f}" for sure in certainties.tolist()))
    for cosine in cosines:
        row = saved.config.calibration.probability(cosine.expand_as(certainties), certainties.square())
        print(f"{cosine:9.1f}" + "".join(f"{chance:8.3f}" for chance in row.tolist()))


def _galleries(options: Namespace) -> list[Gallery]:
    recordings = [mocap.read(path) for path in options.data]
    drawn = draw_galleries(recordings, "train", SIZE, torch.Generator().manual_seed(options.seed))
    return list(tqdm(islice(drawn, options.galleries), total=options.galleries, unit="gallery"))


def _calibrate_frames(saved: Checkpoint, galleries: Sequence[Gallery], options: Namespace) -> Checkpoint:
    network = give_lengths(saved.network, None)
    layer, calibration, loss = frames.fit(network, galleries, steps=options.steps, seed=options.seed)
    print(f"cross entropy {loss:.3f} (of knowing nothing: {math.log(2):.3f}); {calibration}")
    how: dict[str, Json] = {
        "data": [path.name for path in options.data],
        "galleries": len(galleries),
        "matches": sum(int(gallery.match.sum()) for gallery in galleries),
        "steps": options.steps,
        "detector": asdict(frames.DETECTOR),
        "seed": options.seed,
    }
    return calibrated(replace(saved, network=give_lengths(network, layer)), calibration, how)


def _calibrate_clips(saved: Checkpoint, clip: ClipEncoder, recipe: Recipe, options: Namespace) -> Checkpoint:
    assert saved.config.calibration is not None
    joints, nose, runs = mocap.read_runs(options.data, "train")
    bodies = Bodies(joints, nose, Variation())
    sampler = ClipSampler(bodies, runs, recipe.cameras, recipe.detector, recipe.film or Film())
    torch.manual_seed(options.seed)
    endless = clips.film_galleries(saved.network, clip, sampler, SIZE)
    filmed = list(tqdm(islice(endless, options.filmed), total=options.filmed, unit="gallery"))
    layer, loss = clips.fit(filmed, saved.config.calibration, steps=options.steps, seed=options.seed)
    print(f"cross entropy with context {loss:.3f}")
    fitted = saved.fitted(give_lengths(clip, layer))
    how: dict[str, Json] = {
        "data": [path.name for path in options.data],
        "recipe": options.recipe,
        "galleries": len(filmed),
        "steps": options.steps,
        "seed": options.seed,
    }
    training: dict[str, Json] = {**fitted.config.training, "clip_calibration": {**how}}
    return replace(fitted, config=replace(fitted.config, training=training))


def calibrated(fitted: Checkpoint, calibration: MatchCalibration, how: dict[str, Json]) -> Checkpoint:
    """A checkpoint with a calibration, and how that was made; its networks have the lengths that go with it."""
    training: dict[str, Json] = {**fitted.config.training, "calibration": {**how}}
    config = replace(fitted.config, network=fitted.network.config, calibration=calibration, training=training)
    return replace(fitted, config=config)


if __name__ == "__main__":
    main()
