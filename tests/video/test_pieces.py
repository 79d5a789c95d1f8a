"""Pieces of a video get the vectors that the whole of it would, as soon as they can."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import PoseEncoder, Poses
from poseembed.clips import REACH
from poseembed.poses import NOBODY
from poseembed.video import embed_pieces

FRAMES, FPS = 60, 25


@pytest.fixture
def film() -> Poses:
    """Two people who move, one of whom comes later and goes for a while, and frames without anybody."""
    rng = np.random.default_rng(0)
    rows = []
    for person, frames in ((0, range(50)), (1, [*range(10, 30), *range(36, 45)]), (NOBODY, range(50, FRAMES))):
        start, swing = rng.normal(300, 100, (13, 2)), rng.normal(0, 40, (13, 2))
        for frame in frames:
            seen = start + np.sin(frame / 7) * swing if person != NOBODY else np.full((13, 2), np.nan)
            rows.append((frame, person, seen))
    rows.sort(key=lambda row: row[:2])
    frame, person, points = zip(*rows, strict=True)
    time = np.array(frame) / FPS + 100
    points[20][3:] = np.nan  # too little of somebody
    return Poses.from_arrays(np.stack(points), frame=list(frame), person=list(person), time=time)


def cut(film: Poses, frames: int) -> list[Poses]:
    return [film[film.frame // frames == number] for number in range(-(-FRAMES // frames))]


def assert_alike(ours: Poses, wanted: Poses) -> None:
    assert ours.z_pose is not None and wanted.z_pose is not None and ours.z_view is not None
    np.testing.assert_array_equal(ours.frame, wanted.frame)
    np.testing.assert_array_equal(ours.person, wanted.person)
    np.testing.assert_allclose(ours.z_pose, wanted.z_pose, atol=2e-5, rtol=1e-4)
    np.testing.assert_allclose(ours.z_view, wanted.z_view, atol=2e-5, rtol=1e-4)
    assert ours.made_by == wanted.made_by


@pytest.mark.parametrize("frames", [1, 4, 7, 25, FRAMES])
@pytest.mark.parametrize("look_ahead", [None, 0.0, 0.1])
def test_pieces_get_the_vectors_of_the_whole(
    clip_encoder: PoseEncoder, film: Poses, frames: int, look_ahead: float | None
) -> None:
    pieces = cut(film, frames)
    found = list(embed_pieces(pieces, clip_encoder, context=None, look_ahead=look_ahead))
    assert [piece.frame.tolist() for piece in found] == [piece.frame.tolist() for piece in pieces]
    assert all(piece.made_by == clip_encoder.clip_made_by for piece in found)
    assert_alike(Poses.concatenate(found), film.embed(clip_encoder, context=None, look_ahead=look_ahead))


@pytest.mark.parametrize("look_ahead, late", [(None, 12), (REACH, 12), (0.1, 3), (0.0, 0)])
def test_pieces_come_when_their_windows_are_complete(
    clip_encoder: PoseEncoder, film: Poses, look_ahead: float | None, late: int
) -> None:
    given = 0

    def live() -> Iterator[Poses]:
        nonlocal given
        for piece in cut(film, 1):
            given += 1
            yield piece

    for number, piece in enumerate(embed_pieces(live(), clip_encoder, context=None, look_ahead=look_ahead)):
        assert piece.frame[0] == number
        assert given == min(number + 1 + late, FRAMES)


def test_without_context_pieces_come_at_once(clip_encoder: PoseEncoder, masked_folder: Path, film: Poses) -> None:
    for encoder, context in ((clip_encoder, 0.0), (PoseEncoder.from_pretrained(masked_folder), None)):
        given = iter(cut(film, 1))
        found = embed_pieces(given, encoder, context=context)
        assert [next(found).frame[0], next(given).frame[0], next(found).frame[0]] == [0, 1, 2]
        whole = Poses.concatenate(embed_pieces(cut(film, 9), encoder, context=context))
        assert_alike(whole, film.embed(encoder, context=context))


def test_what_came_before_is_read(clip_encoder: PoseEncoder, film: Poses) -> None:
    pieces = cut(film, 10)
    whole = list(embed_pieces(pieces, clip_encoder, context=None))
    later = list(embed_pieces(pieces[2:], clip_encoder, context=None, before=Poses.concatenate(whole[:2])))
    for ours, wanted in zip(later, whole[2:], strict=True):
        np.testing.assert_array_equal(ours.z_pose, wanted.z_pose)  # to the last bit
    alone = next(embed_pieces(pieces[2:], clip_encoder, context=None))
    assert alone.z_pose is not None and whole[2].z_pose is not None
    assert np.abs(alone.z_pose - whole[2].z_pose).max() > 1e-3


def test_photos_are_no_video(clip_encoder: PoseEncoder, film: Poses) -> None:
    photos = replace(film, time=np.full(len(film), np.nan), person=np.full(len(film), NOBODY))
    pieces = cut(photos, 6)
    given = iter(pieces)
    first = next(embed_pieces(given, clip_encoder, context=None))
    assert next(given) is pieces[1], "nobody waits for what comes after"
    assert first.made_by == clip_encoder.made_by
    assert_alike(
        Poses.concatenate(embed_pieces(pieces, clip_encoder, context=None)), photos.embed(clip_encoder, context=0)
    )
    with pytest.raises(ValueError, match="nobody can be followed over time here"):
        list(embed_pieces(pieces, clip_encoder, context=0.4))


def test_an_empty_video(clip_encoder: PoseEncoder, film: Poses) -> None:
    assert list(embed_pieces([], clip_encoder, context=None)) == []
    (empty,) = embed_pieces([film[:0]], clip_encoder, context=None)
    assert empty.z_pose is not None and empty.z_pose.shape == (0, 32)


def test_memory_does_not_grow(clip_encoder: PoseEncoder, film: Poses, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def counted(self: PoseEncoder, keypoints: np.ndarray, *arguments: Any, **options: Any) -> Any:
        sizes.append(len(keypoints))
        assert options["wanted"].sum() == 2, "no more windows than there are rows to give out"
        return embed(self, keypoints, *arguments, **options)

    embed = PoseEncoder.embed_clip
    monkeypatch.setattr(PoseEncoder, "embed_clip", counted)

    def pieces() -> Iterator[Poses]:
        for number in range(200):
            piece = film[film.frame == 20]
            yield replace(piece, frame=np.full(len(piece), number), time=np.full(len(piece), number / FPS))

    assert len(list(embed_pieces(pieces(), clip_encoder))) == 200
    assert len(sizes) == 200 and max(sizes) == 2 * 23, "two people, 11 frames before, the piece, and 11 after"
