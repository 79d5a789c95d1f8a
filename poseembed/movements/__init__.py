"""Finding movements: a stretch of a track in other tracks, whatever the camera, at half to double the speed."""

from poseembed.movements.find import Movement, find_movement
from poseembed.movements.index import MovementIndex

__all__ = ["Movement", "MovementIndex", "find_movement"]
