"""Check your net, a part of the Inception tab: a net's source text in, what it is out."""
