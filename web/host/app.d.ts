/** What the viewer's extension uses of the host's /scripts/app.js. For `npm run types` only. */

import type { HostCanvas, HostGraph, HostLink, HostMenuItem, HostOutput } from './graph.js'

export type { BoundarySlot, HostCanvas, HostGraph, HostLink, HostMenuItem, HostOutput } from './graph.js'

export interface HostNode {
  id: number | string
  constructor: Function & { nodeData?: { output_node?: boolean } }
  comfyClass: string
  type: string
  title: string
  /** 0 runs, 2 is muted, 4 is bypassed. */
  mode: number
  pos: ArrayLike<number> & { [place: number]: number }
  size: [width: number, height: number]
  graph: HostGraph | null
  outputs?: HostOutput[]
  /** Of the frontend alone: it stands for other nodes, or for none. */
  isVirtualNode?: boolean
  /** What a node of the kind "subgraph" holds. */
  subgraph?: HostGraph
  properties?: Record<string, unknown>
  flags?: { collapsed?: boolean }
  getInputLink?(slot: number): HostLink | null | undefined
  connect(slot: number, node: HostNode, targetSlot: number, afterRerouteId?: number): HostLink | null | undefined
  disconnectInput(slot: number, keepReroutes?: boolean): boolean
  getTitle?(): string
  computeSize?(): [width: number, height: number]
  hideOutputImages?: boolean
  onDrawBackground?: () => void
  onExecuted?: (this: HostNode, message: any, ...others: unknown[]) => void
  onRemoved?: (this: HostNode, ...others: unknown[]) => void
  onSerialize?: (this: HostNode, saved: { widgets_values?: unknown[] }, ...others: unknown[]) => void
  widgets?: HostWidget[]
  inputs?: HostInput[]
  setSize(size: [width: number, height: number]): void
  addDOMWidget(
    name: string,
    type: string,
    element: HTMLElement,
    options: {
      serialize?: boolean
      hideOnZoom?: boolean
      getMinHeight?: () => number
      getValue?: () => string
      setValue?: (value: string) => void
    }
  ): HostWidget
}

export interface HostWidget {
  name: string
  label?: string
  type?: string
  value: unknown
  serialize?: boolean
  options?: { multiline?: boolean; values?: unknown; advanced?: boolean }
  hidden?: boolean
  linkedWidgets?: HostWidget[]
  callback?: (value: unknown) => void
}

export interface HostInput {
  name: string
  type: unknown
  link?: number | null
  widget?: { name: string }
}

export interface HostSetting<Value = any> {
  id: string
  category: string[]
  name: string
  tooltip?: string
  type: 'boolean' | 'combo' | 'slider'
  options?: string[]
  attrs?: { min: number; max: number; step: number }
  defaultValue: Value
  onChange?: (value: Value) => void
}

export interface HostCommand {
  id: string
  label: string
  icon?: string
  function: () => void
}

export interface HostExtension {
  name: string
  settings?: HostSetting[]
  commands?: HostCommand[]
  keybindings?: { commandId: string; combo: { key: string; ctrl?: boolean; shift?: boolean; alt?: boolean } }[]
  menuCommands?: { path: string[]; commands: string[] }[]
  getCanvasMenuItems?: () => (HostMenuItem | null)[]
  getNodeMenuItems?: (node: HostNode) => (HostMenuItem | null)[]
  getSelectionToolboxCommands?: (item: unknown) => string[]
  setup?: () => Promise<void>
  nodeCreated?: (node: HostNode) => void
  loadedGraphNode?: (node: HostNode) => void
}

export interface ChangeTracker {
  beforeChange?(): void
  afterChange?(): void
  undo?(): Promise<void>
  /** The workflow as it was saved last for undo. */
  activeState?: unknown
}

/** A node of a request for a run. */
export interface ApiNode {
  class_type: string
  inputs: Record<string, unknown>
}

export declare const app: {
  graph: HostGraph | null
  rootGraph?: HostGraph | null
  canvas: HostCanvas
  /** Hosts that ask extensions for items of their menus have these. */
  collectNodeMenuItems?: unknown
  collectCanvasMenuItems?: unknown
  graphToPrompt(): Promise<{ output: Record<string, ApiNode>; workflow: unknown }>
  /** Hosts older than the viewer have none. */
  extensionManager: {
    setting: { get(id: string): any }
    toast: { add(message: { severity: string; summary: string; detail: string; life: number }): void }
    workflow?: { activeWorkflow?: { changeTracker?: ChangeTracker | null } | null }
  }
  queuePrompt(number: number): Promise<unknown>
  registerExtension(extension: HostExtension): void
}

/** The library of the canvas, which the host's page has by this name. */
declare global {
  interface Window {
    LiteGraph: { createNode(type: string): HostNode | null; vueNodesMode?: boolean }
  }
}
