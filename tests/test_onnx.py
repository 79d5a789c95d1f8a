"""Exported encoders give the vectors of torch's, in ONNX Runtime, behind the same door, and without torch."""

import json
import os
import pickle
import re
import subprocess
import sys
import weakref
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import SKELETONS, KeypointsWarning, PoseEncoder, Poses
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.network import Encoder, NetworkConfig
from poseembed.onnx.quantize import LEAST_POSES

from .conftest import STANDING
from .exporting import skip_unless_able
from .limits import HANGS
from .test_encoder import close
from .test_processes import run as in_processes

skip_unless_able()
import onnx  # noqa: E402
import onnxruntime  # noqa: E402

ROOT = Path(__file__).parents[1]


def people(count: int) -> Poses:
    """Poses to calibrate with, some joints of theirs missing."""
    rng = np.random.default_rng(5)
    points = STANDING[:, :2] * rng.uniform(60, 400, (count, 1, 1)) + rng.normal(0, 20, (count, 13, 2))
    return Poses.from_arrays(points, rng.uniform(0.2, 1, (count, 13)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, masked_folder: Path) -> Path:
    """The encoder with mask input, exported. Not to be changed."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    PoseEncoder.from_pretrained(masked_folder).export_onnx(path)
    return path


@pytest.fixture(scope="module")
def clip_model(tmp_path_factory: pytest.TempPathFactory, clip_folder: Path) -> Path:
    """The encoder with a clip encoder, both exported. Not to be changed."""
    path = tmp_path_factory.mktemp("onnx") / "clips.onnx"
    PoseEncoder.from_pretrained(clip_folder).export_clip_onnx(path)
    return path


@pytest.fixture
def by_torch(masked_folder: Path) -> PoseEncoder:
    return PoseEncoder.from_pretrained(masked_folder)


@pytest.fixture
def by_onnx(masked_folder: Path, model: Path) -> PoseEncoder:
    """The same encoder, run by ONNX Runtime."""
    return PoseEncoder.from_pretrained(masked_folder, backend="onnx", file_name=str(model))


def degenerate(poses: np.ndarray) -> np.ndarray:
    """Complete poses, and all kinds of what can be wrong with one."""
    bad = np.concatenate([poses, poses[:12]])
    bad[0, [7, 8]] = bad[1, [1, 2]] = bad[2, [1, 2, 7, 8]] = np.nan
    bad[3, 7] = bad[4, 5, 1] = bad[5, 1:] = np.nan  # one hip; half a point; a nose alone
    bad[6] = np.nan
    bad[7] = bad[7, 0]
    bad[8] = 0
    bad[9], bad[10] = bad[9] * 1e30, bad[10] * 1e-36
    bad[11, [1, 2, 7, 8]] = bad[11, 1]  # a torso of no length
    return bad


def clips(poses: np.ndarray) -> np.ndarray:
    """(3, 72, 13, 2): somebody of whom joints, frames and more than a window are missing; bad poses; and nobody."""
    whole = np.concatenate([poses, poses + 30, poses + 60])
    moving = np.stack([whole, np.concatenate([degenerate(poses)] * 2), np.full_like(whole, np.nan)])
    moving[0, 3, 5] = moving[0, 10:13] = moving[0, 15] = moving[0, 30:60] = moving[1, 40:] = np.nan
    moving[1, 60] = poses[0]  # alone
    return moving


# The file


def run(path: Path, points: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs: list[np.ndarray] = session.run(None, {"keypoints": points})
    return outputs


def alike(ours: Any, wanted: Any, tolerance: float) -> None:
    """Two embeddings agree, and of the same poses there is none."""
    first, second = ([np.asarray(vectors) for vectors in pair] for pair in (ours, wanted))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    close([np.nan_to_num(one) for one in first], [np.nan_to_num(other) for other in second], tolerance)


@pytest.mark.filterwarnings("ignore::poseembed.KeypointsWarning")
@pytest.mark.parametrize("rows", [0, 1, 2, 36])
def test_the_file_gives_the_vectors_of_torch(model: Path, by_torch: PoseEncoder, poses: np.ndarray, rows: int) -> None:
    if not rows and tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 32):
        pytest.skip("ONNX Runtime before 1.32 fails at an empty batch")
    points = degenerate(poses)[:rows]
    alike(run(model, points), by_torch.embed(points), 1e-5)


def test_a_network_without_mask_and_view_vector_exports_too(tmp_path: Path, poses: np.ndarray) -> None:
    network = Encoder(NetworkConfig(width=16, pose_dim=5, view_dim=0), batch_norm=False).eval()
    encoder = PoseEncoder(Checkpoint(CheckpointConfig(network.config), network))
    encoder.export_onnx(tmp_path / "model.onnx")
    z_pose, z_view = run(tmp_path / "model.onnx", poses)
    assert z_view.shape == (24, 0)
    close([z_pose], [encoder.embed(poses).z_pose])


def test_the_file_says_what_it_is(model: Path, by_torch: PoseEncoder) -> None:
    content = onnx.load(model)
    onnx.checker.check_model(content)
    about = {entry.key: entry.value for entry in content.metadata_props}
    assert about["made_by"] == str(by_torch.made_by) and about["precision"] == "float32"
    assert json.loads(about["config"])["joints"][:2] == ["nose", "left_shoulder"]
    shapes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*content.graph.input, *content.graph.output)
    }
    assert shapes == {"keypoints": ["poses", 13, 2], "z_pose": ["poses", 32], "z_view": ["poses", 32]}


@pytest.mark.filterwarnings("ignore::poseembed.KeypointsWarning")
@pytest.mark.parametrize("part", [np.s_[:], np.s_[1:, 24:27], np.s_[:1, 13:14], np.s_[2:], np.s_[1:2, 36:61]])
def test_the_file_of_clips_gives_the_vectors_of_torch(
    clip_model: Path, clip_encoder: PoseEncoder, poses: np.ndarray, part: Any
) -> None:
    points = clips(poses)[part]
    *vectors, filled = run(clip_model, points)
    wanted = clip_encoder.embed_clip(points, fps=30, fill_unseen=True)
    assert vectors[0].shape == (*points.shape[:2], 32) and vectors[0].dtype == vectors[1].dtype == np.float32
    np.testing.assert_array_equal(filled, wanted.filled)
    alike(vectors, wanted[:2], 1e-5)


def test_a_clip_of_one_frame_has_the_vectors_of_a_picture(
    clip_model: Path, clip_encoder: PoseEncoder, poses: np.ndarray
) -> None:
    *vectors, filled = run(clip_model, poses[:, None])
    alike([each[:, 0] for each in vectors], clip_encoder.embed(poses), 1e-5)
    assert not filled.any()


def test_the_file_of_clips_says_what_it_is(clip_model: Path, clip_encoder: PoseEncoder) -> None:
    content = onnx.load(clip_model)
    onnx.checker.check_model(content)
    about = {entry.key: entry.value for entry in content.metadata_props}
    assert about["made_by"] == str(clip_encoder.clip_made_by) and about["precision"] == "float32"
    shapes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*content.graph.input, *content.graph.output)
    }
    at = ["clips", "frames"]
    assert shapes == {"keypoints": [*at, 13, 2], "z_pose": [*at, 32], "z_view": [*at, 32], "filled": at}


@pytest.mark.slow
def test_clips_in_half_precision(clip_encoder: PoseEncoder, poses: np.ndarray, tmp_path: Path) -> None:
    clip_encoder.export_clip_onnx(tmp_path / "half.onnx", precision="float16")
    points = clips(poses)[:1]
    z_pose, _, filled = run(tmp_path / "half.onnx", points)
    wanted = clip_encoder.embed_clip(points, fps=30, fill_unseen=True)
    np.testing.assert_array_equal(filled, wanted.filled)
    there = np.isfinite(wanted.z_pose).all(-1)
    cosines = clip_encoder.similarity_pairwise(z_pose[there], wanted.z_pose[there])
    assert cosines.min() > 0.999 and np.abs(z_pose - wanted.z_pose)[there].max() > 1e-5


@pytest.mark.unchecked_types
def test_clips_that_cannot_be_exported(
    by_torch: PoseEncoder, clip_encoder: PoseEncoder, clip_folder: Path, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clips.onnx"
    with pytest.raises(ValueError, match=r"no clip encoder.*: export_onnx\(\); of the packaged ones these have one:"):
        by_torch.export_clip_onnx(path)
    with pytest.raises(ValueError, match="clips are exported in float32 or float16"):
        clip_encoder.export_clip_onnx(path, precision="int8")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        clip_encoder.export_clip_onnx(tmp_path / "none" / "clips.onnx")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def small_models(tmp_path_factory: pytest.TempPathFactory, masked_folder: Path) -> dict[str, Path]:
    encoder, folder = PoseEncoder.from_pretrained(masked_folder), tmp_path_factory.mktemp("small")
    paths = {precision: folder / f"{precision}.onnx" for precision in ("float16", "int8")}
    encoder.export_onnx(paths["float16"], precision="float16")
    encoder.export_onnx(paths["int8"], precision="int8", calibration=people(300))
    return paths


@pytest.mark.parametrize("precision, largest, least", [("float16", np.float16, 0.9999), ("int8", np.int8, 0.99)])
def test_weights_can_be_smaller(
    small_models: dict[str, Path], by_torch: PoseEncoder, poses: np.ndarray, precision: str, largest: Any, least: float
) -> None:
    path = small_models[precision]
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    assert sum(weight.dtype == largest and weight.size == 32 * 32 for weight in weights) == 4  # the hidden layers
    z_pose, z_view = run(path, degenerate(poses))
    assert z_pose.dtype == z_view.dtype == np.float32 and np.isnan(z_pose).all(1).tolist() == [
        r == 6 for r in range(36)
    ]
    ours, wanted = run(path, poses)[0], by_torch.embed(poses).z_pose
    assert least < by_torch.similarity_pairwise(ours, wanted).mean() and np.abs(ours - wanted).max() > 1e-5
    alone = np.concatenate([run(path, poses[row : row + 1])[0] for row in range(24)])
    np.testing.assert_allclose(alone, run(path, poses)[0], rtol=0, atol=1e-4)  # not a matter of the batch


def test_what_deviates_is_not_written(
    by_torch: PoseEncoder, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = onnx.load(model)
    head = next(tensor for tensor in other.graph.initializer if tensor.name.endswith("head.bias"))
    head.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(head) + 0.5, head.name))
    monkeypatch.setattr("poseembed.onnx.export._translate", lambda module: other)
    with pytest.raises(
        RuntimeError, match="exported in float32, the encoder would give other vectors: those of z_pose are"
    ):
        by_torch.export_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options, words",
    [
        ({"precision": "int8"}, "int8 needs calibration="),
        ({"calibration": people(LEAST_POSES)}, "calibration= is for precision='int8', not 'float32'"),
        ({"precision": "bfloat16"}, "got precision='bfloat16'; wanted one of float32, float16, int8"),
    ],
)
@pytest.mark.unchecked_types
def test_options_that_do_not_go_together(
    by_torch: PoseEncoder, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        by_torch.export_onnx(tmp_path / "model.onnx", **options)


def test_too_few_poses_to_calibrate_with(by_torch: PoseEncoder, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poseembed.onnx.export._translate", lambda module: onnx.load(model))
    few = people(LEAST_POSES + 1)
    few.keypoints[:2] = np.nan
    with pytest.raises(ValueError, match=f"got {LEAST_POSES - 1} poses of somebody to calibrate with; wanted"):
        by_torch.export_onnx("model.onnx", precision="int8", calibration=few)


def test_a_folder_that_is_not_there(by_torch: PoseEncoder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        by_torch.export_onnx(tmp_path / "none" / "model.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(
    by_torch: PoseEncoder, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match='exporting needs onnx, onnxruntime and onnxscript: pip install "onnx'):
        by_torch.export_onnx(tmp_path / "model.onnx")
    if package == "onnxruntime":
        with pytest.raises(ImportError, match='the ONNX backend needs onnxruntime: pip install "onnx'):
            PoseEncoder.from_pretrained("poseembed-small", backend="onnx", file_name=str(model))


def test_an_old_torch_is_named(by_torch: PoseEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poseembed.onnx.export.LEAST_TORCH", (99, 1))
    with pytest.raises(ImportError, match=r"exporting needs torch 99\.1 or newer, and this is"):
        by_torch.export_onnx(tmp_path / "model.onnx")


# The backend


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("leading", [(), (24,), (2, 3, 4), (0, 5)])
def test_the_backend_embeds_as_torch_does(
    by_torch: PoseEncoder, by_onnx: PoseEncoder, poses: np.ndarray, leading: tuple[int, ...], kind: Any
) -> None:
    coco = np.zeros((24, 17, 2))
    coco[:, SKELETONS["coco"].indices] = poses + 1e7  # more than float32 can hold exactly
    scores = np.random.default_rng(0).random((24, 17))
    count = int(np.prod(leading))
    arguments = kind(coco[:count].reshape(*leading, 17, 2)), kind(scores[:count].reshape(*leading, 17))
    ours, wanted = (encoder.embed(*arguments, skeleton="coco", batch_size=7) for encoder in (by_onnx, by_torch))
    assert type(ours.z_pose) is type(wanted.z_pose) and ours.z_pose.dtype == wanted.z_pose.dtype
    alike(ours, wanted, 1e-5)


@pytest.mark.filterwarnings("ignore::poseembed.KeypointsWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_backend_on_degenerate_poses(
    by_torch: PoseEncoder, by_onnx: PoseEncoder, poses: np.ndarray, dtype: Any
) -> None:
    points = degenerate(poses).astype(dtype)
    if dtype == np.float64:
        points[12], points[13] = points[12] * 1e300, points[13] * 1e-300
    alike(by_onnx.embed(points), by_torch.embed(points), 1e-5)


def test_the_backend_is_the_same_encoder_otherwise(
    by_torch: PoseEncoder, by_onnx: PoseEncoder, poses: np.ndarray
) -> None:
    assert by_onnx.made_by == by_torch.made_by and by_onnx.config == by_torch.config
    assert (by_onnx.device, by_onnx.dtype) == (torch.device("cpu"), torch.float32)
    embedded = Poses.from_arrays(poses).embed(by_onnx)
    assert embedded.made_by == by_torch.made_by
    assert by_onnx.similarity(embedded, Poses.from_arrays(poses).embed(by_torch)).diagonal().min() > 0.9999
    with torch.no_grad():
        close(by_onnx(torch.from_numpy(poses)), by_torch(torch.from_numpy(poses)))


def test_the_backend_checks_and_warns_as_torch_does(by_onnx: PoseEncoder, poses: np.ndarray) -> None:
    with pytest.raises(ValueError, match="got 17 joints, but skeleton='poseembed13' has 13"):
        by_onnx.embed(np.zeros((2, 17, 2)))
    with pytest.raises(ValueError, match="infinite"):
        by_onnx.embed(np.full((2, 13, 2), np.inf))
    with pytest.warns(KeypointsWarning, match="0 to 1"):
        by_onnx.embed(poses / 1920)


def test_what_the_backend_cannot_do_is_refused(by_onnx: PoseEncoder, poses: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no gradients; load the encoder with backend='torch'"):
        by_onnx(torch.from_numpy(poses).requires_grad_())
    for move in (torch.nn.Module.half, torch.nn.Module.double, lambda encoder: encoder.to("meta")):
        with pytest.raises(ValueError, match="an encoder with the ONNX backend cannot become"):
            move(by_onnx)
    with pytest.raises(ValueError, match="cannot become"):
        by_onnx.embed(poses, device="meta")
    assert by_onnx.to("cpu").float() is by_onnx and by_onnx.network.stem[0].weight.device.type == "cpu"
    assert by_onnx.embed(poses, device="cpu").z_pose.shape == (24, 32)
    with pytest.raises(ValueError, match="runs an exported network itself"):
        by_onnx.export_onnx(tmp_path / "again.onnx")


@pytest.mark.parametrize(
    "options, words",
    [
        ({"backend": "openvino"}, "got backend='openvino'; wanted one of torch, onnx"),
        ({"file_name": "model.onnx"}, "file_name= and provider= are for backend='onnx'"),
        ({"provider": "CPUExecutionProvider"}, "file_name= and provider= are for backend='onnx'"),
        ({"backend": "onnx", "device": "meta"}, "device='meta' is for torch; pass provider="),
        ({"backend": "onnx", "precision": "float16"}, "precision='float16' is for torch; write a file with"),
        ({"backend": "onnx", "provider": "Abacus"}, "got provider='Abacus'; this onnxruntime has"),
    ],
)
@pytest.mark.unchecked_types
def test_options_of_the_other_backend(masked_folder: Path, model: Path, options: dict[str, Any], words: str) -> None:
    if "provider" in options and "backend" in options:
        options = options | {"file_name": str(model)}
    with pytest.raises(ValueError, match=re.escape(words)):
        PoseEncoder.from_pretrained(masked_folder, **options)


def test_files_that_will_not_do(plain_folder: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file 'onnx/none.onnx'; ONNX files in .*: none"):
        PoseEncoder.from_pretrained(plain_folder, backend="onnx", file_name="onnx/none.onnx")
    with pytest.raises(ValueError, match=r"model.onnx was exported from \w+, and this is checkpoint"):
        PoseEncoder.from_pretrained(plain_folder, backend="onnx", file_name=str(model))
    (tmp_path / "cut.onnx").write_bytes(model.read_bytes()[:500])
    with pytest.raises(ValueError, match="cannot run .*cut.onnx: it is no ONNX file, or damaged"):
        PoseEncoder.from_pretrained(plain_folder, backend="onnx", file_name=str(tmp_path / "cut.onnx"))


def test_a_checkpoint_keeps_its_file(
    by_onnx: PoseEncoder, poses: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_onnx.save_pretrained(tmp_path)
    assert (tmp_path / "onnx" / "model.onnx").is_file()

    def fail(*_: object) -> None:
        raise AssertionError("exported again")

    monkeypatch.setattr("poseembed.onnx.export._translate", fail)
    for options in ({}, {"file_name": "onnx/model.onnx"}):
        kept = PoseEncoder.from_pretrained(tmp_path, backend="onnx", **options)
        np.testing.assert_array_equal(kept.embed(poses), by_onnx.embed(poses))
    (tmp_path / "onnx" / "model.onnx").unlink()
    with pytest.raises(AssertionError, match="exported again"):
        PoseEncoder.from_pretrained(tmp_path, backend="onnx")


@pytest.mark.parametrize(
    "copy", [deepcopy, lambda encoder: pickle.loads(pickle.dumps(encoder))], ids=["deep", "pickle"]
)
def test_the_backend_can_be_copied(by_onnx: PoseEncoder, poses: np.ndarray, copy: Callable[[Any], Any]) -> None:
    np.testing.assert_array_equal(copy(by_onnx).embed(poses), by_onnx.embed(poses))


def test_the_backend_in_other_processes(masked_folder: Path, model: Path, tmp_path: Path) -> None:
    script = f"""
        encoder = PoseEncoder.from_pretrained(sys.argv[1], backend="onnx", file_name={str(model)!r})
        whole = encoder.embed(POSES).z_pose
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(1, set_up, (encoder,)) as pool:
                check(pool.map_async(work, range(4)).get(timeout=HANGS), whole)
    """
    in_processes("if __name__ == '__main__':" + script, masked_folder, tmp_path)


def test_a_session_from_before_a_fork_is_kept(by_onnx: PoseEncoder, poses: np.ndarray) -> None:
    """To end it would be to wait for threads that are the parent's."""
    runtime = by_onnx.runtime
    assert runtime is not None
    inherited = weakref.ref(runtime._session)
    runtime._process = -1
    wanted = by_onnx.embed(poses).z_pose
    assert inherited() is not None and runtime._session is not inherited()
    np.testing.assert_array_equal(by_onnx.embed(poses).z_pose, wanted)


def test_the_backend_embeds_clips(clip_encoder: PoseEncoder, clip_folder: Path, model: Path, poses: np.ndarray) -> None:
    """The frames by ONNX Runtime, what corrects them by torch, at any frame rate."""
    by_onnx = PoseEncoder.from_pretrained(clip_folder, backend="onnx", file_name=str(model))
    points = clips(poses)[0]
    for settings in ({"fps": 30}, {"fps": 25, "look_ahead": 0}, {"fps": 60, "fill_unseen": True}):
        ours, wanted = (encoder.embed_clip(points, **settings) for encoder in (by_onnx, clip_encoder))
        alike(ours[:2], wanted[:2], 1e-5)
        np.testing.assert_array_equal(ours.filled, wanted.filled)


# Without torch


def without_torch(example: str, *arguments: str, folder: Path) -> str:
    """What an example prints where to import torch or poseembed is an error."""
    path = str(ROOT / "examples" / example)
    code = (
        "import runpy, sys\n"
        "for name in ('torch', 'poseembed', 'training'):\n"
        "    sys.modules[name] = None  # to import it is an error from here on\n"
        f"sys.argv = {[path, *arguments]!r}\n"
        f"runpy.run_path({path!r}, run_name='__main__')\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=HANGS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_runs_where_there_is_no_torch(
    model: Path, by_torch: PoseEncoder, poses: np.ndarray, tmp_path: Path
) -> None:
    coco = np.zeros((24, 17, 3))
    coco[:, SKELETONS["coco"].indices, :2] = poses
    coco[..., 2] = np.random.default_rng(1).random((24, 17))
    np.save(tmp_path / "keypoints.npy", coco)
    printed = without_torch("embed_with_onnx.py", str(model), "keypoints.npy", "vectors.npy", folder=tmp_path)
    assert "24 poses; cosines to the first: [1." in printed
    wanted = by_torch.embed(coco[..., :2], coco[..., 2], skeleton="coco").z_pose
    close([np.load(tmp_path / "vectors.npy")], [wanted])


def test_the_example_of_clips_runs_where_there_is_no_torch(
    clip_model: Path, clip_encoder: PoseEncoder, poses: np.ndarray, tmp_path: Path
) -> None:
    coco = np.zeros((24, 17, 3))
    coco[:, SKELETONS["coco"].indices, :2] = poses
    coco[..., 2] = 0.9
    coco[[5, 6], :, 2], coco[8, 9, 2] = 0.1, 0.2
    np.save(tmp_path / "keypoints.npy", coco)
    files = (str(clip_model), "keypoints.npy", "vectors.npy")
    printed = without_torch("embed_clip_with_onnx.py", *files, "--fps", "15", folder=tmp_path)
    assert printed == "24 frames, 2 without anybody filled in from those around\n"
    settings = {"fps": 15, "skeleton": "coco", "fill_unseen": True}
    wanted = clip_encoder.embed_clip(coco[..., :2], coco[..., 2], **settings)
    close([np.load(tmp_path / "vectors.npy")], [wanted.z_pose])


@pytest.mark.slow
@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name real/")
def test_what_detectors_saw_gets_the_packaged_encoders_vectors(tmp_path: Path) -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-small")
    path = tmp_path / "small.onnx"
    encoder.export_onnx(path)
    for file in sorted(Path(os.environ["POSEEMBED_DATA"], "real").glob("*.npz")):
        points = np.load(file)["keypoints"].astype(np.float32).reshape(-1, 13, 2)
        alike(run(path, points), encoder.embed(points), 1e-5)


@pytest.mark.slow
@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name real/")
def test_what_detectors_saw_in_motion_gets_the_packaged_encoders_vectors(tmp_path: Path) -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-small")
    path = tmp_path / "clips.onnx"
    encoder.export_clip_onnx(path)
    for file in sorted(Path(os.environ["POSEEMBED_DATA"], "real").glob("*.npz")):
        points = np.load(file)["keypoints"].astype(np.float32)
        people = points.swapaxes(1, 2).reshape(-1, points.shape[1], 13, 2)
        wanted = encoder.embed_clip(people, fps=30, fill_unseen=True)
        *vectors, filled = run(path, people)
        np.testing.assert_array_equal(filled, wanted.filled)
        alike(vectors, wanted[:2], 1e-5)
