/** What the extension uses of the graph that the host edits. For `npm run types` only. */

import type { HostNode } from './app.js'

export interface HostLink {
  id: number
  origin_id: number | string
  origin_slot: number
  target_id: number | string
  target_slot: number
  /** The last reroute that the wire goes through. */
  parentId?: number
}

export interface HostOutput {
  name: string
  type: unknown
  links?: number[] | null
}

/** An input or output of a subgraph, as it is seen from inside. */
export interface BoundarySlot {
  name: string
  type: unknown
  linkIds: number[]
  connect(slot: unknown, node: HostNode, afterRerouteId?: number): HostLink | null | undefined
}

export interface HostGraph {
  id?: string
  nodes: HostNode[]
  _nodes: HostNode[]
  add(node: HostNode): unknown
  remove(node: HostNode): void
  getNodeById(id: number | string): HostNode | null | undefined
  getLink?(id: number): HostLink | null | undefined
  links: Map<number, HostLink> & Record<number, HostLink>
  setDirtyCanvas?(front: boolean, back: boolean): void
  /** Of a subgraph only. */
  inputs?: BoundarySlot[]
  outputs?: BoundarySlot[]
  inputNode?: { id: number | string }
  outputNode?: { id: number | string }
  addOutput?(name: string, type: string): BoundarySlot
  removeOutput?(slot: BoundarySlot): void
}

export interface HostCanvas {
  canvas: HTMLCanvasElement
  graph: HostGraph | null
  selectedItems?: Set<unknown>
  getCanvasMenuOptions(...told: unknown[]): (HostMenuItem | null)[]
  getNodeMenuOptions(node: HostNode): (HostMenuItem | null)[]
  setGraph?(graph: HostGraph): void
  selectNode?(node: HostNode, add?: boolean): void
  deselectAll?(): void
  animateToBounds?(bounds: ArrayLike<number>, options?: object): void
  centerOnNode?(node: HostNode): void
  setDirty(front: boolean, back: boolean): void
}

export interface HostMenuItem {
  content: string
  callback: () => void
}
