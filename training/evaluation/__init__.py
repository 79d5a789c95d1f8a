"""How encoders are measured: a library that the commands in `training/benchmarks/` share."""
