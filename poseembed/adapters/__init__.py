"""Keypoints out of whatever a pose detector gives; nothing here imports a detector."""
