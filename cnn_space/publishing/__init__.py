"""Model cards, learning curves, the accuracy table, and the upload to the Hub."""
