"""CVAT's XML, as its documentation describes version 1.1."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from poseembed import JOINTS, Skeleton
from poseembed.adapters import read_cvat

from .test_mmpose import COCO

META = "<version>1.1</version><meta><task><id>4</id><labels><label><name>person</name></label></labels></task></meta>"


def annotations(*parts: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{META}{"".join(parts)}</annotations>\n'


def image(number: int, *shapes: str) -> str:
    return f'<image id="{number}" name="dir/{number}.jpg" width="1600" height="1200">{"".join(shapes)}</image>'


def points(labels: Sequence[str], offset: float = 0, outside: Sequence[str] = (), occluded: Sequence[str] = ()) -> str:
    """The points of a skeleton, each at a place of its own, as CVAT writes them: in no order of their own."""
    return "".join(
        f'<points label="{label}" outside="{int(label in outside)}" occluded="{int(label in occluded)}" '
        f'points="{10 + offset + labels.index(label):.2f},{20.5 + labels.index(label):.2f}"></points>'
        for label in reversed(labels)
    )


def skeleton(content: str, label: str = "person") -> str:
    return f'<skeleton label="{label}" z_order="0">{content}<attribute name="a">b</attribute></skeleton>'


def read(tmp_path: Path, text: str, **options: object) -> object:
    (tmp_path / "annotations.xml").write_text(text, encoding="utf-8")
    return read_cvat(tmp_path / "annotations.xml", **options)


SPELLED = {
    "as COCO": list(COCO),
    "with spaces": [name.replace("_", " ").title() for name in COCO],
    "with hyphens": [name.replace("_", "-") for name in COCO],
    "as in JavaScript": ["".join(w.title() if i else w for i, w in enumerate(n.split("_"))) for n in COCO],
    "from 1": [str(number + 1) for number in range(17)],
    "from 0": [str(number) for number in range(17)],
}


@pytest.mark.parametrize("labels", SPELLED.values(), ids=list(SPELLED))
def test_joint_by_joint(labels: list[str], tmp_path: Path) -> None:
    poses = read(tmp_path, annotations(image(3, skeleton(points(labels)))))
    for i, joint in enumerate(JOINTS):
        at = COCO.index(joint)
        assert poses.keypoints[0, i].tolist() == [10 + at, 20.5 + at], joint
    assert poses.confidence.min() == 1 and poses.frame.tolist() == [3] and poses.image.tolist() == ["dir/3.jpg"]


def test_outside_is_missing_and_occluded_is_there(tmp_path: Path) -> None:
    content = points(list(COCO), outside=["nose", "left_wrist"], occluded=["nose", "left_hip"])
    poses = read(tmp_path, annotations(image(0, skeleton(content))))
    missing = [name for i, name in enumerate(JOINTS) if np.isnan(poses.keypoints[0, i]).all()]
    assert missing == ["nose", "left_wrist"] and poses.confidence[0].tolist() == [
        float(name not in missing) for name in JOINTS
    ]


def test_pictures_with_several_people_and_with_nobody(tmp_path: Path) -> None:
    box = '<box label="car" xtl="1" ytl="2" xbr="3" ybr="4" occluded="0" z_order="4"></box>'
    dog = skeleton(points(["nose", "left_front_paw", "tail"]), "dog")
    two = image(7, skeleton(points(list(COCO))), skeleton(points(list(COCO), 100)), box)
    poses = read(tmp_path, annotations(two, image(8, dog), image(9)))
    assert poses.frame.tolist() == [7, 7, 8, 9] and poses.person.tolist() == [-1] * 4
    assert poses.keypoints[:2, 0, 0].tolist() == [10, 110] and np.isnan(poses.keypoints[2:]).all()


def test_tracks_of_a_video(tmp_path: Path) -> None:
    def seen(frame: int, **more: Sequence[str]) -> str:
        return f'<skeleton frame="{frame}" keyframe="1" z_order="0">{points(list(COCO), frame, **more)}</skeleton>'

    poses = read(
        tmp_path,
        annotations(
            f'<track id="0" label="person" source="manual">{seen(0)}{seen(1)}{seen(6, outside=COCO)}</track>',
            f'<track id="5" label="person" source="manual">{seen(1)}</track>',
            '<track id="6" label="car"><polygon frame="2" points="1,2;3,4" outside="0"></polygon></track>',
        ),
    )
    assert poses.frame.tolist() == [0, 1, 1, 6] and poses.person.tolist() == [0, 0, 5, -1]
    assert poses.keypoints[:3, 0, 0].tolist() == [10, 11, 11] and np.isnan(poses.keypoints[3]).all()


def test_shapes_of_points_in_the_order_of_the_skeleton(tmp_path: Path) -> None:
    listed = ";".join(f"{10 + i}.00,{20 + i}.50" for i in range(17))
    shape = f'<points label="person" points="{listed}" occluded="0" z_order="5"></points>'
    wheels = '<points label="wheel" points="1.0,2.0;3.0,4.0" occluded="0" z_order="5"></points>'
    poses = read(tmp_path, annotations(image(0, shape, wheels)))
    assert poses.keypoints[0, :, 0].tolist() == [10 + COCO.index(joint) for joint in JOINTS]
    order = (2, *range(3, 15))
    own = read(tmp_path, annotations(image(0, shape)), skeleton=Skeleton("mine", 17, order))
    assert own.keypoints[0, :, 0].tolist() == [10 + at for at in order]


def test_a_head_stands_for_a_nose_that_is_not_there(tmp_path: Path) -> None:
    labels = ["Head", *JOINTS[1:]]
    poses = read(tmp_path, annotations(image(0, skeleton(points(labels)))))
    assert poses.keypoints[0, 0].tolist() == [10, 20.5]


@pytest.mark.parametrize(
    "text, words",
    [
        (annotations(image(0), image(0)), "its image 0 is there twice"),
        (annotations(image(0, '<box label="a" xtl="1"></box>')), "no skeletons, nor points of 17 joints"),
        (annotations(image(0, skeleton(points(["a", "b", "c"])))), "'person' are a, b, c; wanted the names of joints"),
        (annotations(image(0, skeleton(points([str(i) for i in range(40)])))), "or their numbers in skeleton="),
        (annotations(image(0, skeleton(points(list(COCO)) * 2))), "two points of one label"),
        (annotations(image(0, skeleton(points([*COCO, "Nose"])))), "two of its labels are one joint"),
        (annotations(image(0, skeleton(points(list(COCO)).replace("10.00,", "ten,")))), "'ten' is not a number"),
        (annotations(image(0, skeleton(points(list(COCO)).replace("10.00,", "1e39,")))), "coordinate of 1e\\+39"),
        (annotations(image(0, skeleton(points(list(COCO)).replace("10.00,", "")))), "wanted x,y"),
        (annotations(image(0)).replace('id="0"', 'id="x"'), "got id 'x'"),
        (annotations(image(0)).replace('id="0"', ""), "has id None; wanted its number"),
        ("<data></data>", "begins with <data>"),
        ("<annotations>", "is no XML, or damaged"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations></annotations>', "declares a document type"),
    ],
)
def test_other_files_are_refused_by_name(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"cannot read .*annotations.xml: .*{words}"):
        read(tmp_path, text)
