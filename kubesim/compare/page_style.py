"""How the report looks: readable without colours, in the dark, on a telephone, and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --line: #8a8a8a; --bad: #a40000; --late: #7a4f00; --good: #0b6b2d;
  --tint: rgb(164 0 0 / 8%); }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --late: #ffd180; --good: #81d89a;
  --tint: rgb(255 138 128 / 14%); } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 80rem; padding: 1rem; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.verdict { font-size: 1.2rem; font-weight: bold; } .bad { color: var(--bad); } .good { color: var(--good); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 1rem; } dt { font-weight: bold; } dd { margin: 0; }
.counts { display: flex; flex-wrap: wrap; gap: 1rem; list-style: none; padding: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.875rem; width: 100%; }
caption { text-align: left; padding: 0.25rem 0; font-weight: bold; }
th, td { border: 1px solid var(--line); padding: 0.25rem 0.5rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
tbody th { white-space: nowrap; }
tr.different, tr.missing, tr.extra { background: var(--tint); }
.different, .missing, .extra { color: var(--bad); } .later, .earlier { color: var(--late); }
tr.different td, tr.missing td, tr.extra td, tr.later td, tr.earlier td { color: CanvasText; }
details { border-top: 1px solid var(--line); padding: 0.25rem 0; } summary { cursor: pointer; font-family: monospace; }
svg { width: 100%; height: auto; } svg line { stroke: var(--line); } svg text { fill: CanvasText; font-size: 12px; }
svg .change { fill: #1565c0; } svg .event { fill: none; stroke: #b26a00; stroke-width: 2; }
@media print { details > * { display: block; } .skip { display: none; } }
"""
