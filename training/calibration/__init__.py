"""What makes the lengths of pose vectors say how sure an encoder is, and cosines probabilities."""
