"""Pictures: what is in them, and that no text is cut off; not their pixels."""

import importlib
import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

from poseembed import BONES, JOINTS, PoseEncoder, Poses
from poseembed.align import Alignment
from poseembed.plot import (
    alignment_moments,
    draw_skeleton,
    plot_alignment,
    plot_map,
    plot_neighbours,
    plot_poses,
    plot_repetitions,
    plot_similarity,
    style,
)
from poseembed.repetitions import Repetitions

Draw = Callable[[np.ndarray], Figure]

LEFT_WRIST, RIGHT_WRIST, LEFT_HIP = JOINTS.index("left_wrist"), JOINTS.index("right_wrist"), JOINTS.index("left_hip")
LONG = "a_folder_of_videos/an_extraordinarily_long_name_of_a_video_of_a_squat.camera-3.mp4"


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 8))


def picture(height: int = 1080, width: int = 1920) -> np.ndarray:
    """A picture whose pixels say where they are."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[..., 0] = (np.arange(height) % 256)[:, None]
    image[..., 1] = np.arange(width) % 256
    return image


def performance(keypoints: np.ndarray, *, times: bool = True) -> Poses:
    count = len(keypoints)
    poses = Poses.from_arrays(keypoints, time=np.arange(count) / 30 if times else None)
    return replace(poses, z_pose=vectors(count), z_view=vectors(count))


def alignment(keypoints: np.ndarray, *, times: bool = True) -> Alignment:
    """The first and second half of the poses; the second's left wrist is always 1 and its right hip 0.2 off."""
    half = len(keypoints) // 2
    differences = np.zeros((half, 13))
    differences[:, [LEFT_WRIST, LEFT_HIP + 1]] = 1, 0.2
    return Alignment(
        first=performance(keypoints[:half], times=times),
        second=performance(keypoints[half:], times=times),
        rows=np.repeat(np.arange(half)[:, None], 2, axis=1),
        similarity=np.linspace(0.2, 0.9, half),
        score=0.83,
        likeness=0.71,
        speed=np.ones(half),
        joint_differences=differences,
        joint_deviations=4 * differences,
        joints_differ=differences > 0.5,
        guides=keypoints[:half] + 5,
    )


def bones(ax: Axes) -> list[LineCollection]:
    """The skeletons in axes."""
    return [artist for artist in ax.collections if isinstance(artist, LineCollection)]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]


# All pictures

