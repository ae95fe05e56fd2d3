"""How well densities are learned that are known, by pushforward and by others: `python -m benchmarks.known_truths`."""
