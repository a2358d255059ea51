/** What an artist sets for all viewers, in the host's own dialog. */

import { SCALE_NAMES } from '../viewer/colours.js'

/** @import { HostSetting } from '../../../scripts/app.js' */
/** @import { Viewer } from '../viewer/viewer.js' */

export const SETTINGS = {
  toast: 'SelAgg.Viewer.Toast',
  scale: 'SelAgg.Viewer.Scale',
  opacity: 'SelAgg.Viewer.Opacity',
}

/**
 * The settings as the host lists them.
 * @param {() => Viewer[]} viewers those that are open
 * @returns {HostSetting[]}
 */
export function settingsOf(viewers) {
  return [
    {
      id: SETTINGS.toast,
      category: ['SelAgg', 'Viewer', 'Toast'],
      name: 'Announce severe warnings',
      tooltip: 'A short message in the corner when a run ends with a severe warning.',
      type: 'boolean',
      defaultValue: true,
    },
    {
      id: SETTINGS.scale,
      category: ['SelAgg', 'Viewer', 'Scale'],
      name: 'Colours of maps',
      type: 'combo',
      options: SCALE_NAMES,
      defaultValue: 'inferno',
      /** @param {string} name */
      onChange: (name) => {
        for (const viewer of viewers()) viewer.scale = name
      },
    },
    {
      id: SETTINGS.opacity,
      category: ['SelAgg', 'Viewer', 'Opacity'],
      name: 'Opacity of maps (per cent)',
      type: 'slider',
      attrs: { min: 10, max: 100, step: 5 },
      defaultValue: 100,
      /** @param {number} value */
      onChange: (value) => {
        for (const viewer of viewers()) viewer.opacity = value / 100
      },
    },
  ]
}
