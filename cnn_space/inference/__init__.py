"""A net answers: engine, classification, comparison and explanation."""
