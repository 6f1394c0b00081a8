"""What a net costs: parameters, multiplications and receptive fields."""
