"""Set location, scale, correlations and normalizations of a flow before the first step."""
