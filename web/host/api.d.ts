/** What the viewer's extension uses of the host's /scripts/api.js. For `npm run types` only. */

export declare const api: EventTarget & {
  /** An address of the server, with the base path of the page. */
  apiURL(route: string): string
  fetchApi(route: string, options?: RequestInit): Promise<Response>
}
