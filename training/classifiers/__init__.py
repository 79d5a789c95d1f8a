"""Action classifiers on sequences of vectors.

Each is a torch module built as `Classifier(input_dim, num_classes)` that maps features (clips, frames, input_dim) to
logits (clips, num_classes).
"""
