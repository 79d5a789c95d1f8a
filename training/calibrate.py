"""Fit what cosines are worth: `python -m training.calibrate FOLDER --data FILE...` writes it into the checkpoint.

Batches of recorded bodies of the `train` split are seen by two cameras each. Every first view is compared with every
second view of its batch; a pair matches if the NP-MPJPE of the two bodies is under 0.1, which counts near-identical
frames of other moments as matches. The cosines of matches and of other pairs, weighted to be half each, give the three
parameters of `poseembed.calibration.MatchCalibration` by maximum likelihood.

A probability is right for the mixture that it was fitted on: bodies as recorded, cameras as in the retrieval benchmark,
and `DETECTOR`, which stands for what detectors make of everyday pictures. A cosine does not say how much of a pose was
seen, so no curve fits everything that is in a mixture: between complete and exact poses a middling cosine speaks
against a match more clearly than the probability says (it is too high), between badly damaged ones probabilities are
too sure of themselves either way. `training.benchmarks.reliability` shows by how much.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize, softplus
from tqdm import tqdm

from poseembed import checkpoint
from poseembed.calibration import MatchCalibration, log_shares
from poseembed.network import Encoder
from training.benchmarks.retrieval import SAME_POSE
from training.datasets.mocap import read_poses
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.metrics import np_mpjpe
from training.scene.views import ViewSampler

BATCH = 256
"""Bodies whose views are compared with each other. With fewer, more of the matches are of one and the same body."""

DETECTOR = Detector(noise=0.05, occluded=0.5, cropped=0.2)
"""Noise of up to 5 % of the torso in all views; half of the views may lose single joints or a limb, and a fifth of
those whatever lies beyond the picture's edge. A quarter of the pairs are complete in both views. Swapped and badly
misplaced joints are left out: nobody knows their share, and a few bend the curve's low end for all poses."""

_RIDGE = 1e-8  # keeps the parameters finite where matches and other pairs do not overlap


@dataclass(frozen=True)
class Pairs:
    """Compared views.

    Attributes:
        cosine: Of their pose vectors.
        match: Whether they show the same pose.
    """

    cosine: Float[Tensor, " pairs"]
    match: Bool[Tensor, " pairs"]

    @classmethod
    def join(cls, parts: Sequence["Pairs"]) -> "Pairs":
        """All pairs of several batches."""
        return cls(torch.cat([part.cosine for part in parts]), torch.cat([part.match for part in parts]))


def same_pose(bodies: Float[Tensor, "bodies 13 3"]) -> Bool[Tensor, "bodies bodies"]:
    """Whether the NP-MPJPE of each body to each other one is under 0.1."""
    count = len(bodies)
    return np_mpjpe(bodies[:, None].expand(-1, count, -1, -1), bodies.expand(count, -1, -1, -1)) < SAME_POSE


def compare(
    first: Float[Tensor, "views dim"], second: Float[Tensor, "views dim"], match: Bool[Tensor, "views views"]
) -> Pairs:
    """All pairs of a first view's pose vector with a second view's; view `i` of either shows body `i`."""
    cosine = (normalize(first, dim=-1) @ normalize(second, dim=-1).T).clamp(-1, 1)
    return Pairs(cosine.flatten(), match.flatten())


def balance(match: Bool[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
    """Weights, float64, that sum to one half over the matches and to one half over the other pairs.

    Raises:
        ValueError: If all pairs match, or none.
    """
    matches = int(match.sum())
    if matches in (0, len(match)):
        raise ValueError(f"{matches} of {len(match)} pairs match; matches and other pairs are needed, take more poses")
    return match.double() * (0.5 / matches) + (~match).double() * (0.5 / (len(match) - matches))


def draw_pairs(network: Encoder, sampler: ViewSampler, *, batches: int, seed: int) -> Pairs:
    """Compare views of so many batches of bodies; seeds torch's global random state."""
    torch.manual_seed(seed)
    parts = []
    with torch.no_grad():
        for _ in tqdm(range(batches), unit="batch"):
            batch = sampler.sample(BATCH)
            z_pose, _ = network(network.layout(batch.points, batch.visible).flatten(0, 1))
            first, second = z_pose.chunk(2)
            parts.append(compare(first, second, same_pose(batch.body)))
    return Pairs.join(parts)


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
    file = folder / checkpoint.CONFIG_FILE
    partial = file.with_suffix(".partial")  # so that a kill at any moment leaves no half a file
    partial.write_text(config.to_json(), encoding="utf-8")
    partial.replace(file)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.calibrate`."""
    parser = argparse.ArgumentParser(prog="python -m training.calibrate", description=__doc__.partition(":")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="checkpoint to calibrate")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="motion capture, .npz")
    parser.add_argument(
        "--batches", type=int, default=32, help=f"of {BATCH} bodies, all views compared (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of bodies, cameras and detector")
    options = parser.parse_args(arguments)
    if options.batches < 1 or options.seed < 0:
        parser.error("--batches must be at least 1 and --seed at least 0")
    for path in options.data:
        if not path.exists():
            parser.error(f"no such file: {path}")
    if not options.folder.is_dir():
        parser.error(f"no such folder: {options.folder}")
    network = checkpoint.read(options.folder).network
    bodies = Bodies(*read_poses(options.data, "train"), Variation())
    sampler = ViewSampler(bodies, CameraRange(), DETECTOR)
    pairs = draw_pairs(network, sampler, batches=options.batches, seed=options.seed)
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
