"""MediaPipe's pose landmarker: finding its model, and running it over the frames of a video."""

import hashlib
import os
import zipfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from typing_extensions import Self

from poseembed.adapters.base import Keypoints
from poseembed.adapters.mediapipe import from_mediapipe
from poseembed.video.capture import EXTRA, Frame

MODEL_VARIABLE = "POSEEMBED_LANDMARKER"
"""Environment variable with the path of a model."""

MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-models/pose_landmarker/pose_landmarker_full/float16/1/"
    "pose_landmarker_full.task"
)
"""The official model, version 1: 9.4 MB, Apache-2.0."""

MODEL_SHA256 = "5134a3aad27a58b93da0088d431f366da362b44e3ccfbe3462b3827a839011b1"
"""Checksum of the file at `MODEL_URL`. Its owner publishes none; many projects that pin the file agree on this one."""

_NEEDS_MEDIAPIPE = f"finding people in a video needs MediaPipe 1.0 or later: {EXTRA}"
_PARTS = {"pose_detector.tflite", "pose_landmarks_detector.tflite"}


class Landmarker:
    """Finds people in the frames of one video, in order; a context manager.

    It follows people: what it finds in a frame depends on the frames before.

    Args:
        model: Path of a pose landmarker model.
        num_poses: At most how many people to find in a frame.

    Raises:
        ImportError: If MediaPipe is not installed, or has no Tasks API.
        ValueError: If MediaPipe cannot read the model.
    """

    def __init__(self, model: Path, num_poses: int) -> None:
        try:
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision
        except ImportError as error:
            raise ImportError(_NEEDS_MEDIAPIPE) from error
        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=num_poses,
        )
        self._mediapipe: Any = mediapipe
        self._landmarker: Any = vision.PoseLandmarker.create_from_options(options)
        self._clock = -1

    def __enter__(self) -> Self:
        """The landmarker, to be closed at the end of the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Free what it holds."""
        self._landmarker.close()

    def detect(self, frame: Frame) -> Keypoints:
        """The people in the next frame: pixels of its image, and the joints' visibilities as confidence."""
        height, width = frame.image.shape[:2]
        return from_mediapipe(self.result(frame), (width, height))

    def result(self, frame: Frame) -> Any:
        """What MediaPipe itself gives of the next frame, its 3D landmarks included."""
        # MediaPipe counts in whole milliseconds, and wants each frame to have a later one.
        self._clock = max(round(frame.time * 1000), self._clock + 1)
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=frame.image)
        return self._landmarker.detect_for_video(image, self._clock)


def find_model(model: str | os.PathLike[str] | None = None) -> Path:
    """Path of the pose landmarker model to use.

    That is `model`; else the path in the environment variable `POSEEMBED_LANDMARKER`; else the official full model,
    which is downloaded on first use (9.4 MB, with a progress bar on stderr) into poseembed's folder in the user's
    cache, `$XDG_CACHE_HOME` or `~/.cache`. The copy there is checked against a checksum on every use, and downloaded
    again if it is damaged.

    Args:
        model: Path of a `.task` file with a pose landmarker.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the official model is not there yet, and MediaPipe is not installed.
        OSError: If the official model cannot be downloaded, or what came is not the file that was expected.
        ValueError: If the file is not a pose landmarker.

    Examples:
        >>> from poseembed.video.landmarker import find_model
        >>> str(find_model("pose_landmarker_full.task"))
        'pose_landmarker_full.task'
    """
    given = model if model is not None else os.environ.get(MODEL_VARIABLE)
    if not given:
        return _official_model()
    path = Path(given).expanduser()
    named = f"model {path}" if model is not None else f"model {path} (from the environment variable {MODEL_VARIABLE})"
    if not path.is_file():
        raise FileNotFoundError(f"there is no {named}; {_ways_out(_cached())}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{named} is not a .task bundle; {_ways_out(_cached())}")
    with zipfile.ZipFile(path) as bundle:
        if not set(bundle.namelist()) >= _PARTS:
            raise ValueError(
                f"{named} is not a pose landmarker: it holds {', '.join(bundle.namelist()) or 'nothing'}; "
                f"wanted {' and '.join(sorted(_PARTS))}"
            )
        if damaged := bundle.testzip():
            raise ValueError(f"{named} is damaged: {damaged} does not have its checksum; get the file again")
    return path


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _official_model() -> Path:
    """The official model in the user's cache, downloaded if it is not there whole."""
    path = _cached()
    if path.is_file() and sha256(path) == MODEL_SHA256:
        return path
    if find_spec("mediapipe") is None:  # which would be found out after the download
        raise ImportError(_NEEDS_MEDIAPIPE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(MODEL_URL, str(path), hash_prefix=MODEL_SHA256)
    except (OSError, RuntimeError) as error:  # no network, no room, no right to write; or not the checksum
        raise OSError(
            f"could not download MediaPipe's pose landmarker from {MODEL_URL} ({error}); {_ways_out(path)}"
        ) from error
    return path


def _cached() -> Path:
    """Where the official model is kept: in the folder that torch and huggingface_hub use too, on all systems."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "poseembed" / MODEL_URL.rpartition("/")[2]


def _ways_out(cached: Path) -> str:
    """How to get a model without a download."""
    return (
        "pass the path of a pose landmarker's .task file (landmarker=, or --landmarker), or set "
        f"{MODEL_VARIABLE} to it, or put the file of {MODEL_URL} at {cached}"
    )
