/**
 * `#verify` in Node: `TIGON_VERIFY=1` checks every stage of every program with its level's verifier, for tests and hunts
 * for bugs.
 *
 * Invariant: without the variable, nothing is looked at.
 */
import type { Caps } from '../../codegen/caps.ts';
import { verifyGraph } from '../../ir/graph/verify.ts';
import type { LoopKernel } from '../../ir/loop/loop.ts';
import { verifyKernel } from '../../ir/loop/verify.ts';
import { verifyProgram } from '../../ir/program/verify.ts';
import { verifyThread } from '../../ir/thread/verify.ts';
import type { Stage } from '../stage.ts';

/** Throws the `VerifyError` of the first stage that breaks a rule. */
export const verifyStages = (stages: readonly Stage[], caps: Caps): void => {
  if (process.env['TIGON_VERIFY'] !== '1') return;
  for (const stage of stages) verifyStage(stage, caps);
};

/** Kernels that keep the rules: several stages are made of the same ones. */
const passed = new WeakSet<LoopKernel>();

const verifyStage = (stage: Stage, caps: Caps): void => {
  switch (stage.level) {
    case 'graph':
      verifyGraph(stage.graph);
      break;
    case 'loop':
      for (const kernel of stage.kernels) {
        if (passed.has(kernel)) continue;
        verifyKernel(kernel);
        passed.add(kernel);
      }
      break;
    case 'thread':
      for (const kernel of stage.kernels) verifyThread(kernel, caps);
      break;
    case 'program':
      verifyProgram(stage.program, caps);
      break;
    default:
      stage satisfies never;
  }
};
