"""The virtual world: bodies, cameras, detector and film; what is shown of recorded poses."""
