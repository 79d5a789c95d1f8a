"""A library: the poses of many videos in one `Poses`, in a file, an index and the commands."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder, Poses, load_embedded, read_poses, write_poses
from poseembed.actions import ActionRecognizer
from poseembed.align import align
from poseembed.files.poses import TABLE_SUFFIXES
from poseembed.search import search

from .cli.conftest import run
from .test_align import squat

NAMES = ("a.mp4", "b.mp4", "c, d.mp4")


def one(azimuth: float, frames: int = 6) -> Poses:
    return Poses.from_arrays(squat(azimuth, frames=frames), person=[0] * frames, time=np.arange(frames) / 30)


@pytest.fixture
def library() -> Poses:
    return Poses.of_videos({name: one(float(number)) for number, name in enumerate(NAMES)})


def test_videos_are_put_together_and_taken_apart(library: Poses) -> None:
    assert repr(library) == "<Poses: 18 rows in 18 frames of 3 videos, 3 people, not embedded>"
    assert library.videos == NAMES and library.frame.tolist() == [0, 1, 2, 3, 4, 5] * 3
    parts = library.by_video()
    assert list(parts) == list(NAMES)
    for number, name in enumerate(NAMES):
        np.testing.assert_array_equal(parts[name].keypoints, one(float(number)).keypoints)
    assert library[library.video == "b.mp4"].track().video.tolist() == ["b.mp4"] * 6
    assert one(0.0).videos == () and list(one(0.0).by_video()) == [""] and one(0.0)[:0].by_video() == {}
    assert repr(replace(library, person=np.tile([0, 1], 9))).endswith("3 videos, 6 people, not embedded>")
    with pytest.raises(ValueError, match="what is to be 'all.mp4' is of several videos: a.mp4, b.mp4"):
        Poses.of_videos({"all.mp4": library})


def test_a_library_has_no_track_but_its_videos_have(library: Poses, encoder: PoseEncoder) -> None:
    words = r"these poses are of 3 videos, .* poses\[poses.video == 'a.mp4'\]"
    with pytest.raises(ValueError, match=words):
        library.track()
    embedded = library.embed(encoder)
    with pytest.raises(ValueError, match=words):
        align(embedded, embedded, encoder)
    with pytest.raises(ValueError, match=words):
        ActionRecognizer().fit([embedded, embedded], ["squat", "wave"])


def test_a_picture_is_of_one_video(library: Poses) -> None:
    pytest.importorskip("matplotlib")
    from poseembed.plot import plot_poses

    with pytest.raises(ValueError, match="got rows of several videos, a.mp4, b.mp4"):
        plot_poses(library[library.frame == 3])


@pytest.mark.parametrize(
    "video, frame, words",
    [
        (["a", "b", "a"], [0, 1, 2], "the rows of a video must stand together"),
        (["a", "a", "b"], [1, 0, 2], "sort the rows by frame first, and if they are of several videos"),
        ("", [0, 1, 0], "give each its name as video, see Poses.of_videos"),
        (["a", "b"], [0, 0, 0], r"got video of shape \(2,\)"),
    ],
)
def test_rows_that_are_no_videos(video: str | list[str], frame: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Poses.from_arrays(np.zeros((3, 13, 2)), frame=frame, video=video)


def test_pieces_of_a_video_are_joined_and_two_videos_are_not_mixed_up(library: Poses) -> None:
    assert Poses.concatenate([library[:4], library[4:]]).videos == NAMES
    with pytest.raises(ValueError, match="stand together"):
        Poses.concatenate([library, library[:1]])


@pytest.mark.parametrize("suffix", [*TABLE_SUFFIXES, ".npz"])
@pytest.mark.parametrize("clock", [0.0, 100.0])
def test_files_keep_the_videos(suffix: str, clock: float, library: Poses, tmp_path: Path) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    time = library.time - clock * (library.video == "c, d.mp4")  # of two clocks nobody is warned
    library = replace(library, time=time, frame=np.arange(18))
    write_poses(library, tmp_path / f"x{suffix}")
    again = read_poses(tmp_path / f"x{suffix}")
    assert again.videos == NAMES
    for name, values in library.columns().items():
        np.testing.assert_array_equal(again.columns()[name], values)


def test_one_video_has_no_column_for_its_name(tmp_path: Path) -> None:
    write_poses(one(0.0), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().startswith("frame,time,person,image,nose_x")


def test_a_data_frame_has_the_columns_of_files(library: Poses, encoder: PoseEncoder, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = library.embed(encoder).to_pandas()
    write_poses(library.embed(encoder), tmp_path / "x.csv")
    read = pandas.read_csv(tmp_path / "x.csv", keep_default_na=False, na_values={"time": [""]})
    assert list(table) == list(read) and len(table) == 18
    assert table.groupby("video", sort=False).size().to_dict() == dict.fromkeys(NAMES, 6)
    np.testing.assert_allclose(table["z_pose_31"], read["z_pose_31"], rtol=1e-6)


def test_hits_say_of_which_video_they_are(library: Poses, encoder: PoseEncoder) -> None:
    embedded = library.embed(encoder)
    elsewhere = embedded.video != "a.mp4"
    _, rows = search(embedded[:1], embedded, top_k=3, where=elsewhere)
    assert set(embedded.video[rows[0]]) <= {"b.mp4", "c, d.mp4"}
    pytest.importorskip("faiss")
    from poseembed.index import PoseIndex

    hits = PoseIndex.build(embedded).query(embedded[:1], top_k=1)
    assert hits.metadata["video"].tolist() == [["a.mp4"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of .npz files, a video each; the last of two."""
    folder = tmp_path / "library"
    folder.mkdir()
    write_poses(one(0.0), folder / "x.npz")
    write_poses(one(1.0), folder / "y.npz")
    write_poses(Poses.of_videos({"z1": one(2.0), "z2": one(3.0)}), folder / "z.npz")
    return folder


