"""What objectives are made of: estimators, critics and the sub-encoder."""
