"""What is proposed: the space, the samplers, and pruning between folds."""
