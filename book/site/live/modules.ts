/**
 * What cells can import in a page: the framework's parts, each fetched when a cell imports it.
 *
 * Invariant: `virtual:tigon-modules` has every subpath that the package exports and pages can run.
 */
import { parts } from 'virtual:tigon-modules';

export const loadModule = async (specifier: string): Promise<object> => {
  const load = parts[specifier];
  if (load !== undefined) return await load();
  throw new Error(
    `there is no '${specifier}' here; cells import ${Object.keys(parts)
      .map((name) => `'${name}'`)
      .join(', ')}`,
  );
};
