"""CVAT's XML files: skeletons and points that people put into pictures and videos."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from poseembed.adapters.labels import arrange, joint_places
from poseembed.adapters.people import Person, identity, people_to_poses
from poseembed.files.markup import load_xml
from poseembed.files.tables import naming
from poseembed.files.values import number_of
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import SKELETONS, Skeleton, SkeletonName, get_skeleton


class _Shape(NamedTuple):
    """What somebody drew.

    Attributes:
        frame: Number of the picture.
        image: Its name.
        kind: Label of the whole, such as person.
        labels: Of its points, hidden ones too.
        points: By label, those that can be placed.
        person: Identity over time.
    """

    frame: int
    image: str
    kind: tuple[str, str]
    labels: frozenset[str]
    points: dict[str, tuple[float, float]]
    person: int


def read_cvat(path: str | os.PathLike[str], *, skeleton: SkeletonName | Skeleton = "coco") -> Poses:
    """Read `annotations.xml` of an export as "CVAT for images" or "CVAT for video".

    Skeletons are read, and shapes of points with as many points as the skeleton has joints, in its order. A skeleton's
    points are known by their labels: the names of the joints, however they are spelled ("Left Shoulder"), where a head
    stands for a nose; or their numbers in `skeleton`, from 1 or 0. A skeleton that does not have more than half of the
    13 joints is of something else and left out. Points that are outside are missing; occluded ones are not. All others
    have confidence 1.

    `frame` is the id of the picture or the number of the frame, and `person` the track of a video.

    Args:
        path: The file.
        skeleton: For points without names, see `poseembed.SKELETONS`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, has no skeleton or points of a person, or a picture twice.

    Examples:
        >>> from pathlib import Path
        >>> from poseembed import JOINTS
        >>> from poseembed.adapters import read_cvat
        >>> points = "".join(f'<points label="{name}" outside="0" occluded="0" points="20.5,30"/>' for name in JOINTS)
        >>> image = f'<image id="4" name="a.jpg" width="640" height="480"><skeleton label="person">{points}</skeleton>'
        >>> _ = Path("annotations.xml").write_text(f"<annotations>{image}</image></annotations>")
        >>> poses = read_cvat("annotations.xml")
        >>> poses.frame.tolist(), poses.image.tolist(), poses.keypoints[0, 0].tolist()
        ([4], ['a.jpg'], [20.5, 30.0])
    """
    path = Path(path).expanduser()
    source = get_skeleton(skeleton)
    root = load_xml(path)
    with naming(path):
        if root.tag != "annotations":
            raise ValueError(
                f"it begins with <{root.tag:.40}>; wanted <annotations>, as CVAT exports for images or video"
            )
        pictures = {_number(image, "id"): image.get("name", "") for image in root.iterfind("image")}
        twice, count = next(iter(Counter(_number(one, "id") for one in root.iterfind("image")).most_common(1)), (0, 0))
        if count > 1:
            raise ValueError(f"its image {twice} is there twice; export one task or job at a time")
        shapes = [*_in_pictures(root, source), *_in_tracks(root, source)]
        places = _places(shapes, source)
        if shapes and not any(places.values()):
            raise ValueError(
                f"the points of its {shapes[0].kind[1]!r:.40} are {', '.join(sorted(shapes[0].labels)):.200}; wanted "
                "the names of joints, or their numbers in skeleton="
            )
        if not shapes and any(len(parent) for parent in (*root.iterfind("image"), *root.iterfind("track"))):
            raise ValueError(f"it has no skeletons, nor points of {source.num_joints} joints each")
        people = [Person(frame, name, None) for frame, name in pictures.items()]
        for shape in shapes:
            known = places[shape.kind]
            if known:
                people.append(Person(shape.frame, shape.image, arrange(shape.points, known), shape.person))
        return people_to_poses(people, SKELETONS["poseembed13"])


def _in_pictures(root: Element, source: Skeleton) -> Iterator[_Shape]:
    for image in root.iterfind("image"):
        for drawn in image:
            yield from _shape(drawn, drawn.get("label", ""), source, _number(image, "id"), image.get("name", ""))


def _in_tracks(root: Element, source: Skeleton) -> Iterator[_Shape]:
    for track in root.iterfind("track"):
        person = identity(track.get("id"), "the id of a track")
        for drawn in track:
            yield from _shape(drawn, track.get("label", ""), source, _number(drawn, "frame"), "", person)


def _shape(
    drawn: Element, kind: str, source: Skeleton, frame: int, image: str, person: int = NOBODY
) -> Iterator[_Shape]:
    """A skeleton, or points of which there are as many as joints; nothing for other shapes."""
    if drawn.tag == "skeleton":
        labels = [point.get("label", "") for point in drawn.iterfind("points")]
        if len(set(labels)) < len(labels):
            raise ValueError(f"a skeleton in frame {frame} has two points of one label: {', '.join(labels):.80}")
        placed = {
            point.get("label", ""): _pairs(point)[0] for point in drawn.iterfind("points") if not _is_outside(point)
        }
        yield _Shape(frame, image, ("skeleton", kind), frozenset(labels), placed, person)
    elif drawn.tag == "points" and len(pairs := _pairs(drawn)) == source.num_joints:
        placed = {} if _is_outside(drawn) else {str(number): pair for number, pair in enumerate(pairs)}
        yield _Shape(frame, image, ("points", kind), frozenset(map(str, range(len(pairs)))), placed, person)


def _places(shapes: Iterable[_Shape], source: Skeleton) -> dict[tuple[str, str], dict[str, int] | None]:
    """For each kind of shape the joints that its labels are, if it is of people."""
    labels: dict[tuple[str, str], set[str]] = {}
    for shape in shapes:
        labels.setdefault(shape.kind, set()).update(shape.labels)
    return {kind: joint_places(of_kind, source) for kind, of_kind in labels.items()}


def _pairs(point: Element) -> list[tuple[float, float]]:
    """The points of an element: x,y;x,y;..."""
    pairs = []
    for text in point.get("points", "").split(";"):
        x, comma, y = text.partition(",")
        if not comma:
            raise ValueError(f"got points {text!r:.40}; wanted x,y")
        pairs.append((number_of(x), number_of(y)))
    return pairs


def _is_outside(point: Element) -> bool:
    return point.get("outside", "0") != "0"


def _number(element: Element, name: str) -> int:
    number = identity(element.get(name), name)
    if number < 0:
        raise ValueError(
            f"an <{element.tag:.40}> in it has {name} {element.get(name)!r:.40}; wanted its number, from 0"
        )
    return number
