/** The looks of the viewer: colours from the host's theme where there is one. */

import { COMPARISON } from './comparison_style.js'

export const STYLE = `
:host {
  --ground: var(--comfy-menu-bg, Canvas);
  --field: color-mix(in srgb, var(--comfy-input-bg, color-mix(in srgb, CanvasText 11%, Canvas)) 48%, var(--ground));
  --ink: var(--input-text, CanvasText);
  --strong: var(--fg-color, CanvasText);
  --soft: color-mix(in srgb, var(--ink) 68%, var(--ground));
  --line: color-mix(in srgb, var(--ink) 17%, transparent);
  --hover: color-mix(in srgb, var(--ink) 9%, transparent);
  --good: color-mix(in oklab, #009e73 78%, var(--strong));
  --doubt: color-mix(in oklab, #e69f00 82%, var(--strong));
  --bad: color-mix(in oklab, #d55e00 82%, var(--strong));
  --accent: color-mix(in oklab, #2d8fd5 82%, var(--strong));
  display: block; width: 100%; height: 100%; box-sizing: border-box; min-height: 0;
  color: var(--ink); font: 12px/1.45 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
  text-align: start; cursor: default; user-select: none; -webkit-user-select: none;
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.root {
  container: viewer / size; width: 100%; height: 100%; background: var(--ground); border: 1px solid var(--line);
  border-radius: 10px; overflow: hidden; outline: none; position: relative;
}
.root:fullscreen { border: 0; border-radius: 0; font-size: 14px; }
.grid {
  width: 100%; height: 100%; display: grid; gap: 12px; padding: 12px; min-height: 0;
  grid-template: minmax(0, 1fr) / minmax(0, 1.12fr) minmax(0, 1fr);
}
.stage { position: relative; display: flex; flex-direction: column; gap: 8px; min-width: 0; min-height: 0; }
.side { display: flex; flex-direction: column; gap: 12px; min-width: 0; min-height: 0; }

button, summary, input, output, textarea { font: inherit; color: inherit; }
button, summary { cursor: pointer; }
button { background: none; border: 0; padding: 0; text-align: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h2 { font-size: 11px; font-weight: 600; letter-spacing: .02em; color: var(--soft); margin: 0; }
.icon { width: 1.15em; height: 1.15em; flex: none; fill: none; stroke: currentColor; stroke-width: 1.5;
  stroke-linecap: round; stroke-linejoin: round; }
.aside { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

/* the picture */
.view { flex: 1; min-height: 0; position: relative; display: grid; place-items: center; }
.frame { position: relative; border-radius: 7px; overflow: hidden; line-height: 0;
  box-shadow: 0 0 0 1px var(--line); background: var(--field); }
.frame canvas { display: block; width: 100%; height: 100%; cursor: crosshair; touch-action: none; }
.frame:has(canvas:focus-visible) { outline: 2px solid var(--accent); outline-offset: 2px; }
.frame canvas:focus { outline: none; }
.spot { position: absolute; top: 8px; inset-inline-end: 8px; width: min(46%, 190px); padding: 8px 10px; border-radius: 7px;
  background: rgb(14 15 19 / .84); color: #f3f3f1; font-size: 11px; line-height: 1.4; pointer-events: none;
  backdrop-filter: blur(6px); }
.spot.start { inset-inline-end: auto; inset-inline-start: 8px; }
.spot h2 { color: #b9bcc4; font-weight: 500; margin-bottom: 4px; }
.spot ol { margin: 0; padding: 0; list-style: none; display: grid; gap: 3px; }
.spot li { display: grid; grid-template-columns: minmax(0, 1fr) auto; column-gap: 8px; align-items: baseline; }
.spot li b { font-weight: 500; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.spot li:first-child b { font-weight: 700; }
.spot li span { font-variant-numeric: tabular-nums; color: #cfd2d8; }
.spot li i { grid-column: 1 / -1; height: 3px; border-radius: 2px; background: rgb(255 255 255 / .16); overflow: hidden; }
.spot li i::after { content: ""; display: block; height: 100%; width: var(--part); border-radius: 2px; background: #56b4e9; }

.caption { display: flex; align-items: center; gap: 10px; min-height: 18px; font-size: 11px; color: var(--soft); }
.caption .named { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.caption b { color: var(--strong); font-weight: 600; font-size: 12px; margin-inline-end: 6px; }
.caption .swatch { display: inline-block; width: 8px; height: 8px; border-radius: 3px; margin-inline: 0 4px; background: var(--colour); }
.caption .swatch.line { width: 14px; height: 0; border-top: 2px solid var(--colour); background: none; border-radius: 0; vertical-align: middle; margin-inline: 0 5px; }
.caption .key { flex: none; }
.caption .scale { display: flex; align-items: center; gap: 6px; flex: none; font-variant-numeric: tabular-nums; }
.caption .scale i { width: 72px; height: 6px; border-radius: 3px; background: var(--gradient); }

.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; }
.tools .end { margin-inline-start: auto; display: flex; gap: 2px; }
.choice { display: inline-flex; flex-wrap: wrap; max-width: 100%; padding: 2px; gap: 1px; background: var(--field); border-radius: 7px; box-shadow: inset 0 0 0 1px var(--line); }
.choice button { padding: 2px 9px; border-radius: 5px; color: var(--soft); font-size: 11px; white-space: nowrap; line-height: 1.5; max-width: 100%; overflow: hidden; text-overflow: ellipsis; }
.choice button:hover { color: var(--strong); }
.choice button[aria-checked="true"] { background: color-mix(in srgb, var(--ink) 16%, var(--ground)); color: var(--strong); font-weight: 600; }
.slider { display: inline-flex; align-items: center; gap: 6px; font-size: 11px; color: var(--soft); }
.slider input { width: 66px; height: 14px; margin: 0; appearance: none; -webkit-appearance: none; background: none; cursor: pointer; border-radius: 7px; }
.slider input::-webkit-slider-runnable-track { height: 3px; border-radius: 2px;
  background: linear-gradient(90deg, var(--accent) var(--part, 0%), var(--line) var(--part, 0%)); }
.slider input::-webkit-slider-thumb { appearance: none; -webkit-appearance: none; width: 11px; height: 11px; margin-top: -4px; border-radius: 50%; background: var(--strong); }
.slider input::-moz-range-track { height: 3px; border-radius: 2px; background: var(--line); }
.slider input::-moz-range-progress { height: 3px; border-radius: 2px; background: var(--accent); }
.slider input::-moz-range-thumb { width: 11px; height: 11px; border: 0; border-radius: 50%; background: var(--strong); }
.slider .value { min-width: 2.6em; font-variant-numeric: tabular-nums; color: var(--ink); }
.tool { display: inline-grid; place-items: center; width: 26px; height: 24px; border-radius: 6px; color: var(--soft); }
.tool:hover { background: var(--hover); color: var(--strong); }
.menu { position: relative; }
.menu > summary { list-style: none; }
.menu > summary::-webkit-details-marker { display: none; }
.menu > div { position: absolute; z-index: 5; inset-inline-end: 0; bottom: calc(100% + 4px); display: grid; padding: 4px; min-width: 168px;
  background: var(--ground); border-radius: 8px; box-shadow: 0 0 0 1px var(--line), 0 8px 24px rgb(0 0 0 / .35); }
.menu > div button { padding: 5px 10px; border-radius: 5px; font-size: 12px; }
.menu > div button:hover { background: var(--hover); color: var(--strong); }

.strip { display: flex; gap: 6px; overflow-x: auto; padding: 2px; margin: -2px; flex: none; }
.strip button { position: relative; flex: none; width: 40px; height: 40px; border-radius: 6px; overflow: hidden; opacity: .62; box-shadow: 0 0 0 1px var(--line); }
.strip button:hover { opacity: 1; }
.strip button[aria-checked="true"] { opacity: 1; box-shadow: 0 0 0 2px var(--accent); }
.strip img { width: 100%; height: 100%; object-fit: cover; display: block; }
.strip .count { position: absolute; inset-inline-end: 2px; bottom: 2px; min-width: 14px; padding: 0 3px; border-radius: 7px; font-size: 10px; line-height: 14px;
  text-align: center; background: #b34e00; color: #fff; font-weight: 600; }

.complaint { position: absolute; z-index: 6; inset-inline: 12px; top: 12px; display: flex; align-items: flex-start; gap: 8px; padding: 7px 8px 7px 11px;
  border-radius: 8px; background: var(--ground); color: var(--strong); box-shadow: inset 0 0 0 1.5px var(--bad), 0 8px 24px rgb(0 0 0 / .35);
  overflow-wrap: anywhere; user-select: text; -webkit-user-select: text; }
.complaint span { flex: 1; min-width: 0; align-self: center; }
.complaint > .icon { margin-top: 4px; color: var(--bad); }
.complaint .tool { flex: none; }

/* the prompt */
.card { background: var(--field); border-radius: 8px; box-shadow: inset 0 0 0 1px var(--line); padding: 9px 11px 11px; }
.head { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; min-height: 24px; margin-bottom: 4px; }
.head .end { margin-inline-start: auto; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 6px; }
.prompt { flex: none; max-height: 45cqh; overflow-y: auto; }
.text { font-size: 13px; line-height: 2.05; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--soft); unicode-bidi: plaintext; }
.word { position: relative; display: inline-block; padding: 0 5px 3px; margin: 0 -2px; border-radius: 5px; color: var(--strong); line-height: 1.5; font-weight: 500;
  unicode-bidi: isolate; max-width: 100%; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }
.word.function, .word.marks { color: var(--soft); font-weight: 400; }
.word.marks { font-style: italic; margin-inline-start: 6px; }
.word::after { content: ""; position: absolute; inset-inline: 5px; bottom: 1px; height: 3px; border-radius: 2px; background: var(--line); }
.word i { position: absolute; z-index: 1; inset-inline-start: 5px; bottom: 1px; height: 3px; border-radius: 2px; width: calc((100% - 10px) * var(--landed, 0)); background: var(--state); }
.word[data-state="landed"] { --state: var(--good); }
.word[data-state="doubtful"] { --state: var(--doubt); }
.word[data-state="warned"] { --state: var(--bad); }
.word[data-state="warned"]::after, .word[data-state="doubtful"]::after { background: color-mix(in srgb, var(--state) 34%, transparent); }
.word[data-state="placeless"]::after, .word[data-state="unchecked"]::after { background: none; }
.word[data-state="placeless"] i, .word[data-state="unchecked"] i { display: none; }
.word sup { font-size: 9px; font-weight: 600; color: var(--soft); margin-inline-start: 2px; line-height: 0; }
.word:hover, .word.active { background: color-mix(in srgb, var(--ink) 15%, transparent); }
.word.here { box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--accent) 75%, transparent); }
.word[aria-pressed="true"] { background: color-mix(in srgb, var(--pin) 30%, var(--field)); box-shadow: inset 0 0 0 1.5px var(--pin); }
.prompt .foot { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; margin-top: 7px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 12px; font-size: 10.5px; color: var(--soft); }
.legend span { display: inline-flex; align-items: center; gap: 5px; }
.legend i { width: 14px; height: 3px; border-radius: 2px; background: var(--state); }
.plain { font-size: 11px; color: var(--soft); padding: 1px 6px; border-radius: 5px; }
.plain:hover, .plain[aria-pressed="true"] { background: var(--hover); color: var(--strong); }

.word.out { opacity: .3; }
.find { display: inline-flex; align-items: center; gap: 6px; margin-inline-start: auto; } .find .told { font-size: 11px; color: var(--soft); white-space: nowrap; }
.find input { width: 112px; padding: 1px 6px; font-size: 11px; color: var(--ink); background: var(--field); border: 1px solid var(--line); border-radius: 5px; }
.find input[aria-invalid="true"] { border-color: var(--bad); }
.trouble { margin: 0; width: 100%; flex: none; display: flex; gap: 8px; align-items: flex-start; padding: 7px 11px; border-radius: 8px; background: var(--field); box-shadow: inset 0 0 0 1.5px var(--bad); color: var(--strong); overflow-wrap: anywhere; }
.trouble .icon { margin-top: 2px; color: var(--bad); } .trouble:is(button):hover { background: var(--hover); }

/* tabs, findings */
.tabs { display: flex; flex-wrap: wrap; gap: 0 14px; border-bottom: 1px solid var(--line); margin-bottom: 10px; flex: none; }
.tabs button { padding: 3px 1px 6px; color: var(--soft); border-bottom: 2px solid transparent; margin-bottom: -1px; font-weight: 500; display: inline-flex; align-items: center; gap: 6px; border-radius: 0; }
.tabs button:hover { color: var(--strong); }
.tabs button[aria-selected="true"] { color: var(--strong); border-color: var(--accent); font-weight: 600; }
.tabs .count { min-width: 16px; padding: 0 4px; border-radius: 8px; font-size: 10.5px; line-height: 16px; text-align: center; background: var(--hover); color: var(--ink); font-weight: 600; }
.tabs .count.bad { background: color-mix(in srgb, var(--bad) 26%, transparent); color: var(--strong); }
.below { flex: 1; min-height: 0; display: flex; flex-direction: column; }
.panel { flex: 1; min-height: 0; overflow-y: auto; scrollbar-width: thin; padding: 2px; margin: -2px; }
.findings { display: grid; gap: 6px; align-content: start; }
.finding { border-radius: 8px; background: var(--field); box-shadow: inset 0 0 0 1px var(--line); overflow: hidden; }
.finding > button { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 1px 9px; width: 100%; padding: 8px 11px; border-radius: 8px; }
.finding > button:hover { background: var(--hover); }
.finding > button:focus-visible { outline-offset: -2px; }
.finding .icon { margin-top: 2px; color: var(--state); grid-row: 1 / 3; }
.finding.sure { --state: var(--bad); } .finding.unsure { --state: var(--doubt); }
.finding.information { --state: var(--soft); }
.finding.problem { --state: var(--bad); } .finding.calm { --state: var(--good); }
.finding .title { display: flex; align-items: baseline; gap: 7px; font-weight: 600; color: var(--strong); }
.finding .title em { font-style: normal; font-weight: 400; color: var(--soft); font-size: 11px; }
.finding .message { color: var(--ink); overflow-wrap: anywhere; }
.finding.open { box-shadow: inset 0 0 0 1.5px var(--state); }
.detail { padding: 0 11px 10px 38px; display: grid; gap: 7px; overflow-wrap: anywhere; user-select: text; -webkit-user-select: text; }
.detail p { margin: 0; }
.detail :is(.try, .ask) { color: var(--strong); display: flex; flex-wrap: wrap; gap: 5px 6px; align-items: baseline; }
.detail :is(.try, .ask) b { color: var(--state); font-weight: 600; margin-inline-end: 4px; }
.detail p.try { display: block; }
.detail :is(.try, .ask) > b { width: 100%; }
.detail :is(.try, .ask) :is(button, .only) { padding: 3px 9px; border-radius: 6px; box-shadow: inset 0 0 0 1px var(--line); max-width: 100%; }
.detail .try .only { box-shadow: none; color: var(--soft); }
.detail :is(.try, .ask) button { background: color-mix(in srgb, var(--accent) 14%, var(--ground)); color: var(--strong); }
.detail :is(.try, .ask) button:hover { background: color-mix(in srgb, var(--accent) 30%, var(--ground)); }
.detail .try small { color: var(--soft); font-size: 10.5px; margin-inline-start: 7px; }
.detail .try small.breaks { display: block; margin-inline-start: 0; color: var(--strong); }
.detail dl { display: grid; grid-template-columns: auto auto; justify-content: start; gap: 1px 14px; margin: 0; font-size: 11px; color: var(--soft); }
.detail dd { margin: 0; font-variant-numeric: tabular-nums; color: var(--ink); }
.detail .faint b { font-weight: 500; color: var(--ink); }
.detail .faint { font-size: 11px; color: var(--soft); }
.experts { font-size: 11px; color: var(--soft); display: block; } .experts > summary { padding: 1px 0; } .detail .experts p { margin: 5px 0 0; } .experts dl + p { margin-top: 7px; }
.folded > summary { padding: 4px 2px; font-size: 12px; color: var(--soft); } .folded[open] > .finding { margin-bottom: 6px; }
.finding.static { padding: 8px 11px; display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 1px 9px; }
.notes, .recorded { font-size: 11px; color: var(--soft); }
.recorded { margin: 0; }
.notes summary { padding: 2px 0; }
.notes ul { margin: 4px 0 0; padding-inline-start: 16px; display: grid; gap: 4px; overflow-wrap: anywhere; user-select: text; -webkit-user-select: text; }

${COMPARISON}
/* what was understood */
.word[data-role="thing"] { font-weight: 700; }
.word[data-role="said"] { font-style: italic; }
.word[data-role="silent"] { color: var(--soft); font-weight: 400; }
.word.guessed { outline: 1px dashed color-mix(in srgb, var(--ink) 45%, transparent); outline-offset: -2px; }
.word.kin { box-shadow: inset 0 0 0 1px var(--soft); }
.understood, .things { display: grid; gap: 6px; align-content: start; }
.mend { min-height: 26px; }
.mend select { font: inherit; font-size: 11px; color: var(--ink); background: var(--field); border: 1px solid var(--line); border-radius: 5px; max-width: 12em; }
.mend .plain, .thing > .plain, .own .run { box-shadow: inset 0 0 0 1px var(--line); }
.own { display: flex; flex-wrap: wrap; gap: 4px 6px; } .own > .row { width: 100%; }
.thing { margin: 0; padding: 5px 8px; display: flex; flex-wrap: wrap; gap: 4px 6px; align-items: center; border-radius: 8px; background: var(--field); box-shadow: inset 0 0 0 1px var(--line); }
.thing > .part:first-child { font-weight: 700; color: var(--strong); }
.thing em { font-style: normal; font-size: 11px; color: var(--soft); }
.part { display: inline-flex; align-items: center; max-width: 100%; border-radius: 5px; box-shadow: inset 0 0 0 1px var(--line); }
.part.unsure { box-shadow: none; outline: 1px dashed color-mix(in srgb, var(--ink) 45%, transparent); outline-offset: -1px; color: var(--soft); }
.part .name { padding: 1px 6px; overflow-wrap: anywhere; min-width: 0; }
.part .drop { padding: 2px 4px; color: var(--soft); display: inline-grid; } .part .drop .icon { width: 11px; height: 11px; }
.part button:hover { background: var(--hover); color: var(--strong); border-radius: 5px; }

/* the maps of all words */
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(92px, 1fr)); gap: 7px; align-content: start; }
.tile { display: grid; gap: 2px; min-width: 0; padding: 3px; border-radius: 7px; }
.tile canvas { width: 100%; height: auto; display: block; border-radius: 5px; background: var(--field); }
.tile span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding: 0 2px; color: var(--strong); }
.tile:hover, .tile.active { background: var(--hover); box-shadow: inset 0 0 0 1px var(--line); }
.tile[aria-pressed="true"] { background: color-mix(in srgb, var(--pin) 30%, var(--field)); box-shadow: inset 0 0 0 1.5px var(--pin); }

/* heads */
.headbox { display: grid; gap: 9px; align-content: start; }
.headgrid { overflow: auto; max-height: 100%; }
.headgrid canvas { display: block; cursor: pointer; border-radius: 5px; }
.headgrid canvas:focus-visible { outline-offset: -2px; }
.hint { font-size: 11px; color: var(--soft); margin: 0; min-height: 1.45em; }
.went { font-size: 11px; color: var(--soft); margin: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.hint b { color: var(--strong); font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; }

.empty { position: absolute; z-index: 4; inset: 0; display: grid; place-content: center; justify-items: center; gap: 12px; padding: 24px; text-align: center; color: var(--soft); background: var(--ground); }
.empty .icon { width: 34px; height: 34px; stroke-width: 1; opacity: .8; }
.empty p { margin: 0; max-width: 34ch; font-size: 13px; }
.empty .again { padding: 4px 12px; border-radius: 7px; box-shadow: inset 0 0 0 1px var(--line); color: var(--strong); }
.empty .again:hover { background: var(--hover); }
.earlier { margin: 0; align-self: start; padding: 2px 9px; border-radius: 6px; font-size: 11px; font-weight: 600; color: var(--strong); background: color-mix(in srgb, var(--doubt) 26%, var(--ground)); }
/* a narrow node */
@container viewer (max-width: 560px) {
  .grid { grid-template: max-content max-content / minmax(0, 1fr); align-content: start; gap: 12px; padding: 10px; overflow-y: auto; scrollbar-width: thin; }
  .view { flex: none; height: min(calc(100cqw - 20px), max(62cqh, 180px)); }
  .side .panel { overflow: visible; flex: none; }
  .side .prompt { max-height: none; }
}
@media (prefers-reduced-motion: no-preference) {
  .word, .choice button, .strip button { transition: background-color .12s, box-shadow .12s, opacity .12s; }
}
@media (forced-colors: active) {
  .word i, .word::after, .legend i, .spot li i::after { forced-color-adjust: none; }
  .word[aria-pressed="true"], .choice button[aria-checked="true"] { outline: 1px solid Highlight; }
}
`
