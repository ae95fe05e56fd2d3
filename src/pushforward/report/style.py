"""The style of the page: light and dark by what the reader's system asks for, and readable on a phone."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2127; --faint: #5d6873; --paper: #fcfcfb; --card: #ffffff;
  --edge: #dde2e7; --data: #9db8cf; --heat: #2a6aa0; --model: #c2480b; --band: rgba(0, 0, 0, .12); }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --faint: #9aa6b2; --paper: #14181c; --card: #1b2026;
  --edge: #323a43; --data: #47708f; --heat: #7fb8ea; --model: #ff9d5c; --band: rgba(255, 255, 255, .16); } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem 1rem 4rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: .4rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .4rem; padding-top: .6rem; border-top: 1px solid var(--edge); }
h3 { font-size: 1rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 46rem; }
small, .faint { color: var(--faint); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .8rem 0; }
a { color: inherit; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .8rem; margin: 1rem 0; }
.tile, .card { background: var(--card); border: 1px solid var(--edge); border-radius: .6rem; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.45rem; font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: .8rem;
  margin: .8rem 0; align-items: start; }
.card p { font-size: .85rem; color: var(--faint); overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.wide svg { min-width: 26rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--edge); }
th { font-weight: 600; white-space: nowrap; }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.wide table { min-width: 40rem; }
.narrow table, .card .wide table { min-width: 0; }
td { overflow-wrap: break-word; }
svg { display: block; width: 100%; height: auto; margin: 0 auto; }
svg text { fill: var(--ink); font-size: 11px; }
svg text.faint, svg text.number { font-size: 10px; }
.narrow { max-width: 34rem; }
svg text.tiny { font-size: 8.5px; fill: var(--faint); }
svg text.faint { fill: var(--faint); }
.data { fill: var(--data); }
.dataheat { fill: var(--heat); }
.modelfill { fill: var(--model); }
line.model, polyline.model { stroke: var(--model); stroke-width: 1.8; fill: none; }
.axis { stroke: var(--faint); stroke-width: 1; }
.grid { stroke: var(--edge); stroke-width: 1; }
.thin { stroke: var(--model); stroke-width: 1; opacity: .6; }
.dashed { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 4 3; }
.frame { fill: none; stroke: var(--edge); stroke-width: 1; }
.ring { fill: none; stroke: var(--ink); stroke-width: 1.3; }
.band { fill: var(--band); }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .9rem; }
.key span::before { content: ""; display: inline-block; width: .9rem; height: .9rem; margin-right: .4rem;
  vertical-align: -.1rem; border-radius: .2rem; background: var(--data); }
.key span.m::before { background: var(--model); }
pre { white-space: pre-wrap; font-size: .85rem; margin: .4rem 0; }
"""