PICTURES: dict[str, Draw] = {
    "poses": lambda k: plot_poses(Poses.from_arrays(k[:3], frame=[4, 4, 4], person=[0, 1, -1])),
    "poses over a picture": lambda k: plot_poses(Poses.from_arrays(k[:1] / 4, person=[0]), picture(270, 480)),
    "poses outside": lambda k: plot_poses(Poses.from_arrays(k[:1] - 1500, person=[0]), picture(300, 200)),
    "poses in a strip": lambda k: plot_poses(Poses.from_arrays(k[:1], person=[12]), picture(40, 1920)),
    "nobody": lambda k: plot_poses(k[:2] * np.nan),
    "one neighbour": lambda k: plot_neighbours(k[0], k[1:2]),
    "neighbours": lambda k: plot_neighbours(
        k[0], k[1:10], np.linspace(-1, 1, 9), probabilities=np.linspace(0, 1, 9), labels=[LONG] * 9
    ),
    "alignment": lambda k: plot_alignment(alignment(k)),
    "alignment of long names": lambda k: plot_alignment(alignment(k), moments=2, names=(LONG, LONG)),
    "alignment of one frame": lambda k: plot_alignment(alignment(k[:2], times=False)),
    "similarity": lambda k: plot_similarity(vectors(30), names=(LONG, LONG), limits=None),
    "similarity over time": lambda k: plot_similarity(vectors(30) / 9, first_times=np.arange(30) / 30 + 1 / 3),
    "similarity of one frame": lambda k: plot_similarity(np.ones((1, 1)), first_times=[2.5]),
    "map": lambda k: plot_map(vectors(24), k),
    "map of a few labels": lambda k: plot_map(vectors(24), k, labels=["x", "y", LONG] * 8),
    "map of many labels": lambda k: plot_map(vectors(100), labels=[f"label {i}" for i in range(100)]),
    "map of one": lambda k: plot_map(vectors(1), k[:1]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_no_text_is_cut_off_or_covers_another(name: str, poses: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    open_before = plt.get_fignums()
    figure = PICTURES[name](poses)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn, draw = [], Text.draw
    monkeypatch.setattr(Text, "draw", lambda text, renderer: drawn.append(text) or draw(text, renderer))
    canvas.draw()  # again, for the layout has only now come to rest
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn if text.get_visible() and text.get_text()]
    assert boxes
    whole = figure.bbox.padded(0.5)
    for text, box in boxes:
        assert whole.contains(*box.p0) and whole.contains(*box.p1), text
    for (text, box), (other, other_box) in itertools.combinations(boxes, 2):
        assert not box.padded(-1).overlaps(other_box.padded(-1)), (text, other)
    assert plt.get_fignums() == open_before


def test_given_axes_are_used(poses: np.ndarray) -> None:
    figure = Figure(layout="constrained")
    one, two, three = figure.subplots(1, 3)
    assert plot_poses(poses[0], ax=one) is plot_similarity(vectors(5), ax=two) is figure
    assert plot_map(vectors(24), poses, ax=three) is figure
    assert len(bones(one)) == 1 and len(two.images) == 1 and bones(three)


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "poseembed.plot")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match='pip install "matplotlib>='):
        importlib.import_module("poseembed.plot")


# Skeletons


def test_a_skeleton_has_its_bones_in_the_colours_of_their_sides(poses: np.ndarray) -> None:
    ax = draw_skeleton(Figure().add_subplot(), poses[0])
    (skeleton,) = bones(ax)
    np.testing.assert_allclose(np.array(skeleton.get_segments()), poses[0][np.array(BONES)])
    for bone, color in zip(BONES, skeleton.get_colors(), strict=True):
        sides = {JOINTS[joint].partition("_")[0] for joint in bone}
        wanted = {"left": style.LEFT, "right": style.RIGHT}.get(*sides) if len(sides) == 1 else style.MIDDLE
        assert to_rgba(color) == to_rgba(wanted)
    (joints,) = (artist for artist in ax.collections if isinstance(artist, PathCollection))
    np.testing.assert_allclose(joints.get_offsets(), poses[0])
    assert to_rgba(joints.get_facecolors()[LEFT_WRIST]) == to_rgba(style.LEFT)
    assert to_rgba(joints.get_facecolors()[RIGHT_WRIST]) == to_rgba(style.RIGHT)


def test_people_are_upright(poses: np.ndarray) -> None:
    ax = Figure().add_subplot()
    for pose in poses[:3]:  # however often it is drawn into
        draw_skeleton(ax, pose)
        assert ax.yaxis_inverted() and ax.get_aspect() == 1


@pytest.mark.parametrize("how", ["NaN", "unsure", "unsure tensor"])
def test_missing_joints_are_left_out(poses: np.ndarray, how: str) -> None:
    points: Any = poses[0].copy()
    confidence: Any = np.ones(13)
    if how == "NaN":
        points[LEFT_HIP, 0] = np.nan
    else:
        confidence[LEFT_HIP] = 0.2
    if how == "unsure tensor":
        points, confidence = torch.from_numpy(points).requires_grad_(), torch.from_numpy(confidence)
    (skeleton,) = bones(draw_skeleton(Figure().add_subplot(), points, confidence))
    assert len(skeleton.get_segments()) == sum(LEFT_HIP not in bone for bone in BONES)
    if how != "NaN":
        (skeleton,) = bones(draw_skeleton(Figure().add_subplot(), points, confidence, min_confidence=0.1))
        assert len(skeleton.get_segments()) == len(BONES)


