"""How encoders are measured: a library; the commands in `training/benchmarks/` print a table each of what it finds.

The order of the rooms is datasets, scene, objectives, running, recipes, classifiers, evaluation; on top of them stand
the commands (train, calibrate, decoder, compare) and, last, the benchmarks. A module imports from its own room and from
those before it.
"""
