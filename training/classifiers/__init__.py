"""Training action classifiers as the benchmarks do: for a fixed number of epochs, on clips of one length.

A classifier is a torch module built as `Classifier(input_dim, num_classes)` that maps features
(clips, frames, input_dim) to logits (clips, num_classes), such as `poseembed.actions.convnet.ConvNet`.
"""
