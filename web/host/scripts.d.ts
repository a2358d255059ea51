/** The host's scripts by their address relative to the extension, which holds below any path of a proxy. */

declare module '*/scripts/api.js' {
  export * from 'host/api.js'
}

declare module '*/scripts/app.js' {
  export * from 'host/app.js'
}
