"""Does this look like people in pictures? Mistakes that every array of numbers lets through, and that a look finds.

Nothing is repaired, for nobody knows what was meant. Each kind of mistake has one text, which does not name numbers, so
that Python's warnings show it once for a place in the user's code however often that place is passed.
"""

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed.skeleton import HIPS, SHOULDERS
from poseembed.warned import warn_user

SAMPLE = 128
"""Poses that are looked at, evenly spread over all that came: enough for a habit to show, too few to cost time."""

HABIT = 64
"""Poses that it takes to tell a habit of the data from an unusual pose."""

MOST = 0.95
"""Share of the poses that makes a habit."""

LARGEST_SCORE = 10
"""Scores go from 0 to 1, some detectors' a little further; those in percent pass this nearly always."""

LOPSIDED = 2.5
"""Times by which a bone is longer than that of the other side, in the middle of many poses, in no real recording."""

_ANKLES = (11, 12)
_FOUR = np.arange(4)

Points = Float[np.ndarray, "poses 13 2"]
Seen = Bool[np.ndarray, "poses 13"]


class KeypointsWarning(UserWarning):
    """Keypoints that are most likely not what the library takes them for; the text says what to do.

    Examples:
        >>> import warnings
        >>> from poseembed import KeypointsWarning
        >>> warnings.simplefilter("ignore", KeypointsWarning)  # for whoever knows better
    """


def look_at(points: Float[Tensor, "poses 13 2"], scores: np.ndarray | Tensor | None) -> None:
    """Warn of what shows in a sample of poses; of scores, and of the first mistake in the points, for it brings others.

    Args:
        points: Points (x, y); NaN is missing.
        scores: (..., joints) confidence as it came, if it did.

    Warns:
        KeypointsWarning: If there is one.
    """
    spread = slice(None, None, -(-len(points) // SAMPLE) or 1)
    if scores is not None and bool((scores.reshape(-1, scores.shape[-1])[spread] > LARGEST_SCORE).any()):
        _warn(
            "scores far above 1: confidence goes from 0 to 1, and against min_confidence=0.3 nothing is missing here; "
            "divide a percentage by 100"
        )
    sample = points.detach().cpu().numpy()[spread]
    if not sample.size:
        return
    low, high = np.fmin.reduce(sample, axis=None), np.fmax.reduce(sample, axis=None)  # which are not of NaN
    if low <= 0 and _zero_is_missing(sample):
        _warn(
            "joints at exactly (0, 0) or (-1, -1), apart from the rest of the body, are taken for joints in the corner "
            "of the picture; if they are missing make them NaN: keypoints[(keypoints <= 0).all(-1)] = numpy.nan"
        )
    elif low >= -1 and high <= 2 and high - low > 0.01 and _divided(sample):
        _warn(
            "coordinates that all lie in 0 to 1 look divided by the picture's width and height, which distorts people "
            "unless both were divided by one length; multiply them back: keypoints * [width, height]"
        )
    elif max(-low, high) > 1e4 and _too_coarse(sample):
        _warn(
            "coordinates so large that their type cannot tell the joints apart; subtract an offset before they become "
            "float32, or pass float64"
        )
    elif len(sample) >= HABIT and _upside_down(sample):
        _warn(
            "nearly everybody here stands on their head; y must point down (negate it if yours points up), and the "
            "joints be in the order of the skeleton that skeleton= names"
        )
    elif len(sample) >= HABIT and _lopsided(sample):
        _warn(
            "one side of nearly everybody here is several times as long as the other, as where the joints are in "
            "another order than that of the skeleton that skeleton= names; see poseembed.SKELETONS"
        )


def _warn(text: str) -> None:
    warn_user(text, KeypointsWarning)


def _seen(points: Points) -> Seen:
    """Which joints are there."""
    return ~np.isnan(points).any(-1)


def _divided(points: Points) -> bool:
    """Coordinates from 0 to 1."""
    values = points[~np.isnan(points)]
    return bool(((values >= 0) & (values <= 1)).mean() >= MOST)


def _zero_is_missing(points: Points) -> bool:
    """Joints on the origin (or on -1, -1), in pictures whose other joints keep clear of it."""
    seen = _seen(points)
    mark = seen & ((points == 0) | (points == -1)).all(-1)
    marked = mark.any(1)
    if not marked.any():
        return False
    others = (seen & ~mark)[marked]
    inside = np.where(others[..., None], points[marked], np.inf).min((1, 2)) > 0
    # Where people were centred on a joint, that joint is 0 and others are on both sides of it.
    return bool((inside & others.any(1)).mean() > 0.5)


def _too_coarse(points: Points) -> bool:
    """Coordinates so large that their type tells a hundredth of the pose no longer apart."""
    seen = _seen(points)
    several = seen.sum(1) > 1
    low = np.where(seen[..., None], points, np.inf).min(1)[several]
    high = np.where(seen[..., None], points, -np.inf).max(1)[several]
    step = np.finfo(points.dtype).eps * np.maximum(np.abs(low), np.abs(high)).max(-1)
    coarse = step > (high / 2 - low / 2).max(-1) / 50  # in halves, for the largest numbers there are
    return bool(len(coarse) and coarse.mean() > 0.5)


def _upside_down(points: Points) -> bool:
    """Hips above shoulders and ankles above hips, in nearly all poses."""
    seen = _seen(points)
    y = points[..., 1]
    shoulders, hips, ankles = (y[:, left] + y[:, right] for left, right in (SHOULDERS, HIPS, _ANKLES))
    turned = hips < shoulders
    if np.count_nonzero(turned) < MOST * HABIT:  # whoever they are, and whatever else is to be seen of them
        return False
    whole = seen[:, [*SHOULDERS, *HIPS, *_ANKLES]].all(1)
    count = np.count_nonzero(whole)
    return bool(count >= HABIT and np.count_nonzero(turned & (ankles < hips) & whole) / count >= MOST)


def _lopsided(points: Points) -> bool:
    """Two of the upper arms, forearms, thighs and shins far longer on one side than on the other, by their medians."""
    seen = _seen(points)
    # Arms and legs, each of six joints: left and right, three times. Poses last, for they are sorted.
    limbs = points[:, 1:].transpose(2, 1, 0).reshape(2, 2, 6, -1)
    x, y = np.subtract(limbs[:, :, 2:], limbs[:, :, :4], order="C").reshape(2, 8, -1)
    lengths = np.hypot(x, y)
    there = seen[:, 1:].T.reshape(2, 6, -1)
    # Where somebody marked two joints at once, one of them was not seen.
    measured = (there[:, 2:] & there[:, :4]).reshape(8, -1) & (lengths > 0)
    both = measured[::2] & measured[1::2]
    counts = np.add.reduce(both, axis=1, dtype=int)
    ordered = np.sort(np.where(both[:, None], lengths.reshape(4, 2, -1), np.inf))
    medians = ordered[_FOUR, :, (counts - 1) // 2] + ordered[_FOUR, :, counts // 2]
    unlike = [
        max(sides) > LOPSIDED * min(sides)
        for sides, count in zip(medians.tolist(), counts.tolist(), strict=True)
        if count >= HABIT
    ]
    return sum(unlike) >= 2
