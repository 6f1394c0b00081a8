"""The Inception tab."""