def test_people_of_a_frame_are_named_and_a_picture_sets_the_limits(poses: np.ndarray) -> None:
    people = Poses.from_arrays(poses[:3], frame=[4, 4, 4], person=[7, -1, 2])
    figure = plot_poses(people, picture(600, 800))
    assert {text for text in texts(figure) if text.startswith("person ")} == {"person 7", "person 2"}
    (ax,) = figure.axes
    assert len(bones(ax)) == 3
    assert ax.get_xlim() == (-0.5, 799.5) and ax.get_ylim() == (599.5, -0.5)


def test_a_picture_without_anybody_is_shown_as_it_is() -> None:
    figure = plot_poses(np.full((1, 13, 2), np.nan), picture())
    assert len(figure.axes[0].images) == 1 and not bones(figure.axes[0]) and figure.axes[0].get_legend() is None
    assert "nobody" in texts(plot_poses(np.zeros((0, 13, 2))))


@pytest.mark.parametrize(
    "draw, words",
    [
        (lambda k: plot_poses(np.zeros((17, 2))), r"\(17, 2\).*13 joints.*SKELETONS\[name\]"),
        (lambda k: plot_poses(k[None]), r"\(1, 24, 13, 2\); wanted the people of one picture"),
        (lambda k: plot_poses(Poses.from_arrays(k)), "24 frames.*poses.frame == 0"),
        (lambda k: plot_poses(Poses.from_arrays(k[:1]), confidence=np.ones((1, 13))), "which have their own"),
        (lambda k: plot_poses(k[0], np.zeros((4, 5))), r"\(4, 5\); wanted \(height, width, 3\), RGB"),
        (lambda k: plot_poses(k[0], np.full((4, 5, 3), 255.0)), "from 255.0 to 255.0.*floats from 0 to 1"),
        (lambda k: draw_skeleton(Figure().add_subplot(), k), "wanted one pose.*plot_poses"),
        (lambda k: plot_neighbours(k[:2], k), r"\(2, 13, 2\) where one pose is wanted"),
        (lambda k: plot_neighbours(k[0], k[:0]), "no neighbours"),
        (lambda k: plot_neighbours(k[0], k, np.ones(3)), r"similarities of shape \(3,\) for 24 neighbours"),
        (lambda k: plot_neighbours(k[0], k, labels=["x"]), "1 labels for 24 neighbours"),
        (lambda k: plot_neighbours(k[0], k, images=[picture()]), "1 images for 24 neighbours"),
        (lambda k: plot_alignment(alignment(k), moments=0), "moments=0"),
        (lambda k: plot_alignment(alignment(k), first_frames=[picture()]), "first's frames has no picture of frame 2"),
        (lambda k: plot_alignment(replace(alignment(k), rows=np.zeros((0, 2), int))), "no step"),
        (lambda k: plot_similarity(np.zeros((0, 3))), r"\(0, 3\); wanted \(n, m\)"),
        (lambda k: plot_similarity(vectors(4), first_times=[1, 2]), r"times of shape \(2,\) for 4 frames"),
        (lambda k: plot_similarity(vectors(4), first_times=[1, 2, 2, 3]), "must rise"),
        (lambda k: plot_similarity(vectors(4), path=[[4, 0]]), "path leaves the matrix"),
        (lambda k: plot_map(vectors(0)), "none of the 0 rows"),
        (lambda k: plot_map(Poses.from_arrays(k)), r"no vectors yet; pass poses.embed\(encoder\)"),
        (lambda k: plot_map(vectors(4)[0]), r"\(8,\); wanted \(n, d\)"),
        (lambda k: plot_map(vectors(4), k), r"poses of shape \(24, 13, 2\); wanted \(4, 13, 2\)"),
        (lambda k: plot_map(vectors(4), xy=vectors(4)), r"xy of shape \(4, 8\); wanted \(4, 2\)"),
        (lambda k: plot_map(vectors(4), labels=["x"]), "1 labels for 4 vectors"),
    ],
)
@pytest.mark.unchecked_types
def test_wrong_input_is_refused_in_words(draw: Draw, words: str, poses: np.ndarray) -> None:
    with pytest.raises(ValueError, match=words):
        draw(poses)


