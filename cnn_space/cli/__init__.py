"""``python -m cnn_space``: one file a command."""
