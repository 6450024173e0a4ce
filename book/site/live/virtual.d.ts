/** Made by the bundler from the package's exports: see ../config/parts.ts. */
declare module 'virtual:tigon-modules' {
  export const parts: Readonly<Record<string, () => Promise<object>>>;
}
