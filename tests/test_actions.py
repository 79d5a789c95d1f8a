"""`ActionRecognizer`: both methods on made-up sequences, what is refused, saved files, scikit-learn."""

import builtins
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate

from poseembed import MadeBy, Poses
from poseembed.actions import ENOUGH_CLIPS, ActionRecognizer, NotFittedError, outliers
from poseembed.actions.nearest import Exemplars, NearestSequence
from poseembed.actions.sequences import check_sequences, resample
from poseembed.actions.temporal_convnet import TemporalConvNet, TrainedConvNet, _seeded

NAMES = ("wave", "squat", "turn")
SHORT = TemporalConvNet(frames=16, steps=40)
METHODS = [NearestSequence(), SHORT]
both = pytest.mark.parametrize("method", METHODS, ids=["nearest", "convnet"])


def made(clips: int, seed: int = 0) -> tuple[list[np.ndarray], list[str]]:
    """Clips of all lengths that move through 4 dimensions: the same poses, which only their order tells apart."""
    rng = np.random.default_rng(seed)
    sequences = []
    for number in range(clips):
        time = np.linspace(0, 1, rng.integers(12, 60))[:, None]
        angle = 2 * np.pi * [time, -time, 0.5 - abs(time - 0.5)][number % 3]
        circle = np.hstack([np.cos(angle), np.sin(angle), np.cos(angle / 2), np.sin(angle / 2)])
        sequences.append((circle + 0.1 * rng.normal(size=circle.shape)).astype(np.float32))
    return sequences, [NAMES[number % 3] for number in range(clips)]


def fitted(method: NearestSequence | TemporalConvNet | None, clips: int = 30, **more: Any) -> ActionRecognizer:
    return ActionRecognizer(method, **more).fit(*made(clips))


@both
def test_learns(method: Any) -> None:
    recognizer = fitted(method)
    sequences, labels = made(30, seed=1)
    probabilities = recognizer.predict_proba(sequences)
    assert recognizer.classes_.tolist() == sorted(NAMES) and recognizer.n_features_in_ == 4
    assert probabilities.shape == (30, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert (recognizer.predict(sequences) == recognizer.classes_[probabilities.argmax(1)]).all()
    assert recognizer.score(sequences, labels) > 0.9


def test_one_clip_a_class_is_enough() -> None:
    recognizer = fitted(None, clips=3)
    assert isinstance(recognizer.classifier_, Exemplars)
    assert recognizer.score(*made(30, seed=1)) > 0.9


def test_speed_matters_little_to_the_nearest_sequence() -> None:
    recognizer = fitted(NearestSequence(), clips=3)
    sequences, labels = made(9, seed=1)
    slow = [np.repeat(sequence, 3, axis=0) for sequence in sequences]
    assert recognizer.predict(slow).tolist() == labels


@pytest.mark.parametrize("missing, chosen", [(1, "nearest"), (0, "convnet")])
def test_the_number_of_clips_chooses(missing: int, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NearestSequence, "fit", lambda *_, **__: "nearest")
    monkeypatch.setattr(TemporalConvNet, "fit", lambda *_, **__: "convnet")
    recognizer = ActionRecognizer().fit(*made(3 * ENOUGH_CLIPS - missing))
    assert recognizer.classifier_ == chosen
    assert recognizer.method is None


def test_similarity_of_clips_in_step_is_their_mean_cosine() -> None:
    a, b = np.array([[1, 0], [1, 0]], np.float32), np.array([[0, 2], [0, 5]], np.float32)
    recognizer = ActionRecognizer(NearestSequence(temperature=0.5)).fit([a, b], ["a", "b"])
    query = np.array([[0.6, 0.8], [3, 4]])  # cosines 0.6 with one, 0.8 with the other
    np.testing.assert_allclose(
        recognizer.predict_proba([query])[0], torch.tensor([0.6, 0.8]).div(0.5).softmax(0), atol=1e-6
    )


def test_the_clips_of_a_class_that_are_most_alike_count() -> None:
    def still(cosine: float) -> np.ndarray:
        """A clip whose cosine with the query is that."""
        return np.tile(np.array([[cosine, np.sqrt(1 - cosine**2)]], np.float32), (3, 1))

    cosines, labels = [0.9, -0.7, 0.8, 0.1, 0.6, 0.5], [*"aaaa", *"bb"]
    recognizer = ActionRecognizer(NearestSequence(neighbors=2, temperature=0.5)).fit(list(map(still, cosines)), labels)
    scores = torch.tensor([(0.9 + 0.8) / 2, (0.6 + 0.5) / 2])
    np.testing.assert_allclose(recognizer.predict_proba([still(1)])[0], scores.div(0.5).softmax(0), atol=1e-6)


def test_longer_clips_are_thinned_out_and_others_left_as_they_are() -> None:
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(3, 4)).astype(np.float32) for _ in range(3)]
    long = [rng.normal(size=(9, 4)).astype(np.float32) for _ in range(3)]
    for short, thinned in zip(clips, long, strict=True):
        thinned[[1, 4, 7]] = short  # the frames that stand for three each
    few = NearestSequence(max_frames=3)
    wanted = ActionRecognizer().fit(clips[:2], ["a", "b"]).predict_proba(clips[2:])
    np.testing.assert_allclose(ActionRecognizer(few).fit(long[:2], ["a", "b"]).predict_proba(long[2:]), wanted)
    pairs = [clip[:2] for clip in clips]
    wanted = ActionRecognizer().fit(pairs[:2], ["a", "b"]).predict_proba(pairs[2:])
    np.testing.assert_allclose(ActionRecognizer(few).fit(pairs[:2], ["a", "b"]).predict_proba(pairs[2:]), wanted)


