"""Windows of movements as two cameras see them, for training the clip encoder."""

import hashlib
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from poseembed.clip_network import SLOTS
from poseembed.keypoints import normalize_keypoints
from training.scene.bodies import Bodies
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.lasting import MIDDLE, Film
from training.scene.views import Sampler, with_face


@dataclass(frozen=True)
class ClipBatch:
    """Two views of each of a batch of movements, and what is known of the moment in their middle.

    Attributes:
        points: Both views of all frames, normalised; 0 where nothing is visible.
        visible: Which joints they show; none where there is no frame.
        frames: Which slots hold a frame.
        exact: The moment in the middle as both cameras see it, complete and exact, normalised.
        pictures: The same as other cameras see it, on the one body and on the other in turn.
    """

    points: Float[Tensor, "2 pairs 27 13 2"]
    visible: Bool[Tensor, "2 pairs 27 13"]
    frames: Bool[Tensor, "2 pairs 27"]
    exact: Float[Tensor, "2 pairs 13 2"]
    pictures: Float[Tensor, "cameras pairs 13 2"]


PICTURES = 4
"""Cameras that take a picture of the moment in the middle, besides the two that film it."""


class ClipSampler(Sampler[ClipBatch]):
    """Draws movements and, for each, two cameras; gives what a detector finds in both videos.

    Args:
        bodies: Where the 3D poses come from.
        runs: Which of the recorded poses follow each other, see `training.datasets.mocap.read_runs`.
        cameras: Where the cameras stand.
        detector: What becomes of their pictures.
        film: How long it lasts.

    Raises:
        ValueError: If there is not one number for each recorded pose.
    """

    def __init__(
        self, bodies: Bodies, runs: Int[ndarray, " poses"], cameras: CameraRange, detector: Detector, film: Film
    ) -> None:
        if len(runs) != len(bodies):
            raise ValueError(f"got {len(runs)} numbers of runs for {len(bodies)} poses")
        super().__init__(bodies, cameras, detector)
        self.film, self.runs = film, torch.from_numpy(runs).to(self.device)

    def digest(self) -> str:
        """A fingerprint of the poses and of which follow each other."""
        return hashlib.sha256(self.bodies.digest().encode() + self.runs.cpu().numpy().tobytes()).hexdigest()

    def sample(self, pairs: int) -> ClipBatch:
        """Two views of each of `pairs` random movements, from torch's global random state."""
        return self.around(self.bodies.draw(pairs))

    def around(self, chosen: Int[Tensor, " pairs"]) -> ClipBatch:
        """Two views of each of the movements around some poses, by number; see `sample`."""
        film, detector, device, pairs = self.film, self.detector, self.device, len(chosen)
        offsets = film.draw_offsets(pairs, device).round().long()
        rows, recorded = self._window(chosen, offsets)
        others, _ = self._window(self.bodies.draw_others(chosen), offsets)
        _, seen = self.bodies.pairs(rows, others)
        views = 2 * pairs
        cameras = self.cameras.sample(views + PICTURES * pairs, views=2 + PICTURES, device=device)
        photographers, filming = cameras[views:], cameras[:views]
        turned, rolled = film.draw_pan(views, device)
        moving = replace(
            filming,
            azimuth=filming.azimuth[:, None] + turned,
            elevation=filming.elevation[:, None].expand(views, SLOTS),
            roll=filming.roll[:, None] + rolled,
            distance=filming.distance[:, None].expand(views, SLOTS),
            aside=None if filming.aside is None else filming.aside[:, None].expand(views, SLOTS, 2),
        )
        face = torch.rand(views, 1, device=device).expand(views, SLOTS)
        true = moving.look(with_face(seen.flatten(0, 1), face))
        picture = film.shift(detector, film.swap(detector, true), filming.torso)
        frames = film.draw_frames(views, device) & recorded.repeat(2, 1)
        visible = film.see(detector, picture) & frames[..., None]
        moment = seen[:, :, MIDDLE].repeat(PICTURES // 2, 1, 1, 1).flatten(0, 1)
        pictures = photographers.look(with_face(moment, torch.rand(len(moment), device=device)))
        return ClipBatch(
            points=normalize_keypoints(picture, visible).unflatten(0, (2, pairs)),
            visible=visible.unflatten(0, (2, pairs)),
            frames=frames.unflatten(0, (2, pairs)),
            exact=_complete(true[:, MIDDLE]).unflatten(0, (2, pairs)),
            pictures=_complete(pictures).unflatten(0, (PICTURES, pairs)),
        )

    def _window(
        self, middle: Int[Tensor, " pairs"], offsets: Int[Tensor, "pairs 27"]
    ) -> tuple[Int[Tensor, "pairs 27"], Bool[Tensor, "pairs 27"]]:
        """Poses around some, by number, and which of them were recorded; the others stand still."""
        count = len(self.runs)
        first = middle[:, None] // count * count  # of the recorded poses, or of their mirror images
        rows = middle[:, None] + offsets
        inside = (rows >= first) & (rows < first + count)
        rows = torch.where(inside, rows, middle[:, None])
        recorded = inside & (self.runs[rows % count] == self.runs[middle % count][:, None])
        return torch.where(recorded, rows, middle[:, None]), recorded


def _complete(points: Float[Tensor, "views 13 2"]) -> Float[Tensor, "views 13 2"]:
    """Pictures without anything missing, normalised."""
    return normalize_keypoints(points, torch.ones_like(points[..., 0], dtype=torch.bool))