def test_a_folder_of_files_is_a_library(folder: Path, encoder: PoseEncoder) -> None:
    read = load_embedded(folder, encoder)
    assert read.videos == ("x", "y", "z1", "z2") and len(read) == 24 and read.z_pose is not None
    coco = np.full((4, 17, 2), np.nan)
    coco[:, [0, *range(5, 17)]] = squat(0.0, frames=4)
    (folder.parent / "coco").mkdir()
    np.savez(folder.parent / "coco" / "v.npz", keypoints=coco)
    np.testing.assert_array_equal(
        load_embedded(folder.parent / "coco", encoder, skeleton="coco").keypoints, squat(0.0, frames=4).astype("f4")
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_commands_take_a_folder_of_videos(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, query = folder.parent / "out.csv", folder.parent / "query.npz"
    write_poses(one(1.5, frames=20), query)
    assert run("search", query, folder, "--frame", 10, "--top", 24, "--out", out) == 0
    hits = rows_of(out)
    assert {hit["video"] for hit in hits} == {"x", "y", "z1", "z2"} and {hit["file"] for hit in hits} == {str(folder)}
    encoder = PoseEncoder.from_pretrained()
    asked, gallery = load_embedded(query, encoder).z_pose[10:11], load_embedded(folder, encoder)
    rows = [np.flatnonzero((gallery.video == hit["video"]) & (gallery.frame == int(hit["frame"])))[0] for hit in hits]
    wanted = encoder.match_probability(asked, gallery.z_pose[rows], prior=4 / 24)[0]
    np.testing.assert_allclose([float(hit["match_probability"]) for hit in hits], wanted, rtol=1e-4)
    assert run("search", folder, query, "--frame", 2, "--top", 1, "--out", out) == 0
    assert [hit["query_video"] for hit in rows_of(out)] == ["x", "y", "z1", "z2"]
    assert run("embed", folder, folder.parent / "all.parquet") == 0
    assert read_poses(folder.parent / "all.parquet").videos == ("x", "y", "z1", "z2")
    assert run("compare", folder, query) == 1
    assert f"{folder} holds 4 videos (x, y, z1, z2); wanted a file of one" in capsys.readouterr().err
    examples = folder.parent / "examples"
    for name in ("up", "down"):
        (examples / name).mkdir(parents=True)
        write_poses(one(1.0, frames=20)[:: 1 if name == "up" else 10], examples / name / "1.npz")
    assert run("classify", folder, query, "--examples", examples, "--out", out) == 0
    assert [(row["file"], row["video"]) for row in rows_of(out)] == [
        *((str(folder), name) for name in ("x", "y", "z1", "z2")),
        (str(query), ""),
    ]
