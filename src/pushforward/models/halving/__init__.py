"""A choice among flows by successive halving. `pushforward.search` imports what fits, and what describes is light."""
