/** The looks of a spot check. */

export const SPOT_CHECK_STYLE = `
.spot-check { display: flex; flex-direction: column; gap: 8px; padding: 12px; }
.spot-check:focus-visible { outline: 2px solid var(--accent); outline-offset: -3px; }
.spot-check p { margin: 0; }
.seen { flex: 1; min-height: 0; display: grid; place-items: center; }
.seen img { width: 100%; height: 100%; object-fit: contain; min-height: 0; }
.things { display: flex; flex-wrap: wrap; gap: 2px 12px; font-size: 11px; min-height: 16px; color: var(--soft); }
.thing { display: inline-flex; align-items: center; gap: 5px; overflow-wrap: anywhere; }
.thing i { width: 14px; border-top: 3px solid var(--colour); }
.sentence { font-size: 15px; line-height: 1.35; color: var(--strong); font-weight: 600; overflow-wrap: anywhere; }
.spot-check .faint { color: var(--soft); font-size: 11px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; flex: none; }
.answers { display: flex; gap: 8px; flex: none; }
.answers button { flex: 1; display: flex; align-items: center; justify-content: center; gap: 8px; padding: 7px; border-radius: 8px;
  background: var(--field); box-shadow: inset 0 0 0 1px var(--line); color: var(--strong); font-size: 13px; }
.answers button:hover { background: var(--hover); }
kbd { font: 600 11px/1.5 ui-monospace, monospace; padding: 0 5px; border-radius: 4px; background: var(--hover); box-shadow: inset 0 0 0 1px var(--line); color: var(--ink); }
.progress { display: flex; justify-content: space-between; align-items: center; gap: 8px; font-size: 11px; color: var(--soft); flex: none; }
.progress button { display: inline-flex; gap: 5px; padding: 2px 8px; border-radius: 6px; }
.progress button:disabled { visibility: hidden; }
.spot-check .empty { position: static; flex: 1; display: flex; flex-direction: column; gap: 8px; align-items: center; justify-content: center; text-align: center; }
`
