"""Keypoints out of whatever a pose detector gives; nothing here imports a detector.

`from_...` takes the result object of one picture and returns `Keypoints`, for `encoder.embed(*keypoints)`. `read_...`
takes files of many pictures and returns `poseembed.Poses`.

One rule for each of these, whatever the format (`poseembed.files.values` and `poseembed.adapters.people` hold them):

- **Coordinates** are numbers up to 2**24 pixels in size; infinite and larger ones, text and booleans are refused. NaN
  is missing, and so is a joint of score 0.
- **Scores** outside 0 to 1 are brought to the nearer end, for heat maps have such peaks; NaN is 0. Beyond 10 they are
  refused: percentages, or a depth.
- **Pictures** whose names differ in one number alone (`000007.png`, `frame_7.jpg`, 7) have that number as `frame`, so
  that pictures without people, which many tools leave out, show as gaps. Other pictures are counted in the order of
  their names, 9 before 10, and so are numbers too far apart to count frames: a clock's, a photo's. Where a file lists
  all its pictures, `frame` is the place in that list.
- **An id of a picture** is a whole number or text; 7 and "7" are the same. A picture listed twice is refused.
- **Names of joints** are known however they are spelled ("Left Shoulder", "left-shoulder", "leftShoulder"), wherever a
  file names them.
- **Shares of the picture's size** (YOLO's text, poem's) are multiplied by `image_size`, which is asked for where a file
  does not say it.
- **Identities** (`person_id`, `track_id`, `idx`) are kept: a whole number, the same as text or in a list of one. Null,
  an empty list and -1 are not known; anything else is refused.
- **Who has no keypoints** (an empty list, null) is left out; a picture that has nobody else is a row of NaN.
- **Hidden files** (`._clip.json`) are no data. A pipe or a device is refused before it is opened.
- **Frames numbered by a clock** are kept as they are in tables, but `Poses.track`, which makes a row
  for every number between, refuses them.
- **A damaged file** is a `ValueError` that names it, and takes no more memory than 32 times its size and 64 MiB, JSON
  about 50 times its size.
"""

from poseembed.adapters.alphapose import read_alphapose
from poseembed.adapters.base import Keypoints
from poseembed.adapters.coco import read_coco
from poseembed.adapters.cvat import read_cvat
from poseembed.adapters.label_studio import read_label_studio
from poseembed.adapters.mediapipe import from_mediapipe
from poseembed.adapters.mediapipe_files import read_mediapipe
from poseembed.adapters.mmpose import from_mmpose, read_mmpose
from poseembed.adapters.openpose import read_openpose
from poseembed.adapters.poem import read_poem
from poseembed.adapters.rtmlib import from_rtmlib
from poseembed.adapters.supervision import from_supervision
from poseembed.adapters.transformers import from_transformers
from poseembed.adapters.ultralytics import from_ultralytics
from poseembed.adapters.yolo import read_yolo

__all__ = [
    "Keypoints",
    "from_mediapipe",
    "from_mmpose",
    "from_rtmlib",
    "from_supervision",
    "from_transformers",
    "from_ultralytics",
    "read_alphapose",
    "read_coco",
    "read_cvat",
    "read_label_studio",
    "read_mediapipe",
    "read_mmpose",
    "read_openpose",
    "read_poem",
    "read_yolo",
]