def test_many_clips_of_a_class_are_no_advantage() -> None:
    sequences, labels = made(3)
    plain = ActionRecognizer(NearestSequence()).fit(sequences, labels)
    more = ActionRecognizer(NearestSequence()).fit([*sequences, *sequences[:1] * 5], [*labels, *labels[:1] * 5])
    test = made(6, seed=1)[0]
    np.testing.assert_allclose(plain.predict_proba(test), more.predict_proba(test))


@both
def test_labels_come_back_as_they_were(method: Any) -> None:
    sequences, names = made(12)
    for labels in (names, np.array(names), [NAMES.index(name) + 5 for name in names]):
        found = ActionRecognizer(method).fit(sequences, labels).predict(sequences[:2])
        assert found.dtype.kind == np.asarray(labels).dtype.kind and set(found) <= set(labels)


@both
def test_prediction_of_no_clips(method: Any) -> None:
    recognizer = fitted(method, clips=6)
    assert recognizer.predict([]).shape == (0,) and recognizer.predict([]).dtype == recognizer.classes_.dtype
    assert recognizer.predict_proba([]).shape == (0, 3)


@both
def test_a_clip_does_not_depend_on_the_others(method: Any) -> None:
    recognizer = fitted(method, clips=12)
    test = made(5, seed=1)[0]
    alone = np.concatenate([recognizer.predict_proba([clip]) for clip in test])
    np.testing.assert_allclose(recognizer.predict_proba(test), alone, atol=1e-5)


# Frames in which nobody was seen


@both
def test_empty_frames_poison_nothing(method: Any) -> None:
    sequences, labels = made(30)
    for sequence in sequences:
        sequence[[0, 5, 6, -1]] = np.nan
    recognizer = ActionRecognizer(method).fit(sequences, labels)
    test, wanted = made(30, seed=1)
    for sequence in test:
        sequence[[0, 3, -1]] = np.nan
    assert np.isfinite(recognizer.predict_proba(test)).all()
    assert recognizer.score(test, wanted) > 0.9


