"""Training objectives, one file each, behind the interface of `training.objectives.base`."""
