"""Say live how near somebody before the camera is to a pose.

    python examples/embed_live.py pose.csv

Each frame is found and embedded as soon as it is there; the camera need not stand where the pose was seen from. With
--context 0.43 it is embedded by what came before, too, and with --look-ahead 0.1 also by the tenth of a second that
follows, for which the answer then waits. End it with Ctrl-C. Needs `pip install "poseembed[video]"`.
"""

import argparse
from pathlib import Path

import numpy as np

from poseembed import PoseEncoder, load_embedded
from poseembed.video import detect_video, embed_pieces

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("pose", type=Path, help="file of poses, such as .csv or .npz")
parser.add_argument("--row", type=int, default=0, metavar="N", help="which of its poses (%(default)s)")
parser.add_argument("--camera", default="0", metavar="N", help="number of the camera, or a video (%(default)s)")
parser.add_argument("--context", type=float, default=0.0, metavar="SECONDS", help="read so much (%(default)s)")
parser.add_argument("--look-ahead", type=float, default=0.0, metavar="SECONDS", help="wait so long (%(default)s)")
parser.add_argument("--stop", type=int, metavar="N", help="end after so many frames")
options = parser.parse_args()

encoder = PoseEncoder.from_pretrained()
wanted = load_embedded(options.pose, encoder).z_pose[options.row]
camera = int(options.camera) if options.camera.isdigit() else options.camera

try:
    frames = detect_video(camera, stop=options.stop, chunk_frames=1)
    for seen in embed_pieces(frames, encoder, context=options.context, look_ahead=options.look_ahead):
        share = np.nan_to_num(encoder.match_probability(seen, wanted)).item()  # NaN where nobody is seen
        print(f"{seen.time[0]:7.2f} s  {'#' * round(40 * share):40}  {share:4.0%}", flush=True)
except KeyboardInterrupt:
    pass
