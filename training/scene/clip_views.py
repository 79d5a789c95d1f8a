"""Windows of movements as two cameras see them, for training the clip encoder."""

import hashlib
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from poseembed.clip_network import SLOTS
from poseembed.keypoints import normalize_keypoints
from poseembed.skeleton import NUM_JOINTS
from training.scene.bodies import Bodies
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.lasting import MIDDLE, Film
from training.scene.views import Sampler, with_face
from training.scene.world import heading, turn


@dataclass(frozen=True)
class ClipBatch:
    """Two views of each of a batch of movements, and what is known of the moment in their middle.

    Attributes:
        points: Both views of all frames, normalised; 0 where nothing is visible.
        visible: Which joints they show; none where there is no frame.
        frames: Which slots hold a frame.
        exact: The moment in the middle as both cameras see it, complete and exact, normalised.
        body: Its 13 joints in 3D, facing +x; see `training.scene.views.Batch`.
    """

    points: Float[Tensor, "2 pairs 27 13 2"]
    visible: Bool[Tensor, "2 pairs 27 13"]
    frames: Bool[Tensor, "2 pairs 27"]
    exact: Float[Tensor, "2 pairs 13 2"]
    body: Float[Tensor, "pairs 13 3"]


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
        film, detector, device = self.film, self.detector, self.device
        offsets = film.draw_offsets(pairs, device).round().long()
        chosen = self.bodies.draw(pairs)
        rows, recorded = self._window(chosen, offsets)
        others, _ = self._window(self.bodies.draw_others(chosen), offsets)
        bodies, seen = self.bodies.pairs(rows, others)
        seen = seen.flatten(0, 1)
        views = 2 * pairs
        camera = self.cameras.sample(views, views=2, device=device)
        turned, rolled = film.draw_pan(views, device)
        moving = replace(
            camera,
            azimuth=camera.azimuth[:, None] + turned,
            elevation=camera.elevation[:, None].expand(views, SLOTS),
            roll=camera.roll[:, None] + rolled,
            distance=camera.distance[:, None].expand(views, SLOTS),
            aside=None if camera.aside is None else camera.aside[:, None].expand(views, SLOTS, 2),
        )
        face = torch.rand(views, 1, device=device).expand(views, SLOTS)
        true = moving.look(with_face(seen, face))
        picture = film.shift(detector, film.swap(detector, true), camera.torso)
        frames = film.draw_frames(views, device) & recorded.repeat(2, 1)
        visible = film.see(detector, picture) & frames[..., None]
        middle = true[:, MIDDLE]
        complete = torch.ones_like(middle[..., 0], dtype=torch.bool)
        moment = bodies[:, MIDDLE]
        return ClipBatch(
            points=normalize_keypoints(picture, visible).unflatten(0, (2, pairs)),
            visible=visible.unflatten(0, (2, pairs)),
            frames=frames.unflatten(0, (2, pairs)),
            exact=normalize_keypoints(middle, complete).unflatten(0, (2, pairs)),
            body=turn(moment[:, :NUM_JOINTS], -heading(moment)[:, None]),
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
