/** What the viewer's extension uses of the host's /scripts/app.js. For `npm run types` only. */

export interface HostNode {
  id: number | string
  comfyClass: string
  size: [width: number, height: number]
  graph: HostGraph | null
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
  value: unknown
  serialize?: boolean
  callback?: (value: unknown) => void
}

export interface HostInput {
  name: string
  type: unknown
  link?: number | null
  widget?: { name: string }
}

export interface HostGraph {
  id?: string
  setDirtyCanvas?(front: boolean, back: boolean): void
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

export interface HostExtension {
  name: string
  settings?: HostSetting[]
  setup?: () => Promise<void>
  nodeCreated?: (node: HostNode) => void
  loadedGraphNode?: (node: HostNode) => void
}

export declare const app: {
  graph: HostGraph | null
  rootGraph?: HostGraph | null
  /** Hosts older than the viewer have none. */
  extensionManager: {
    setting: { get(id: string): any }
    toast: { add(message: { severity: string; summary: string; detail: string; life: number }): void }
  }
  queuePrompt(number: number): Promise<unknown>
  registerExtension(extension: HostExtension): void
}
