"""Check your net: reads a PyTorch net from its source text and says what it is.

Nothing of the text is executed. `checker.check` is the way in; docs/check.md says what is
understood.
"""
