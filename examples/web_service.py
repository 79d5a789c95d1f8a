"""A web service: keypoints in; vectors, cosines and match probabilities out, as JSON.

    pip install fastapi uvicorn
    uvicorn --app-dir examples web_service:app --workers 4

    curl localhost:8000/embed --json '{"keypoints": [[[310, 120], [330, 118], ...]], "skeleton": "coco"}'

http://localhost:8000/docs says what it takes. Each worker process loads the encoder for itself, once.
"""

from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from poseembed import Embedding, PoseEncoder, SkeletonName

MOST_POSES = 1000  # in one request, so that the memory that it takes is bounded
Point = Annotated[list[float | None], Field(min_length=2, max_length=2)]
app = FastAPI(title="poseembed")
encoder = PoseEncoder.from_pretrained()


class Keypoints(BaseModel):
    """Poses of one skeleton: (x, y) of each joint, or null for a missing one; and scores, if there are any."""

    keypoints: Annotated[list[list[Point | None]], Field(min_length=1, max_length=MOST_POSES)]
    skeleton: SkeletonName = "poseembed13"
    confidence: list[list[float]] | None = None


def embedded(poses: Keypoints) -> Embedding[np.ndarray]:
    """Vectors; or an answer that says what was wrong."""
    try:
        points = np.array([[(None, None) if p is None else p for p in pose] for pose in poses.keypoints], dtype=float)
        scores = None if poses.confidence is None else np.array(poses.confidence, dtype=float)
        return encoder.embed(points, scores, skeleton=poses.skeleton)
    except ValueError as error:  # its words say what was wanted
        raise HTTPException(422, str(error)) from error


def listed(rows: np.ndarray) -> list[Any]:
    """Rows for JSON, which has no NaN: null stands for what is not known of a pose in which nothing is seen."""
    return np.where(np.isnan(rows), None, rows).tolist()


@app.post("/embed")
def embed(poses: Keypoints) -> dict[str, Any]:
    """The two vectors of each pose, and what made them."""
    z_pose, z_view = embedded(poses)
    return {"z_pose": listed(z_pose), "z_view": listed(z_view), "made_by": str(encoder.made_by)}


@app.post("/compare")
def compare(first: Keypoints, second: Keypoints) -> dict[str, Any]:
    """Cosine of each pose of the first with each of the second, and the probability of a match at even odds."""
    both = [embedded(poses).z_pose for poses in (first, second)]
    cosines, chances = encoder.similarity(*both), encoder.match_probability(*both)
    return {"similarity": listed(cosines), "match_probability": listed(chances)}
