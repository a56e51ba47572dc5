"""Training: data, the trainer and its loop, stopping, saved weights, history."""
