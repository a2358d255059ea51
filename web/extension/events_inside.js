/** What is done inside a viewer is no affair of the canvas around it. */

/**
 * Vue nodes drag the node and zoom the graph by events of what is inside them, unless told otherwise.
 * @param {HTMLElement} element
 */
export function keepEventsInside(element) {
  element.dataset.captureWheel = 'true'
  for (const event of ['pointerdown', 'mousedown']) element.addEventListener(event, (heard) => heard.stopPropagation())
}
