"""What is set before the first step: location, scale, correlations, normalizations."""
