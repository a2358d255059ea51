/** The looks of what was tried, before and after. */

export const COMPARISON = `
/* before and after something was tried */
.comparison { position: absolute; z-index: 3; inset: -2px; padding: 2px; display: flex; flex-direction: column; gap: 8px; background: var(--ground); container: stage / size; }
.comparison > .row b { color: var(--strong); font-weight: 600; min-width: 0; overflow-wrap: anywhere; flex: 1; }
.comparison > .row .end { display: flex; gap: 4px; } .comparison .plain { box-shadow: inset 0 0 0 1px var(--line); padding: 2px 9px; }
.comparison > .rooms { flex: 1; min-height: 0; display: grid; gap: 8px; grid-template-columns: minmax(0, 1fr); }
.comparison > .rooms.of2 { grid-template-rows: repeat(2, minmax(0, 1fr)); }
@container stage (min-aspect-ratio: 5/4) { .comparison > .rooms.of2 { grid-template: minmax(0, 1fr) / repeat(2, minmax(0, 1fr)); } }
.comparison .room { min-height: 0; display: grid; place-items: center; container: room / size; }
.comparison > .effect { margin: 0; color: var(--strong); }
.both { position: relative; overflow: hidden; border-radius: 7px; box-shadow: 0 0 0 1px var(--line); line-height: 0; aspect-ratio: var(--wide) / var(--high);
  width: min(100cqw, 100cqh * var(--wide) / var(--high)); }
.both img { position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: auto; }
.both .before { clip-path: inset(0 calc(100% - var(--share)) 0 0); }
.both .edge { position: absolute; top: 0; bottom: 0; left: var(--share); width: 2px; margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / .5); pointer-events: none; }
.both .tag { position: absolute; top: 8px; left: 8px; padding: 1px 7px; border-radius: 5px; line-height: 1.6; font-size: 11px; background: rgb(14 15 19 / .8); color: #f3f3f1; pointer-events: none; }
.both .tag.after { left: auto; right: 8px; }
.both .wipe { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; direction: ltr; touch-action: none; }
.both:focus-within { outline: 2px solid var(--accent); outline-offset: 2px; }
.comparison > dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 1px 12px; margin: 0; }
.comparison dt { color: var(--soft); } .comparison dd { margin: 0; color: var(--strong); }
`
