/**
 * Where viewers are in the page, for those that come after them: Vue nodes keep their place when a step is undone,
 * and with it the element of a node that is no more.
 */

/** @import { HostNode } from '../../scripts/app.js' */

/** The host has drawn its nodes by then, if it draws them anew. */
const SOON = 300

export class KeptPlaces {
  /** By the number of the node. @type {Map<string, Element>} */
  #places = new Map()

  /** A node goes. @param {HostNode} node @param {HTMLElement} element */
  leave(node, element) {
    if (element.parentElement?.isConnected) this.#places.set(String(node.id), element.parentElement)
  }

  /** A node is there again: where the host does not put its element in, it takes the place of the one before. @param {HostNode} node @param {HTMLElement} element */
  take(node, element) {
    const place = this.#places.get(String(node.id))
    this.#places.delete(String(node.id))
    if (!place) return
    setTimeout(() => {
      if (!element.isConnected && place.isConnected && !place.childElementCount) place.append(element)
    }, SOON)
  }
}
