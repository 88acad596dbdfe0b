/** @file The style sheet of `report.html`, light and dark. */
export const REPORT_STYLE = `
:root { --paper: #fbfbfa; --card: #ffffff; --ink: #1f2328; --quiet: #667085; --rule: #e6e6e3; --accent: #2a78d6; --faint: #dbe9f9; --good: #16794c; --good-paper: #e3f4ea; --bad: #b3261e; --bad-paper: #fbe9e7; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --paper: #101216; --card: #16181d; --ink: #e6e8eb; --quiet: #98a1ad; --rule: #2a2e36; --accent: #5b9ff0; --faint: #1d2f47; --good: #6ccf9a; --good-paper: #15301f; --bad: #f2958d; --bad-paper: #3a1a18; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 40px 20px 80px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 44px 0 12px; }
p { margin: 0 0 12px; max-width: 68ch; }
.quiet { color: var(--quiet); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; margin: 24px 0 0; }
.number, .panel, .scene { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.number { padding: 14px 16px; }
.number b { display: block; font-size: 28px; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; }
.number span { color: var(--quiet); font-size: 13px; }
.panel { padding: 8px; overflow-x: auto; }
.panel svg { display: block; max-width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; color: var(--quiet); font-size: 13px; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td.share, th.share { text-align: right; width: 5.5em; }
td.bar { width: 50%; min-width: 160px; }
.track { position: relative; height: 12px; border-radius: 3px; background: var(--faint); }
.fill { height: 100%; border-radius: 3px; background: var(--accent); }
.mark { position: absolute; top: -3px; bottom: -3px; width: 2px; background: var(--ink); opacity: 0.55; }
.scenes { display: grid; grid-template-columns: repeat(auto-fill, minmax(420px, 1fr)); gap: 12px; }
@media (max-width: 500px) { .scenes { grid-template-columns: 1fr; } }
.scene { padding: 14px; display: grid; grid-template-columns: 112px 1fr; gap: 14px; }
.scene img { width: 112px; height: auto; border-radius: 6px; image-rendering: pixelated; display: block; }
.scene p { margin: 0 0 8px; font-size: 13px; }
.scene dl { margin: 0; }
.scene dt { font-weight: 600; }
.scene dd { margin: 0 0 8px; }
.chip { font-size: 12px; padding: 1px 7px; border-radius: 9px; margin-left: 6px; background: var(--rule); color: var(--quiet); white-space: nowrap; }
.chip.good { background: var(--good-paper); color: var(--good); }
.chip.bad { background: var(--bad-paper); color: var(--bad); }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--quiet); }
pre { overflow-x: auto; font: 12px/1.5 ui-monospace, monospace; }
`;
