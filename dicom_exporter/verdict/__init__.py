"""What the results mean: levels, findings, texts. Pure functions of results."""
