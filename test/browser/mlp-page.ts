/**
 * The page of `mlp.ts`: trains it on WebGPU and posts what came of it to the server it is from.
 *
 * Invariant: posts once, whatever happens.
 */
import { device } from 'tigon/web';
import { train } from './mlp.ts';

const answer = async (): Promise<object> => {
  device.setDefault(await device.webgpu());
  return { device: device.default().name, ...(await train(60)) };
};

void answer()
  .catch((error: Error) => ({ error: String(error.stack ?? error) }))
  .then((result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) }));
