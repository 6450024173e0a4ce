/**
 * Packages of Debian and Ubuntu, for a machine that is ours to set up: root, with apt.
 *
 * Invariant: bounded in time and quiet; what went wrong is returned as text. Of apt's sources it only adds the
 * backports of Debian 12, from the mirror that is configured already.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const SOURCES = '/etc/apt/sources.list.d';
const LINES = '/etc/apt/sources.list';
const ADDED = `${SOURCES}/tigon-backports.sources`;
const LIMIT_MS = 240_000;

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** Why packages cannot be installed here, if they cannot. */
const aptRefusal = (): string | undefined => {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get')) return 'there is no apt-get';
  return process.getuid?.() === 0 ? undefined : 'only root can install packages';
};

/** `bookworm` on Debian 12. */
const codename = (): string | undefined =>
  /^VERSION_CODENAME=(.*)$/m.exec(read('/etc/os-release'))?.[1];

/** What apt knows: blocks of `.sources` files, and the list of lines. */
const stanzas = (): string[] =>
  (existsSync(SOURCES) ? readdirSync(SOURCES) : [])
    .filter((file) => file.endsWith('.sources'))
    .flatMap((file) => read(`${SOURCES}/${file}`).split(/\n\s*\n/));

/** The source of the release itself with its suite exchanged for the backports. */
const backportsOf = (release: string): string | undefined => {
  const suites = `${release}-backports`;
  const own = new RegExp(`^Suites:(.* )?${release}( |$)`, 'm');
  const stanza = stanzas().find((text) => own.test(text));
  if (stanza !== undefined)
    return `${stanza.trim().replace(/^Suites:.*$/m, `Suites: ${suites}`)}\n`;
  const line = new RegExp(`^deb(?: \\[.*\\])? (\\S+) ${release} `, 'm');
  const mirror = line.exec(read(LINES))?.[1];
  return mirror === undefined
    ? undefined
    : `Types: deb\nURIs: ${mirror}\nSuites: ${suites}\nComponents: main\n`;
};

/** Makes the backports of `release` known, if they are not; what stands in the way, if anything does. */
const addBackports = (release: string): string | undefined => {
  const known = new RegExp(`^(Suites:|deb ).*\\b${release}-backports\\b`, 'm');
  if ([...stanzas(), read(LINES)].some((text) => known.test(text))) return undefined;
  const source = backportsOf(release);
  if (source === undefined) return `no mirror of ${release} is known for its backports`;
  writeFileSync(ADDED, source);
  return undefined;
};

/** Somebody else may be installing something. */
const PATIENT = ['-o', 'DPkg::Lock::Timeout=120'];

const apt = (...args: readonly string[]): string | undefined => {
  const { status, error, stderr } = spawnSync('apt-get', ['-qq', ...PATIENT, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: LIMIT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return undefined;
  const said = error?.message ?? stderr.trim().split('\n').at(-1);
  return `apt-get ${args[0]}: ${said || `ended with ${status}`}`;
};

export interface Wanted {
  readonly packages: readonly string[];
  /** Releases whose own packages are too old: there they come from the backports. */
  readonly tooOld?: readonly string[];
}

/** Installs the packages; what went wrong, if anything did. */
export const aptInstall = ({ packages, tooOld = [] }: Wanted): string | undefined => {
  const refusal = aptRefusal();
  if (refusal !== undefined) return refusal;
  const release = codename();
  const backports = release !== undefined && tooOld.includes(release);
  const target = backports ? ['-t', `${release}-backports`] : [];
  return (
    (backports ? addBackports(release) : undefined) ??
    apt('update') ??
    apt('install', '-y', '--no-install-recommends', ...target, ...packages)
  );
};
