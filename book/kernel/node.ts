/**
 * Modules of cells in Node: the framework, by the names that its package exports.
 *
 * Invariant: nothing else can be imported, because a page could not.
 */
export const nodeModules = async (specifier: string): Promise<object> => {
  if (specifier !== 'tigon' && !specifier.startsWith('tigon/'))
    throw new Error(
      `cells import 'tigon' and its parts ('tigon/nn', …), not '${specifier}': they run in pages, too`,
    );
  return (await import(specifier)) as object;
};

/** Makes the device of that name the one where arrays are made. */
export const useDevice = async (
  modules: (specifier: string) => Promise<object>,
  name: 'cpu' | 'webgpu' | 'cuda',
): Promise<void> => {
  const { device } = (await modules('tigon')) as typeof import('tigon');
  device.setDefault(await device[name]());
};
