"""Poses in batches that the device's memory holds; a network that raises what a full GPU does stands in for one."""

import gc
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from poseembed import PoseEncoder
from poseembed.batches import OutOfMemory, compute, in_batches

from .test_encoder import close


def hold(module: nn.Module, most: int) -> list[int]:
    """Let a layer take so many rows at once and no more; what it took is in the list."""
    taken: list[int] = []

    def look(_: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if len(inputs[0]) > most:
            raise OutOfMemory("CUDA out of memory. Tried to allocate 2.00 GiB")
        taken.append(len(inputs[0]))

    module.register_forward_pre_hook(look)
    return taken


def test_a_batch_that_memory_does_not_hold_is_halved(encoder: PoseEncoder, poses: np.ndarray) -> None:
    wanted = encoder.embed(poses)
    taken = hold(encoder.network, 7)
    with pytest.warns(UserWarning, match="does not hold 10 poses at once; 5 at once went through") as said:
        close(encoder.embed(poses, batch_size=20), wanted)
    assert len(said) == 1 and said[0].filename == __file__ and taken == [5, 5, 5, 5, 4]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        close(encoder.embed(poses, batch_size=7), wanted)


def test_the_bar_counts_what_is_done(
    encoder: PoseEncoder, poses: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(encoder.network, 7)
    with pytest.warns(UserWarning, match="does not hold"):
        encoder.embed(poses, batch_size=20, show_progress_bar=True)
    assert "24/24" in capsys.readouterr().err


def test_when_not_even_one_pose_fits(encoder: PoseEncoder, poses: np.ndarray) -> None:
    hold(encoder.network, 0)
    with pytest.raises(OutOfMemory, match="memory is full, even with one pose at once: CUDA out of memory. Tried"):
        encoder.embed(poses)


def test_other_errors_are_not_tried_again(encoder: PoseEncoder, poses: np.ndarray) -> None:
    calls: list[int] = []

    def fail(_: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        calls.append(len(inputs[0]))
        raise RuntimeError("CUDA error: device-side assert triggered")

    encoder.network.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="device-side assert"):
        encoder.embed(poses)
    assert calls == [24]


def test_bodies_too(poses: np.ndarray) -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-small")
    wanted = encoder.lift(poses)
    hold(encoder.network.stem, 7)
    with pytest.warns(UserWarning, match="hold 12 poses at once; 6 at once"):
        close(encoder.lift(poses), wanted, 1e-4)


def test_clips_too(clip_encoder: PoseEncoder, poses: np.ndarray) -> None:
    wanted = clip_encoder.embed_clip(poses, fps=30)
    assert clip_encoder.clip is not None
    hold(clip_encoder.clip.layers[1], 20)
    with pytest.warns(UserWarning, match="does not hold [0-9]+ frames at once; [0-9]+ at once went through"):
        close(clip_encoder.embed_clip(poses, fps=30)[:2], wanted[:2])


def test_what_failed_is_let_go_before_the_next_try() -> None:
    failed: list[weakref.ref[torch.Tensor]] = []

    def work(rows: slice) -> None:
        gc.collect()
        assert all(each() is None for each in failed)
        held = torch.zeros(rows.stop - rows.start)
        failed.append(weakref.ref(held))
        if len(held) > 2:
            raise OutOfMemory("full")

    with pytest.warns(UserWarning, match="does not hold 5 rows at once; 2 at once"):
        in_batches(work, 10, 10, name="work", unit="row", show_progress_bar=False)
    assert len(failed) == 2 + 5


@pytest.mark.parametrize("count", [0, 1, 5])
def test_results_have_a_row_a_pose(count: int) -> None:
    points = torch.randn(count, 13, 2)
    cpu = torch.device("cpu")

    def network(part: torch.Tensor) -> list[torch.Tensor]:
        return [part.sum((1, 2)).bfloat16(), part.double()]

    first, second = compute(network, points, 2, device=cpu, place=cpu)
    assert (first.dtype, second.dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(first, points.sum((1, 2)).bfloat16().float())
    torch.testing.assert_close(second, points.double())
    assert not first.is_inference()


@pytest.mark.gpu
@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, lambda a: torch.as_tensor(a).pin_memory()])
def test_a_gpu_embeds_what_lies_in_the_host(kind: Callable[[Any], Any], encoder: PoseEncoder) -> None:
    points = np.random.default_rng(0).normal(300, 100, (5000, 13, 2)).astype(np.float32)
    points[7] = np.nan
    wanted = encoder.embed(points)
    found = encoder.to("cuda").embed(kind(points), batch_size=700)
    assert type(found.z_pose) is type(kind(points))
    close([np.nan_to_num(each) for each in found], [np.nan_to_num(each) for each in wanted], 1e-4)
    there = encoder.embed(torch.as_tensor(points).cuda(), batch_size=700)
    assert there.z_pose.is_cuda
    close([each.nan_to_num().cpu() for each in there], [np.nan_to_num(each) for each in wanted], 1e-4)


@pytest.mark.gpu
def test_a_gpu_that_is_full_takes_fewer_at_once(encoder: PoseEncoder) -> None:
    points = torch.randn(200_000, 13, 2, device="cuda") * 100 + 300
    encoder.to("cuda")
    wanted = encoder.embed(points, batch_size=1000)
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction((total - free + (150 << 20)) / total)
    try:
        with pytest.warns(UserWarning, match="does not hold [0-9,]+ poses at once"):
            found = encoder.embed(points, batch_size=200_000)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    close([each.cpu() for each in found], [each.cpu() for each in wanted], 1e-4)
