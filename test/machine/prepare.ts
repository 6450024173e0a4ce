/**
 * Makes the machine ready in a process of its own, so that tests which need nothing of it run meanwhile: `prepare.ts NEEDED`.
 *
 * Invariant: what it writes is the machine, as JSON, and nothing else.
 */
import { type Needed, prepareMachine } from './machine.ts';

process.stdout.write(JSON.stringify(prepareMachine(JSON.parse(process.argv[2]!) as Needed)));