@pytest.mark.unchecked_types
def test_wrong_kinds_are_refused_in_words(poses: np.ndarray) -> None:
    with pytest.raises(TypeError, match="order of their frames; pass a list"):
        plot_neighbours(poses[0], Poses.from_arrays(poses))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a picture must be a numpy array, got list"):
        plot_poses(poses[0], [[0]])  # type: ignore[arg-type]


# Neighbours


def test_neighbours_stand_in_order_with_their_figures_below(poses: np.ndarray) -> None:
    table = Poses.from_arrays(poses, image=[f"{i}.jpg" for i in range(24)])
    found = [5, 3, 9]  # not in the order of the table
    hits = [table.select([row]) for row in found]
    figure = plot_neighbours(table.select([0]), hits, np.array([0.9, 0.8, 0.7]), probabilities=np.array([1, 0.5, 0.25]))
    query, *others = figure.axes
    assert query.get_title() == "query" and query.get_xlabel() == "0.jpg"
    assert [ax.get_title() for ax in others] == ["1", "2", "3"]
    assert others[1].get_xlabel() == "similarity 0.80\nmatch 50%\n3.jpg"
    for ax, row in zip(others, found, strict=True):
        np.testing.assert_allclose(np.array(bones(ax)[0].get_segments()), poses[row][np.array(BONES)])
        assert ax.yaxis_inverted()


def test_a_thumbnail_shows_the_part_of_the_picture_around_the_person(poses: np.ndarray) -> None:
    image = picture()
    ax = plot_neighbours(poses[0], poses[1:2], images=[image]).axes[1]
    (shown,) = ax.images
    left, right, bottom, top = shown.get_extent()
    assert (poses[1].min(0) >= (left, top)).all() and (poses[1].max(0) <= (right, bottom)).all()
    part = image[round(top + 0.5) : round(bottom + 0.5), round(left + 0.5) : round(right + 0.5)]
    assert 0 < part.size < image.size
    np.testing.assert_array_equal(shown.get_array(), part)


def test_a_neighbour_in_whom_nothing_is_visible_is_nobody(poses: np.ndarray) -> None:
    poses[2] = np.nan
    figure = plot_neighbours(poses[0], poses[1:3], images=[picture()] * 2)
    assert texts(figure).count("nobody") == 1


# Similarity


def test_a_matrix_is_shown_as_it_reads_with_its_path() -> None:
    matrix = vectors(5)
    matrix[1, 2] = np.nan
    ax = plot_similarity(torch.from_numpy(matrix), path=[[0, 0], [1, 3], [4, 7]], limits=None).axes[0]
    (shown,) = ax.images
    np.testing.assert_array_equal(np.ma.filled(shown.get_array(), np.nan), matrix)
    assert shown.get_clim() == (np.nanmin(matrix), np.nanmax(matrix)) and shown.origin == "upper"
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 0], [3, 1], [7, 4]])
    assert ax.get_ylabel() == "first, frame" and ax.get_xlabel() == "second, frame"
    assert plot_similarity(matrix).axes[0].images[0].get_clim() == (-1, 1)


