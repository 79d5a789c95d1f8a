"""Fit what cosines are worth: `python -m training.calibrate FOLDER --data FILE...` writes it into the checkpoint.

Batches of recorded bodies of the `train` split are seen by two cameras each. Every first view is compared with every
second view of its batch; a pair matches if the NP-MPJPE of the two bodies is under 0.1, which counts near-identical
frames of other moments as matches. The cosines of matches and of other pairs, weighted to be half each, give the three
parameters of `poseembed.calibration.MatchCalibration` by maximum likelihood.

A probability is right for the mixture that it was fitted on: bodies as recorded, cameras as in the retrieval benchmark,
and `evaluation.pairs.DETECTOR`, which stands for what detectors make of everyday pictures. A cosine does not say how
much of a pose was seen, so no curve fits everything that is in a mixture: between complete and exact poses a middling
cosine speaks against a match more clearly than the probability says (it is too high), between badly damaged ones
probabilities are too sure of themselves either way. `training.benchmarks.reliability` shows by how much.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from poseembed import checkpoint
from poseembed.calibration import MatchCalibration, log_shares
from poseembed.files.atomic import replacing
from training.datasets.mocap import read_poses
from training.evaluation.command import CommandParser
from training.evaluation.pairs import BATCH, DETECTOR, Pairs, balance, draw_pairs
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.views import ViewSampler

_RIDGE = 1e-8  # keeps the parameters finite where matches and other pairs do not overlap


def fit(pairs: Pairs) -> MatchCalibration:
    """The most likely calibration, were matches half of the pairs.

    The likelihood is concave, so where its peak has a negative a or b, the best allowed point lies on a bound: the
    peaks on both bounds are tried as well.

    Raises:
        ValueError: If all pairs match, or none.
    """
    weights, match = balance(pairs.match), pairs.match.double()
    alike, unlike = log_shares(pairs.cosine.double())
    features = torch.stack([alike, -unlike, torch.ones_like(alike)], dim=-1)
    found = []
    for free in ([0, 1, 2], [0, 2], [1, 2], [2]):
        parameters = torch.zeros(3, dtype=torch.float64)
        parameters[free] = _newton(features[:, free], match, weights)
        if (parameters[:2] >= 0).all():
            found.append((_loss(parameters, features, match, weights).item(), parameters.tolist()))
    _, (a, b, c) = min(found)
    return MatchCalibration(a, b, c)


def _newton(
    features: Float[Tensor, "pairs n"], match: Float[Tensor, " pairs"], weights: Float[Tensor, " pairs"]
) -> Float[Tensor, " n"]:
    """Weighted logistic regression."""
    parameters = features.new_zeros(features.shape[1])
    loss = _loss(parameters, features, match, weights)
    for _ in range(100):
        p = torch.sigmoid(features @ parameters)
        gradient = features.T @ (weights * (p - match)) + _RIDGE * parameters
        curvature = (features.T * (weights * p * (1 - p))) @ features + _RIDGE * torch.eye(len(parameters)).to(features)
        step = torch.linalg.solve(curvature, gradient)
        while (after := _loss(parameters - step, features, match, weights)) > loss and step.abs().max() > 1e-10:
            step = step / 2  # a whole step may overshoot far from the peak
        parameters, loss = parameters - step, after
        if step.abs().max() < 1e-8:
            break
    return parameters


def _loss(
    parameters: Float[Tensor, " n"],
    features: Float[Tensor, "pairs n"],
    match: Float[Tensor, " pairs"],
    weights: Float[Tensor, " pairs"],
) -> Float[Tensor, ""]:
    """Weighted cross entropy."""
    wrong_way = torch.where(match > 0, -1.0, 1.0) * (features @ parameters)
    return (weights * softplus(wrong_way)).sum() + _RIDGE / 2 * parameters.square().sum()


def write_calibration(folder: Path, calibration: MatchCalibration, how: dict[str, Any]) -> None:
    """Put a calibration, and how it was made, into a checkpoint's `config.json`; the weights are not touched."""
    config = checkpoint.read(folder).config
    config = replace(config, calibration=calibration, training={**config.training, "calibration": how})
    with replacing(folder / checkpoint.CONFIG_FILE) as file:
        file.write(config.to_json().encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.calibrate`."""
    parser = CommandParser("training.calibrate", __doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="checkpoint to calibrate")
    parser.add_data()
    parser.add_count("--batches", 32, "batches of bodies")
    parser.add_count("--batch-size", BATCH, "bodies of a batch, all views of which are compared", least=2)
    parser.add_seed("of bodies, cameras and detector")
    options = parser.parse(arguments)
    if not options.folder.is_dir():
        parser.error(f"no such folder: {options.folder}")
    network = checkpoint.read(options.folder).network
    bodies = Bodies(*read_poses(options.data, "train"), Variation())
    sampler = ViewSampler(bodies, CameraRange(), DETECTOR)
    pairs = draw_pairs(network, sampler, batches=options.batches, seed=options.seed, batch_size=options.batch_size)
    calibration = fit(pairs)
    how = {
        "data": [path.name for path in options.data],
        "pairs": len(pairs.match),
        "matches": int(pairs.match.sum()),
        "detector": asdict(DETECTOR),
        "seed": options.seed,
    }
    write_calibration(options.folder, calibration, how)
    print(f"{how['matches']} of {how['pairs']} pairs match; {calibration}")
    print("   cosine  probability of a match, if half of the pairs do")
    cosines = torch.tensor([0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    for cosine, probability in zip(cosines, calibration.probability(cosines), strict=True):
        print(f"{cosine:9.1f}  {probability:.3f}")


if __name__ == "__main__":
    main()
