"""A small true file for every reader, and how the reader reads it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from poseembed import JOINTS, Poses, read_poses, write_poses
from poseembed.adapters import (
    read_alphapose,
    read_coco,
    read_cvat,
    read_label_studio,
    read_mediapipe,
    read_mmpose,
    read_openpose,
    read_poem,
    read_yolo,
)
from poseembed.adapters.poem import COORDINATES, SCORES
from poseembed.movements import MovementIndex
from training.datasets import multiview, prepare
from training.datasets.actions import ntu_rgbd, nucla, penn_action
from training.datasets.formats.amc import read_amc
from training.datasets.formats.bvh import read_bvh
from training.datasets.mocap import human36m, mpi_inf_3dhp, prepared

Write = Callable[[Path], object]
Read = Callable[[Path], object]


class Reader(NamedTuple):
    """A reader under attack.

    Attributes:
        file: Name of its file.
        write: Writes a true one to a path.
        read: Reads it.
    """

    file: str
    write: Write
    read: Read


def _text(text: str) -> Write:
    return lambda path: path.write_text(text)


def _json(content: object) -> Write:
    return _text(json.dumps(content))


def _npz(**arrays: Any) -> Write:
    return lambda path: np.savez(path, **arrays)


def _poses() -> Poses:
    points = np.random.default_rng(0).uniform(0, 500, (6, 13, 2))
    poses = Poses.from_arrays(
        points,
        np.full((6, 13), 0.5),
        frame=[0, 0, 1, 2, 3, 3],
        person=[0, 1, 0, 0, 0, 1],
        time=[0, 0, 0.04, 0.08, 0.12, 0.12],
        image=["a.jpg", "a.jpg", *"bcdd"],
    )
    columns = poses.columns() | {"z_pose": np.ones((6, 2), np.float32), "z_view": np.ones((6, 1), np.float32)}
    return Poses(**columns)


def _body(joints: int, third: float = 0.9) -> list[float]:
    return [number for i in range(joints) for number in (10.5 + 7 * i, 20.25 + 11 * (i % 5), third)]


_ANNOTATIONS = {
    "images": [{"id": i, "file_name": f"{i}.jpg"} for i in (30, 10)],
    "annotations": [
        {"image_id": i, "category_id": 1, "iscrowd": 0, "keypoints": _body(17, 2), "track_id": i} for i in (30, 10, 30)
    ],
    "categories": [{"id": 1, "name": "person"}],
}
_RESULTS = [{"image_id": i, "category_id": 1, "keypoints": _body(17), "score": 0.8, "track_id": 1} for i in (1, 5)]
_ALPHAPOSE = [{"image_id": f"{i}.jpg", "keypoints": _body(26), "score": 2.5, "idx": i} for i in (0, 3)]
_PEOPLE = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": _body(18), "face_keypoints_2d": []}] * 2}
_MMPOSE = [
    {"frame_id": i, "instances": [{"keypoints": [[10.5 + j, 20.5] for j in range(17)], "keypoint_scores": [0.9] * 17}]}
    for i in range(2)
]
_YOLO = [{"name": "person", "track_id": 1, "keypoints": {axis: [10.5 + i for i in range(17)] for axis in "xy"}}] * 2
_YOLO_TEXT = f"0 0.5 0.5 0.2 0.4 {' '.join(['0.25 0.5 0.9'] * 17)} 0.8 1\n" * 2
_CVAT_POINTS = "".join(f'<points label="{j}" outside="0" occluded="0" points="20.50,30.25"/>' for j in JOINTS)
_CVAT = (
    '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><id>4</id></task></meta>'
    f'<image id="3" name="a.jpg" width="640" height="480"><skeleton label="person">{_CVAT_POINTS}</skeleton></image>'
    f'<track id="2" label="person"><skeleton frame="4" keyframe="1">{_CVAT_POINTS}</skeleton></track></annotations>'
)
_LABEL_STUDIO = [
    {
        "id": i,
        "data": {"image": f"/data/upload/1/0a1b2c3d-{i}.jpg"},
        "annotations": [
            {
                "result": [
                    {
                        "type": "keypointlabels",
                        "original_width": 640,
                        "original_height": 480,
                        "parentID": "a",
                        "value": {"x": 20.5, "y": 30.25, "keypointlabels": [joint]},
                    }
                    for joint in JOINTS
                ]
            }
        ],
    }
    for i in (1, 5)
]
_LANDMARKS = [{"x": 0.5, "y": 0.02 * i, "visibility": 0.9} for i in range(33)]
_MEDIAPIPE = [{"frame": i, "landmarks": [_LANDMARKS]} for i in (1, 5)]
_MEDIAPIPE_CSV = "\n".join(
    [
        ",".join(["frame", *(f"{axis}{j}" for j in range(33) for axis in "xyv")]),
        *(",".join([str(i), *(str(0.01 * j) for j in range(99))]) for i in (1, 5)),
        "",
    ]
)
_POEM = "\n".join([",".join([*COORDINATES, *SCORES]), *[",".join(["0.25"] * 39)] * 3, ""])

_CAMERA = "name {}\n  sensor 10 10\n  size 2048 2048\n  animated 0\n  intrinsic {}\n  extrinsic {}\n  radial 0\n"
_ONE = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"
_CALIBRATION = "Skeletool Camera Calibration File V1.0\n" + "".join(_CAMERA.format(i, _ONE, _ONE) for i in range(3))

_SKELETON = "2\n" + ("1\n72057594037931101 0 1 1 1 1 0 0.1 0.2 2\n25\n" + f"{' '.join(['0.5'] * 11)} 2\n" * 25) * 2
_BVH = """HIERARCHY
ROOT Base
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Upper
  {
    OFFSET 1 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 2 3
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0083333
1 2 3 4 5 6 7 8 9
1 2 3 4 5 6 7 8 9
"""
_ASF = (
    ":version 1.10\n:name TEST\n:units\n  mass 1.0\n  length 0.45\n  angle deg\n:root\n  order TX TY TZ RX RY RZ\n"
    "  axis XYZ\n  position 0 0 0\n  orientation 0 0 0\n:bonedata\n  begin\n    id 1\n    name upper\n    direction 1 "
    "0 0\n    length 2\n    axis 0 0 0 XYZ\n    dof rx ry rz\n  end\n:hierarchy\n  begin\n    root upper\n  end\n"
)
_AMC = ":FULLY-SPECIFIED\n:DEGREES\n" + "".join(f"{i}\nroot 0 0 0 0 0 0\nupper 10 20 30\n" for i in (1, 2))
_CLIP = {"file_name": "a01_s01_e00_v01", "skeletons": np.ones((3, 20, 3)).tolist(), "label": 1}


def _amc(path: Path) -> None:
    path.write_text(_AMC)
    path.with_name("true.asf").write_text(_ASF)


def _asf(path: Path) -> None:
    path.write_text(_ASF)
    path.with_name("true.amc").write_text(_AMC)


def _penn_mat(path: Path) -> None:
    from scipy.io import savemat

    frames = np.random.default_rng(0).uniform(2, 400, (2, 4, 13))
    content = {"action": "squat", "pose": "left", "x": frames[0], "y": frames[1], "train": 1}
    savemat(path, content, do_compression=False)


def _cells(size: int) -> np.ndarray:
    column = np.empty((2, 1), object)
    column[:, 0] = [np.random.default_rng(size).normal(size=(3, 28 * size)) for _ in range(2)]
    return column


def _annot_mat(path: Path) -> None:
    from scipy.io import savemat

    numbers = {"cameras": np.arange(2, dtype=np.uint8)[None], "frames": np.arange(3, dtype=np.uint16)[:, None]}
    savemat(path, {"annot2": _cells(2), "annot3": _cells(3)} | numbers, do_compression=True)


def _h5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("3D_positions", data=np.ones((96, 4)), compression="gzip")


def _cdf(path: Path) -> None:
    from cdflib.cdfwrite import CDF

    file = CDF(path.with_suffix(""))
    what = {"Variable": "Pose", "Data_Type": CDF.CDF_REAL4, "Num_Elements": 1, "Rec_Vary": True}
    file.write_var(what | {"Var_Type": "zVariable", "Dim_Sizes": [4, 96]}, var_data=np.ones((1, 4, 96), np.float32))
    file.close()


_DETECTIONS = {
    "positions_2d": np.array({"S1": {"Directions": [np.ones((3, 17, 2), np.float32)] * 4}}, dtype=object),
    "metadata": np.array({"layout_name": "h36m", "keypoints_symmetry": [[4, 5], [1, 2]]}, dtype=object),
}
_MOCAP = {
    "joints": np.ones((6, 13, 3), np.float16),
    "nose": np.ones((6, 3), np.float16),
    "ok": np.ones(6, bool),
    "offsets": np.array([0, 3, 6]),
    **{name: np.array(["a", "b"]) for name in ("source", "clip", "subject", "action", "split")},
    "fps": np.array([30.0, 25.0]),
}
_MULTIVIEW = {
    "keypoints": np.ones((2, 4, 1, 13, 2), np.float32),
    "confidence": np.ones((2, 4, 1, 13), np.float16),
    "fps": np.array(25.0),
    "pairs": np.array([[0, 1]]),
    "joints3d": np.ones((1, 1, 4, 13, 3), np.float32),
    "meta": np.array(json.dumps({"detector": "one", "source": "here", "terms": "none"})),
}
_PENN = {
    "keypoints": np.full((4, 13, 2), 50.0),
    "offsets": np.array([0, 2, 4]),
    "action": np.array(["squat", "bowl"]),
    "view": np.array(["left", "front"]),
    "train": np.array([True, False]),
}
_KINECT = (
    "hip_centre spine shoulder_centre head left_shoulder left_elbow left_wrist left_hand right_shoulder right_elbow "
    "right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle right_foot"
)
_NUCLA = {
    "joints3d": np.ones((4, 20, 3)),
    "joint_names": np.array(_KINECT.split()),
    "offsets": np.array([0, 2, 4]),
    **{name: np.array([1, 2]) for name in ("action", "subject", "view")},
}


def _read_ntu_list(path: Path) -> object:
    return ntu_rgbd._read_missing_lists(path, path)


def _pose_file(suffix: str) -> Reader:
    return Reader(f"true{suffix}", lambda path: write_poses(_poses(), path), read_poses)


READERS = {
    "read_coco, annotations": Reader("true.json", _json(_ANNOTATIONS), read_coco),
    "read_coco, results": Reader("true.json", _json(_RESULTS), read_coco),
    "read_alphapose": Reader("true.json", _json(_ALPHAPOSE), read_alphapose),
    "read_openpose": Reader("true_000000000003_keypoints.json", _json(_PEOPLE), read_openpose),
    "read_openpose, list": Reader("true.json", _json([_PEOPLE, _PEOPLE]), read_openpose),
    "read_mmpose": Reader("true.json", _json(_MMPOSE), read_mmpose),
    "read_yolo": Reader("true.txt", _text(_YOLO_TEXT), lambda path: read_yolo(path, image_size=(640, 480))),
    "read_yolo, JSON": Reader("true.json", _json(_YOLO), read_yolo),
    "read_cvat": Reader("true.xml", _text(_CVAT), read_cvat),
    "read_label_studio": Reader("true.json", _json(_LABEL_STUDIO), read_label_studio),
    "read_mediapipe": Reader("true.json", _json(_MEDIAPIPE), lambda path: read_mediapipe(path, image_size=(640, 480))),
    "read_mediapipe, CSV": Reader(
        "true.csv", _text(_MEDIAPIPE_CSV), lambda path: read_mediapipe(path, image_size=(640, 480))
    ),
    "read_poem": Reader("true.csv", _text(_POEM), lambda path: read_poem(path, image_size=(640, 480))),
    **{f"read_poses {suffix}": _pose_file(suffix) for suffix in (".csv", ".parquet", ".json", ".npz")},
    "read_poses .npy": Reader("true.npy", lambda path: np.save(path, np.full((4, 13, 3), 0.5)), read_poses),
    "MovementIndex .npz": Reader(
        "true.npz", lambda path: MovementIndex.build({"one": _poses(), "two": _poses()}).save(path), MovementIndex.load
    ),
    "prepared .npz": Reader("true.npz", _npz(**_MOCAP), prepared.read),
    "multiview .npz": Reader("true.npz", _npz(**_MULTIVIEW), multiview.read),
    "N-UCLA .npz": Reader("true.npz", _npz(**_NUCLA), nucla.read),
    "N-UCLA .json": Reader("a01_s01_e00_v01.json", _json(_CLIP), lambda path: nucla._read_clip(path, 1)),
    "Penn Action .npz": Reader("true.npz", _npz(**_PENN), penn_action.read),
    "Penn Action .mat": Reader("true.mat", _penn_mat, penn_action._read_label_file),
    "Human3.6M 2D .npz": Reader("true.npz", _npz(**_DETECTIONS), human36m.read_detections),
    "Human3.6M .h5": Reader("true.h5", _h5, human36m._read_h5),
    "Human3.6M .cdf": Reader("true.cdf", _cdf, human36m._read_cdf),
    "MPI-INF-3DHP .mat": Reader("true.mat", _annot_mat, mpi_inf_3dhp._load),
    "MPI-INF-3DHP calibration": Reader("true.calibration", _text(_CALIBRATION), mpi_inf_3dhp._read_rotations),
    "NTU .skeleton": Reader("S001C001P001R001A001.skeleton", _text(_SKELETON), ntu_rgbd._read_keypoints),
    "BVH": Reader("true.bvh", _text(_BVH), read_bvh),
    "ASF": Reader("true.asf", _asf, lambda path: read_amc(path, path.with_name("true.amc"))),
    "AMC": Reader("true.amc", _amc, lambda path: read_amc(path.with_name("true.asf"), path)),
    "NTU list": Reader(
        "true.txt", _text("S001C002P005R002A008\n"), lambda path: ntu_rgbd._read_missing_lists(path, path)
    ),
    "list of actions": Reader("true.txt", _text("02_01\twalk\n02_02\trun\n"), prepare.read_actions),
}
"""All readers of files, by a name for messages."""