def test_gaps_are_filled_with_the_nearest_frame_and_ends_cut() -> None:
    column = np.array([np.nan, 1, np.nan, np.nan, np.nan, 5, 6, np.nan])[:, None]
    ((filled,), _) = check_sequences([column])
    assert filled[:, 0].tolist() in ([1, 1, 1, 5, 5, 6], [1, 1, 5, 5, 5, 6])
    ((row,), _) = check_sequences([np.array([[1, 2], [3, np.nan], [5, 6]])])  # half a vector is none
    assert row[1].tolist() in ([1, 2], [5, 6])


def test_resampling_takes_frames_evenly() -> None:
    assert resample(np.arange(4.0)[:, None], 8)[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert resample(np.arange(9.0)[:, None], 3)[:, 0].tolist() == [1, 4, 7]


def poses_of(sequence: np.ndarray, frames: np.ndarray | None = None) -> Poses:
    return replace(Poses.from_arrays(np.zeros((len(sequence), 13, 2)), frame=frames), z_pose=sequence)


@both
def test_poses_and_tensors_count_as_sequences(method: Any) -> None:
    recognizer = fitted(method, clips=12)
    sequences = made(6, seed=1)[0]
    wanted = recognizer.predict_proba(sequences)
    poses = [poses_of(sequence) for sequence in sequences]
    tensors = [torch.from_numpy(sequence) for sequence in sequences]
    np.testing.assert_array_equal(recognizer.predict_proba(poses), wanted)
    np.testing.assert_array_equal(recognizer.predict_proba(tensors), wanted)


A, B, PUPIL = MadeBy("a" * 16, "a" * 16), MadeBy("b" * 16, "b" * 16), MadeBy("c" * 16, "a" * 16)


def clips_of(made_by: MadeBy | None, clips: int, seed: int = 0) -> list[Poses]:
    return [replace(poses_of(sequence), made_by=made_by) for sequence in made(clips, seed)[0]]


@both
def test_clips_of_another_space_are_refused(method: Any, tmp_path: Path) -> None:
    labels = made(12)[1]
    recognizer = ActionRecognizer(method).fit(clips_of(A, 6) + clips_of(PUPIL, 6), labels)
    assert recognizer.made_by_ == A
    recognizer.save(tmp_path)
    for one in (recognizer, ActionRecognizer.load(tmp_path)):
        assert one.made_by_ == A
        for origin in (A, PUPIL, None):
            assert one.predict(clips_of(origin, 6, seed=1)).tolist() == recognizer.predict(made(6, seed=1)[0]).tolist()
        with pytest.raises(ValueError, match=f"what came before has vectors of checkpoint {A}, sequence 0 of .* {B}"):
            one.predict(clips_of(B, 6, seed=1))
    with pytest.raises(ValueError, match=f"sequence 6 of checkpoint {B}"):
        ActionRecognizer(method).fit(clips_of(A, 6) + clips_of(B, 6), labels)
    assert ActionRecognizer(method).fit(*made(12)).made_by_ is None


def test_frames_missing_in_poses_keep_their_time() -> None:
    ((filled,), _) = check_sequences([poses_of(np.array([[1.0], [5.0]]), frames=np.array([10, 13]))])
    assert filled[:, 0].tolist() == [1, 1, 5, 5]


# What is refused

OK = np.ones((5, 4), np.float32)


@pytest.mark.parametrize(
    "sequences, labels, error, words",
    [
        ([OK, OK], ["a"], ValueError, "one label a sequence"),
        ([OK, OK], [["a"], ["b"]], ValueError, "one label a sequence"),
        ([OK, OK], ["a", "a"], ValueError, "two classes"),
        ([], [], ValueError, "two classes"),
        ([OK, OK], ["a", 1], TypeError, "all strings or all whole numbers"),
        ([OK, OK], [0.5, 1.5], TypeError, "all strings or all whole numbers"),
        ([OK, OK[:, :3]], ["a", "b"], ValueError, "sequence 1 has vectors of length 3, wanted 4"),
        ([OK, OK * np.nan], ["a", "b"], ValueError, "sequence 1 has no frame with a person"),
        ([OK, OK[:0]], ["a", "b"], ValueError, "sequence 1 has no frame with a person"),
        ([OK, OK * np.inf], ["a", "b"], ValueError, "sequence 1 holds infinite values"),
        (OK, [0] * 5, ValueError, r"sequence 0 has shape \(4,\); wanted \(frames, pose_dim\)"),
        ([OK.tolist()], ["a"], TypeError, "sequence 0 must be a numpy array"),
        (poses_of(OK), ["a"], TypeError, "put a single one into a list"),
        (7, ["a"], TypeError, "got int"),
        (
            [Poses.from_arrays(np.zeros((2, 13, 2)))],
            ["a"],
            ValueError,
            "sequence 0: these Poses have no",
        ),
        ([poses_of(OK[:2], np.array([0, 0]))], ["a"], ValueError, "sequence 0: several people"),
    ],
)
@pytest.mark.unchecked_types
def test_bad_clips_are_refused(sequences: Any, labels: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ActionRecognizer().fit(sequences, labels)


def test_prediction_refuses_other_vectors_and_empty_scores() -> None:
    recognizer = fitted(NearestSequence(), clips=3)
    with pytest.raises(ValueError, match="sequence 0 has vectors of length 3, wanted 4"):
        recognizer.predict([OK[:, :3]])
    with pytest.raises(ValueError, match="nothing to score"):
        recognizer.score([], [])
    with pytest.raises(ValueError, match="one label a sequence"):
        recognizer.score([OK], ["a", "b"])


@pytest.mark.parametrize("kind", [ValueError, AttributeError, NotFittedError])
def test_unfitted(kind: type[Exception], tmp_path: Path) -> None:
    for use in (lambda r: r.predict([]), lambda r: r.save(tmp_path / "x")):
        with pytest.raises(kind, match="call fit or load first"):
            use(ActionRecognizer())
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "kind, setting",
    [
        (NearestSequence, {"neighbors": 0}),
        (NearestSequence, {"max_frames": 0}),
        (NearestSequence, {"temperature": 0.0}),
        (TemporalConvNet, {"frames": 15}),
        (TemporalConvNet, {"steps": 0}),
        (TemporalConvNet, {"batch_size": 1}),
        (TemporalConvNet, {"patience": 0}),
        (TemporalConvNet, {"learning_rate": float("nan")}),
        (TemporalConvNet, {"held_out": 0.6}),
    ],
)
def test_impossible_settings_are_refused(kind: Any, setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        kind(**setting)


@pytest.mark.unchecked_types
def test_a_method_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="wanted NearestSequence"):
        ActionRecognizer("nearest").fit(*made(6))  # type: ignore[arg-type]


def test_missing_dtaidistance_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = fitted(NearestSequence(), clips=3)
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("dtaidistance"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match='pip install .*"scipy>='):
        recognizer.predict([OK])
    monkeypatch.setattr(TemporalConvNet, "fit", None)  # nothing is trained in vain
    with pytest.raises(ImportError, match='pip install .*"scipy>='):
        fitted(SHORT, outlier_label="none")


# Training


def test_training_is_the_same_each_time_and_leaves_the_random_state_alone() -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    first, again, other = (fitted(replace(SHORT, steps=5), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected[0])
    np.testing.assert_array_equal(np.random.rand(3), expected[1])
    test = made(6, seed=1)[0]
    np.testing.assert_array_equal(first.predict_proba(test), again.predict_proba(test))
    assert not np.array_equal(first.predict_proba(test), other.predict_proba(test))


@pytest.mark.parametrize(
    "checks, looked, kept",
    [("1101111", 6, 3), ("1100111", 7, 4), ("1" * 20, 20, 20)],  # "0": named more of the held-out clips right
)
def test_training_stops_early_and_keeps_the_best_weights(
    checks: str, looked: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def one_class_for_all(model: torch.nn.Module, features: torch.Tensor) -> torch.Tensor:
        named = int(checks[len(seen)])
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return torch.eye(2)[[named] * len(features)]

    monkeypatch.setattr("poseembed.actions.temporal_convnet._logits", one_class_for_all)
    method = TemporalConvNet(frames=16, steps=60, held_out=0.2, patience=3)  # a check every 3 steps
    trained = ActionRecognizer(method).fit(made(45)[0], [0, 0, 1] * 15).classifier_
    assert isinstance(trained, TrainedConvNet) and trained.steps == 3 * kept
    assert len(seen) == looked
    for name, value in trained.model.state_dict().items():
        assert torch.equal(value, seen[kept - 1][name]), name


@pytest.mark.parametrize("clips, share, held_out", [(60, 0.1, 6), (30, 0.1, 3), (27, 0.1, 0), (60, 0.0, 0)])
def test_held_out_clips_are_a_share_of_each_class(clips: int, share: float, held_out: int) -> None:
    labels = np.arange(clips) % 3
    kept, out = replace(SHORT, held_out=share)._split(labels, seed=0)
    assert np.bincount(labels[out.numpy()], minlength=3).tolist() == [held_out // 3] * 3
    assert sorted([*kept.tolist(), *out.tolist()]) == list(range(clips))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_training_on_a_gpu_leaves_its_random_state_alone() -> None:
    state = torch.cuda.get_rng_state()
    recognizer = fitted(SHORT, device="cuda")
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert recognizer.score(*made(30, seed=1)) > 0.9


def test_seeding_draws_the_same_numbers() -> None:
    draws = []
    for _ in range(2):
        with _seeded(3, torch.device("cpu")):
            draws.append(torch.rand(4))
    assert torch.equal(*draws)


@both
def test_progress_is_shown_on_request(method: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for show in (False, True):
        fitted(method, show_progress_bar=show).predict(made(2)[0])
        captured = capsys.readouterr()
        assert captured.out == "" and bool(captured.err) is show


# Files


@both
@pytest.mark.parametrize("labels", [made(12)[1], [3, 1, 2] * 4], ids=["strings", "numbers"])
def test_saved_and_loaded(method: Any, labels: Any, tmp_path: Path) -> None:
    recognizer = ActionRecognizer(method, seed=4, encoder="poseembed-base").fit(made(12)[0], labels)
    recognizer.save(tmp_path / "new" / "folder")
    torch.manual_seed(5)
    state = torch.get_rng_state()
    loaded = ActionRecognizer.load(tmp_path / "new" / "folder")
    assert torch.equal(torch.get_rng_state(), state)
    shutil.rmtree(tmp_path / "new")
    test = made(6, seed=1)[0]
    np.testing.assert_array_equal(loaded.predict_proba(test), recognizer.predict_proba(test))
    np.testing.assert_array_equal(loaded.predict(test), recognizer.predict(test))
    assert loaded.classes_.dtype == recognizer.classes_.dtype
    assert loaded.get_params() == recognizer.get_params()


@pytest.mark.unchecked_types
def test_settings_can_be_numbers_of_numpy(tmp_path: Path) -> None:
    method = NearestSequence(neighbors=np.int64(2), max_frames=np.int32(20))  # as a search over settings passes them
    fitted(method, clips=3).save(tmp_path)
    assert ActionRecognizer.load(tmp_path).method == NearestSequence(neighbors=2, max_frames=20)


def spoil_config(**changes: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(content | changes))

    return spoil


def spoil_tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
        change(tensors)
        save_file(tensors, folder / "model.safetensors")
        spoil_config(sha256={})(folder)  # as earlier libraries wrote it

    return spoil


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


def test_a_clip_of_one_frame_is_saved_and_loaded(tmp_path: Path) -> None:
    sequences, labels = made(3)
    recognizer = ActionRecognizer(NearestSequence(neighbors=1, max_frames=1)).fit(sequences, labels)
    recognizer.save(tmp_path)
    test = made(6, seed=1)[0]
    found = ActionRecognizer.load(tmp_path).predict_proba(test)
    np.testing.assert_array_equal(found, recognizer.predict_proba(test))


@pytest.mark.parametrize(
    "name, change",
    [
        ("labels", lambda values: values.int()),
        ("lengths", lambda values: values.int()),
        ("lengths", lambda values: values[:, None]),
        ("labels", lambda values: values[:, None]),
        ("frames", lambda values: values.double()),
    ],
)
def test_exemplars_of_another_type_or_shape_are_refused(
    name: str, change: Callable[[torch.Tensor], torch.Tensor], tmp_path: Path
) -> None:
    fitted(NearestSequence(), clips=3).save(tmp_path)
    spoil_tensors(lambda tensors: tensors.update({name: change(tensors[name])}))(tmp_path)
    with pytest.raises(ValueError, match="do not fit|does not fit"):
        ActionRecognizer.load(tmp_path)


def flip(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


ANY, NEAREST, CONVNET = METHODS, METHODS[:1], METHODS[1:]


@pytest.mark.parametrize(
    "methods, spoil, error, words",
    [
        (ANY, lambda folder: (folder / "config.json").unlink(), FileNotFoundError, "no config.json"),
        (ANY, lambda folder: (folder / "model.safetensors").unlink(), FileNotFoundError, "no model.safetensors"),
        (ANY, lambda folder: (folder / "config.json").write_text("{"), ValueError, "not JSON"),
        (ANY, lambda folder: (folder / "config.json").write_text("[]"), ValueError, "not the config"),
        (ANY, lambda folder: (folder / "config.json").write_text("{}"), ValueError, "not the config"),
        (ANY, spoil_config(format_version=2), ValueError, "has format 2, .*upgrade with"),
        (ANY, spoil_config(method="forest"), ValueError, "unknown method 'forest'"),
        (ANY, spoil_config(settings={"trees": 3}), ValueError, "does not describe a .*trees"),
        (ANY, spoil_config(dim=5), ValueError, "does not fit"),
        (ANY, spoil_config(classes=["a", "b"]), ValueError, "does not fit"),
        (ANY, spoil_config(dim=10**12), ValueError, "dim must be at most 65536"),
        (ANY, spoil_config(dim=0), ValueError, "dim must be at least 1"),
        (ANY, spoil_config(made_by="me"), ValueError, "config.json does not describe a recognizer: .*fingerprint"),
        (ANY, spoil_config(classes=["a", ["b"], "c"]), ValueError, "all texts or all whole numbers"),
        (ANY, spoil_config(classes=["a", "b", 3]), ValueError, "all texts or all whole numbers"),
        (ANY, spoil_config(classes=["b", "a", "c"]), ValueError, "not in order"),
        (ANY, spoil_config(classes=["a", "a", "c"]), ValueError, "there twice"),
        (ANY, spoil_config(classes=[1, 2, 2**63]), ValueError, "64 bits"),
        (ANY, spoil_config(classes=[*map(str, range(10**4)), "x" * 10**4]), ValueError, "more than 67108864 bytes"),
        (NEAREST, spoil_config(settings={"max_frames": 10**12}), ValueError, "max_frames must be at most 1000000"),
        (NEAREST, spoil_config(settings={"neighbors": 2.5}), ValueError, "neighbors must be int"),
        (NEAREST, spoil_config(settings={"temperature": math.inf}), ValueError, "temperature"),
        (CONVNET, spoil_config(settings={"frames": 10**12}), ValueError, "frames must be at most 1000000"),
        (CONVNET, spoil_config(settings={"steps": "9"}), ValueError, "steps must be int"),
        (ANY, cut, ValueError, "damaged or cut short"),
        (ANY, flip, ValueError, "damaged or cut short"),
        (ANY, spoil_tensors(lambda t: t.update(extra=torch.zeros(1))), ValueError, "(?s)does not fit.*extra"),
        (NEAREST, spoil_tensors(lambda t: t.pop("labels")), ValueError, "does not fit"),
        (NEAREST, spoil_tensors(lambda t: t["lengths"].add_(1)), ValueError, "does not fit"),
        (NEAREST, spoil_tensors(lambda t: t["frames"].fill_(np.nan)), ValueError, "not finite"),
        (NEAREST, spoil_tensors(lambda t: t["labels"].fill_(0)), ValueError, "no clip"),
        (NEAREST, spoil_tensors(lambda t: t.update(frames=t["frames"].bfloat16())), ValueError, "of types .*bfloat16"),
        (NEAREST, spoil_tensors(lambda t: t["lengths"].fill_(2**62)), ValueError, "do not fit"),
        (CONVNET, spoil_tensors(lambda t: t.pop("logits.bias")), ValueError, "logits.bias"),
        (CONVNET, spoil_tensors(lambda t: t["logits.bias"].fill_(np.nan)), ValueError, "logits.bias holds NaN"),
        (CONVNET, spoil_tensors(lambda t: t.update({"logits.bias": torch.ones(3).bool()})), ValueError, "torch.bool"),
        (
            CONVNET,
            spoil_tensors(lambda t: t["layers.1.norm.running_var"].fill_(-1)),
            ValueError,
            "running_var holds a neg",
        ),
    ],
)
@pytest.mark.unchecked_types
def test_spoilt_files_are_refused(
    methods: list[Any], spoil: Callable[[Path], None], error: type[Exception], words: str, tmp_path: Path
) -> None:
    for number, method in enumerate(methods):
        quick = replace(method, steps=1) if isinstance(method, TemporalConvNet) else method
        folder = tmp_path / str(number)
        fitted(quick, clips=3).save(folder)
        spoil(folder)
        with pytest.raises(error, match=words):
            ActionRecognizer.load(folder)


def test_the_folder_of_an_encoder_is_refused(plain_folder: Path) -> None:
    with pytest.raises(ValueError, match="not the config of an action recognizer"):
        ActionRecognizer.load(plain_folder)


# scikit-learn


@both
def test_scikit_learn_takes_it(method: Any) -> None:
    recognizer = ActionRecognizer(method, seed=2)
    copy = clone(fitted(method, seed=2))
    assert not hasattr(copy, "classes_") and copy.get_params() == recognizer.get_params()
    sequences, labels = made(30)
    scores = cross_validate(recognizer, sequences, labels, cv=StratifiedKFold(2), scoring=["accuracy", "neg_log_loss"])
    assert scores["test_accuracy"].min() > 0.7
    assert -1 < scores["test_neg_log_loss"].min() < 0
    assert cross_val_score(ActionRecognizer(), sequences, labels, cv=2).min() > 0.9


def test_settings_can_be_searched() -> None:
    search = GridSearchCV(
        ActionRecognizer(), {"method": [NearestSequence(neighbors=1), NearestSequence(neighbors=2)]}, cv=2
    ).fit(*made(12))
    assert search.best_score_ > 0.9


def test_parameters() -> None:
    recognizer = ActionRecognizer()
    assert recognizer.set_params(seed=7) is recognizer and recognizer.get_params()["seed"] == 7
    assert "seed=7" in repr(recognizer)
    with pytest.raises(ValueError, match="no such parameter: speed; there are: method"):
        recognizer.set_params(speed=1)


# Clips unlike all that was learned


def strange(clips: int, seed: int = 7) -> list[np.ndarray]:
    """Clips that stay where no class of `made` stays."""
    rng = np.random.default_rng(seed)
    return [np.array([0, 0, -1, 0]) + 0.1 * rng.normal(size=(40, 4)) for _ in range(clips)]


@both
@pytest.mark.parametrize("each", [1, 10])
def test_outliers_get_their_label_and_no_probability(method: Any, each: int, tmp_path: Path) -> None:
    recognizer = fitted(method, 3 * each, outlier_label="none of them")
    clips, labels = made(9, seed=1)
    assert recognizer.predict(clips).tolist() == labels
    np.testing.assert_allclose(recognizer.predict_proba(clips).sum(1), 1)
    assert recognizer.predict(strange(4)).tolist() == ["none of them"] * 4
    assert not recognizer.predict_proba(strange(4)).any()
    assert recognizer.score(strange(4), ["none of them"] * 4) == 1
    recognizer.save(tmp_path)
    again = ActionRecognizer.load(tmp_path)
    mixed = [*clips, *strange(4)]
    assert again.predict(mixed).tolist() == recognizer.predict(mixed).tolist()
    assert again.outlier_label == "none of them" and again.familiar_.threshold == recognizer.familiar_.threshold
    without = fitted(method, 3 * each)
    np.testing.assert_array_equal(without.predict_proba(clips), recognizer.predict_proba(clips))
    assert set(without.predict(strange(4))) <= set(labels)


def test_the_threshold_is_what_other_classes_come_to() -> None:
    alike = np.array([[1, 0.9, 0.7, 0.6], [0.9, 1, 0.9, 0.8], [0.7, 0.9, 1, 0.9], [0.6, 0.8, 0.9, 1]])
    wanted = np.quantile([0.65, 0.85, 0.8, 0.7], outliers.SHARE)  # means of two, the other class having no more
    assert outliers.threshold(alike, np.array([0, 0, 1, 1])) == pytest.approx(wanted)
    assert outliers.threshold(alike - 0.7, np.array([0, 0, 1, 1])) == outliers.FLOOR


def test_outliers_are_told_by_a_part_of_many_clips() -> None:
    clips, labels = made(120)
    familiar = fitted(NearestSequence(), 120, outlier_label="?").familiar_
    assert familiar is not None and np.bincount(familiar.exemplars.labels).tolist() == [outliers.EACH] * 3
    assert len(clips) == len(labels) == 120


@pytest.mark.parametrize("labels, label, wanted", [([3, 1] * 2, -1, [-1]), (["a", "b"] * 2, "longer", ["longer"])])
def test_an_outlier_has_a_label_of_its_own_kind(labels: Any, label: Any, wanted: Any) -> None:
    clips = [sequence for _ in range(2) for sequence in (np.eye(8)[[0] * 9], np.eye(8)[[1] * 9])]
    recognizer = ActionRecognizer(outlier_label=label).fit(clips, labels)
    assert recognizer.predict([np.eye(8)[[5] * 9]]).tolist() == wanted
    assert recognizer.predict(clips).tolist() == labels
    recognizer.set_params(outlier_label=None)  # counts from the next fit on
    assert recognizer.predict([np.eye(8)[[5] * 9]]).tolist() == wanted


@pytest.mark.parametrize(
    "labels, label, error, words",
    [
        (["a", "b"], "a", ValueError, "outlier_label='a', which is one of the classes"),
        (["a", "b"], -1, TypeError, "outlier_label=-1; wanted str, as the labels are"),
        ([0, 1], "x", TypeError, "outlier_label='x'; wanted int"),
        ([0, 1], True, TypeError, "outlier_label=True; wanted int"),
        ([0, 1], 2**63, ValueError, "whole number of 64 bits"),
        ([True, False], "x", TypeError, "wanted None"),
    ],
)
@pytest.mark.unchecked_types
def test_labels_that_outliers_cannot_have(labels: Any, label: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ActionRecognizer(outlier_label=label).fit([np.ones((4, 3)), -np.ones((4, 3))], labels)


@pytest.mark.parametrize(
    "spoil, words",
    [
        (spoil_config(threshold=1.5), "got threshold 1.5"),
        (spoil_config(threshold=None), "threshold"),
        (spoil_config(outlier_label="squat"), "which is one of the classes"),
        (spoil_config(outlier_label=3), "wanted str"),
        (spoil_config(outlier_label=None), "tells outliers, which have no label"),
        (spoil_tensors(lambda tensors: tensors.pop("familiar.frames")), "wanted frames, labels, lengths"),
        (spoil_tensors(lambda tensors: tensors["familiar.labels"].zero_()), "a class has no clip"),
    ],
)
def test_what_tells_outliers_is_checked(spoil: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    fitted(TemporalConvNet(steps=2), outlier_label="none").save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(ValueError, match=words):
        ActionRecognizer.load(tmp_path)