def test_seconds_stand_at_the_frames_they_fall_on() -> None:
    times = np.array([0.0, 0.1, 0.2, 2.0, 4.0])  # unevenly spaced
    ax = plot_similarity(vectors(5), first_times=times, second_times=np.full(8, np.nan)).axes[0]
    assert ax.get_ylabel() == "first, seconds" and ax.get_xlabel() == "second, frame"
    at = {float(label.get_text()): tick for label, tick in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
    assert (at[0], at[2], at[4]) == (0, 3, 4) and 2 < at[1] < 3


# Alignment


def test_moments_are_evenly_spaced_over_the_first(poses: np.ndarray) -> None:
    waits = np.array([[0, 0], [0, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 6]])  # the first waits for the second
    pair = replace(alignment(poses[:14]), rows=waits)
    assert waits[alignment_moments(pair, 3)].tolist() == [[0, 1], [2, 4], [4, 6]]
    assert len(alignment_moments(pair, 99)) == 5


def test_an_alignment_shows_both_and_where_they_differ(poses: np.ndarray) -> None:
    poses[12, LEFT_WRIST] = np.nan  # the second's first frame
    pair = alignment(poses)
    figure = plot_alignment(pair, moments=3, names=("coach", "pupil"))
    assert figure.get_suptitle() == "coach and pupil: the same performance\n(score 0.83, likeness 0.71)"
    first, second = figure.axes[:3], figure.axes[3:6]
    for ax, row in zip(first, (0, 6, 11), strict=True):
        own, guide = bones(ax)
        np.testing.assert_allclose(np.array(own.get_segments()), poses[row][np.array(BONES)])
        np.testing.assert_allclose(np.array(guide.get_segments()), pair.guides[row][np.array(BONES)])  # type: ignore[index]
        assert guide.get_zorder() < own.get_zorder()
    for ax, row in zip(second, (12, 18, 23), strict=True):
        (rings,) = ax.lines
        seen = row != 12
        np.testing.assert_allclose(rings.get_xydata(), poses[row, [LEFT_WRIST] * seen].reshape(-1, 2))
    curve = figure.axes[6]
    np.testing.assert_allclose(curve.lines[0].get_ydata(), pair.similarity)
    assert curve.get_xlabel() == "coach, seconds"


def test_an_alignment_without_a_decoder_has_neither_guides_nor_rings(poses: np.ndarray) -> None:
    pair = replace(alignment(poses), guides=None, joint_differences=None, joint_deviations=None, joints_differ=None)
    figure = plot_alignment(pair, moments=2)
    assert [len(bones(ax)) for ax in figure.axes[:4]] == [1] * 4
    assert not any(ax.lines for ax in figure.axes[:4]) and "differs" not in texts(figure)


def test_an_alignment_over_frames_needs_only_those_it_shows(poses: np.ndarray) -> None:
    pair = alignment(poses)
    frames = {int(pair.first.frame[row]): picture() for row in pair.rows[alignment_moments(pair, 2), 0]}
    figure = plot_alignment(pair, first_frames=frames, moments=2)
    assert [len(ax.images) for ax in figure.axes[:4]] == [1, 1, 0, 0]


# Maps


def test_the_plane_is_that_of_most_variance() -> None:
    z = vectors(200) * np.array([9, 5, 1, 1, 1, 1, 1, 1])
    figure = plot_map(z)
    places = np.asarray(figure.axes[0].collections[0].get_offsets())
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(np.cov(unit.T))[::-1]
    np.testing.assert_allclose(np.cov(places.T), np.diag(values[:2]), atol=1e-9)
    assert figure.axes[0].get_xlabel() == f"first principal component ({values[0] / values.sum():.0%} of the variance)"


def test_thumbnails_stand_upright_on_their_points_and_none_covers_another(poses: np.ndarray) -> None:
    many, xy = np.tile(poses, (20, 1, 1)), np.random.default_rng(3).uniform(size=(480, 2))
    many[:5] = np.nan
    figure = plot_map(vectors(480), many, xy=xy, thumbnails=480)
    (ax,) = figure.axes
    squares = [patch.get_bbox() for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert 30 < len(squares) == len(bones(ax)) < 480
    assert len(bones(plot_map(vectors(480), many, xy=xy, thumbnails=3).axes[0])) == 3
    for one, other in itertools.combinations(squares, 2):
        assert not one.overlaps(other)
    for square, skeleton in zip(squares, bones(ax), strict=True):
        centre = (square.p0 + square.p1) / 2
        row = np.abs(xy - centre).max(1).argmin()
        np.testing.assert_allclose(xy[row], centre)
        assert row >= 5  # nobody is no skeleton
        shoulder, hip = skeleton.get_segments()[BONES.index((1, 7))]
        assert (shoulder[1] > hip[1]) == (many[row, 1, 1] < many[row, LEFT_HIP, 1])
        assert (np.abs(np.array(skeleton.get_segments()) - centre) <= square.width / 2).all()


def test_embedded_poses_are_their_vectors_and_their_skeletons(poses: np.ndarray, encoder: PoseEncoder) -> None:
    embedded = Poses.from_arrays(poses).embed(encoder)
    assert embedded.z_pose is not None
    one, other = plot_map(embedded).axes[0], plot_map(embedded.z_pose, embedded).axes[0]
    np.testing.assert_array_equal(one.collections[0].get_offsets(), other.collections[0].get_offsets())
    assert len(bones(one)) == len(bones(other)) > 0
    assert not bones(plot_map(embedded.z_pose).axes[0])


def test_rows_without_a_vector_are_left_out(poses: np.ndarray) -> None:
    z = vectors(24)
    z[3] = np.nan
    figure = plot_map(z, poses, labels=["x"] * 3 + ["gone"] + ["y"] * 20, thumbnails=0)
    assert sum(len(points.get_offsets()) for points in figure.axes[0].collections) == 23
    assert "gone" not in texts(figure)


def test_labels_that_run_out_of_looks_are_grey_together() -> None:
    labels = ["often"] * 30 + [f"rare {i}" for i in range(30)]
    figure = plot_map(vectors(60), labels=labels)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert len(legend) == 22 and legend[0] == "often" and legend[-1] == "other (10 labels)"
    looks = {(tuple(to_rgba(p.get_facecolor()[0])), p.get_paths()[0].vertices.size) for p in figure.axes[0].collections}
    assert len(looks) == len(figure.axes[0].collections) == 22


@pytest.mark.parametrize("times", [True, False])
def test_repetitions_are_shaded_and_numbered(poses: np.ndarray, times: bool) -> None:
    performed = performance(np.tile(poses[:1], (60, 1, 1)), times=times)
    signal = np.sin(np.linspace(0, 3 * np.pi, 60)) ** 2
    found = Repetitions(np.array([[2, 18], [22, 38], [42, 58]]), np.ones(3), 20.0, signal)
    figure = plot_repetitions(performed, found)
    assert figure.get_suptitle() == f"3 repetitions, one in 20.0 {'s' if times else 'frames'}"
    *above, curve = figure.axes
    wanted = [
        f"{row / 30:.1f} s" if times else f"frame {row}"
        for row in (0, *(int(signal[a : b + 1].argmax()) + a for a, b in found.boundaries))
    ]
    assert [ax.get_title() for ax in above] == wanted
    assert [text.get_text() for text in curve.texts] == ["1", "2", "3"]
    assert curve.get_xlabel() == ("seconds" if times else "frame")
    gaps = performed.keypoints.copy()
    gaps[np.arange(60) % 4 > 0] = np.nan  # each fourth frame was looked at
    *above, _ = plot_repetitions(replace(performed, keypoints=gaps), found).axes
    assert len(above) == 4 and not any(ax.texts for ax in above)  # "nobody" would be one
    with pytest.raises(ValueError, match="got 60 poses for a signal of 9 frames"):
        plot_repetitions(performed, Repetitions(np.empty((0, 2), dtype=np.int64), np.empty(0), np.nan, np.zeros(9)))
    nobody = performance(np.full((60, 13, 2), np.nan), times=times)
    with pytest.raises(ValueError, match="nobody"):
        plot_repetitions(nobody, found)
