/**
 * The main entry for pages that count bytes (`tigon/web`): the same face, but devices are fetched when they are opened, so
 * that a page which runs on WebGPU does not load the CPU, and the other way round.
 *
 * Invariant: differs from `tigon` in `device` alone, and in what a page has to ask for: methods that bring much with them
 * (`tigon/methods`), optimizers by name.
 */
export * from './face.ts';
export * as device from './frontend/device-web.ts';
