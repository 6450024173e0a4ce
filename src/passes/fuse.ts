/**
 * Fusion: decides which values are stored, and which stored values share a loop nest; all else is recomputed in place.
 *
 * Walks from results to inputs, so that when a value is decided all its users are. Legality is decided by trial
 * lowering: a step that cannot be lowered, or whose reductions would not hoist, is taken back, with the reason noted.
 * Invariant: the units' dependences are acyclic after every step.
 */
import type { Caps } from '../codegen/caps.ts';
import { type Grain, grainOf } from '../codegen/grain.ts';
import { bytesOf } from '../ir/dtype.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { topological, usersOf } from '../ir/graph/graph.ts';
import type { Expr } from '../ir/loop/loop.ts';
import { visitExpr } from '../ir/loop/visit.ts';
import { windowAlignment } from '../ir/program/windows.ts';
import type { BufferTable } from './buffers.ts';
import { Drafts, MAX_MEMBERS } from './drafts.ts';
import {
  coneCosts,
  evaluationsBy,
  everyValue,
  isLongJoin,
  mustStore,
  rowValues,
} from './fusion-model.ts';
import { CannotLower, type Stored } from './lower.ts';
import { mergeNeighbours } from './neighbours.ts';
import { type Optimizer, optimizerOf } from './optimizer.ts';
import type { PassContext } from './pass.ts';
import type { Draft } from './shape-unit.ts';
import type { Unit } from './units.ts';

export interface Fused {
  readonly units: readonly Unit[];
  readonly buffers: BufferTable;
  readonly literals: readonly Node[];
  /** Where each stored value lives and the unit that computes it. */
  stored(node: Node): Stored | undefined;
}

/** At most this many distinct expressions in a nest for the sake of a concat. */
const MAX_CODE = 96;

export const fuse = (graph: Graph, caps: Caps, context: PassContext): Fused =>
  new Fusion(graph, caps, context).run();

class Fusion {
  readonly #context: PassContext;
  /** Whether every value has a unit of its own. */
  readonly #isApart: boolean;
  readonly #grain: Grain;
  readonly #order: readonly Node[];
  readonly #users: ReadonlyMap<Node, readonly Node[]>;
  readonly #required: ReadonlyMap<Node, string>;
  readonly #costs: ReadonlyMap<Node, number>;
  readonly #rows: ReadonlySet<Node>;
  readonly #optimizer: Optimizer;
  readonly #drafts: Drafts;
  readonly #evaluations = new Map<Node, number>();
  /** Maps that were decided to be computed in place with what is made of them. */
  readonly #together = new Set<Node>();

  constructor(graph: Graph, caps: Caps, context: PassContext) {
    this.#context = context;
    const isApart = context.without?.has('fuse') === true;
    this.#isApart = isApart;
    this.#grain = grainOf(caps);
    this.#order = topological(graph);
    this.#users = usersOf(graph);
    const required = mustStore(graph, this.#order, windowAlignment(caps));
    this.#required = isApart ? new Map([...everyValue(this.#order), ...required]) : required;
    this.#costs = coneCosts(this.#order, this.#grain.access);
    this.#rows = rowValues(this.#order);
    this.#optimizer = optimizerOf(graph, (node) => this.#required.has(node));
    this.#drafts = new Drafts(this.#order, this.#users, this.#required, caps);
  }

  run(): Fused {
    for (let i = this.#order.length - 1; i >= 0; i--) {
      const node = this.#order[i]!;
      if (node.op.name === 'input' || node.op.name === 'literal') continue;
      this.#decide(node);
      this.#drafts.decide(node);
    }
    if (!this.#isApart)
      mergeNeighbours(
        this.#drafts,
        (draft) => this.#optimizer.updates(draft.members),
        this.#context,
      );
    const units = new Map<Draft, Unit>();
    for (const draft of [...this.#drafts.all])
      for (const [part, unit] of this.#unitsOf(draft)) units.set(part, unit);
    return {
      units: [...units.values()],
      buffers: this.#drafts.buffers,
      literals: this.#order.filter((n) => n.op.name === 'literal'),
      stored: (node) => {
        const draft = this.#drafts.draftOf.get(node);
        if (draft !== undefined)
          return { buffer: this.#drafts.buffers.of(node), unit: units.get(draft) };
        return this.#drafts.buffers.has(node)
          ? { buffer: this.#drafts.buffers.of(node), unit: undefined }
          : undefined;
      },
    };
  }

  /** What was inlined after a draft was tried can make it impossible: then each of its members gets a unit of its own. */
  #unitsOf(draft: Draft): readonly (readonly [Draft, Unit])[] {
    if (draft.loop) return [[draft, loopUnit(draft)]];
    const nodes = new Set(draft.members);
    if (draft.contract !== undefined) nodes.add(draft.contract);
    try {
      return [[draft, this.#drafts.shape(draft).unit]];
    } catch (error) {
      if (!(error instanceof CannotLower) || nodes.size === 1) throw error;
      this.#context.note(
        `${describe(draft.members[0]!)} and what was fused with it stay apart: ${error.message}`,
      );
    }
    this.#drafts.all.delete(draft);
    for (const node of nodes) this.#drafts.store(node);
    return [...nodes].flatMap((node) => this.#unitsOf(this.#drafts.draftOf.get(node)!));
  }

  #decide(node: Node): void {
    const homes = this.#drafts.homesOf(node);
    this.#evaluations.set(node, this.#evaluationsOf(node));
    const reason = this.#required.get(node);
    if (reason === undefined) this.#decideBy(node, homes);
    else {
      if (homes.size > 0) this.#context.note(`${describe(node)} is stored: ${reason}`);
      this.#drafts.store(node);
    }
  }

  #decideBy(node: Node, homes: Set<Draft>): void {
    switch (node.op.kind) {
      case 'leaf':
        this.#drafts.inline(node, homes);
        break;
      case 'view':
        if (node.op.name === 'concat' || node.op.name === 'pad') this.#decideMap(node, homes);
        else this.#drafts.inline(node, homes);
        break;
      case 'map':
      case 'gather':
        this.#decideMap(node, homes);
        break;
      case 'reduce':
        if (this.#isWindow(node)) this.#decideMap(node, homes);
        else this.#decideReduce(node, homes);
        break;
      case 'contract':
        this.#decideContract(node, homes);
        break;
      case 'scatter':
      case 'running':
      case 'loop':
        this.#drafts.store(node);
        break;
      case 'composite':
        throw new Error(`${node.op.name} must be decomposed before fusion`);
      default:
        node.op.kind satisfies never;
    }
  }

  /** Cheap values are recomputed in every unit that needs them; dear ones are stored once. */
  #decideMap(node: Node, homes: Set<Draft>): void {
    const size = node.type.size;
    const evaluations = this.#evaluations.get(node)!;
    const cost = this.#costs.get(node)!;
    const { access, again: launch, trifle } = this.#grain;
    const again = cost * evaluations;
    const once = cost * size + access * (2 * size + evaluations);
    const twice = evaluations <= (this.#isWindow(node) ? 1 : 2) * size;
    if (isLongJoin(node)) {
      this.#context.note(`${describe(node)} is stored: it joins ${node.inputs.length} arrays`);
      this.#drafts.store(node);
      return;
    }
    if (node.op.name === 'concat' && [...homes].some((h) => this.#codeSize(h, node) > MAX_CODE)) {
      this.#context.note(`${describe(node)} is stored: choosing among its parts again and again`);
      this.#drafts.store(node);
      return;
    }
    if (this.#together.has(node)) {
      this.#drafts.inline(node, homes);
      return;
    }
    const overfull = this.#overfull(homes, node);
    if (overfull !== undefined && this.#inlineWithCone(node, homes)) return;
    if (overfull !== undefined) {
      this.#context.note(`${describe(node)} is stored: ${overfull}`);
      this.#drafts.store(node);
      return;
    }
    const inOneUnit = homes.size === 1 && (twice || again - once < launch);
    if (inOneUnit || again <= 1.1 * once || again - once < trifle) {
      this.#drafts.inline(node, homes);
      return;
    }
    if (homes.size > 1 && this.#savesWork(homes, node) && this.#tryMerge(homes, node)) return;
    this.#context.note(
      `${describe(node)} is stored: ${homes.size} kernels need it and computing it again costs ${Math.round(again / once)}x`,
    );
    this.#drafts.store(node);
  }

  /** Why `node` cannot be computed in place, if it brings a unit more operands than its launch may bind. */
  #overfull(homes: Set<Draft>, node: Node): string | undefined {
    if (node.inputs.length < 2) return undefined;
    for (const home of homes) {
      const reason = this.#drafts.overfull(home, node);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /**
   * Computes `node` in place with all maps that are needed nowhere else: a formula has many intermediate values, which
   * would be too many operands, and is made of few. False where that is too many, too.
   */
  #inlineWithCone(node: Node, homes: Set<Draft>): boolean {
    const [home, another] = homes;
    if (home === undefined || another !== undefined) return false;
    const cone = new Set([node]);
    const isIn = (user: Node): boolean => {
      const draft = this.#drafts.draftOf.get(user);
      const homes = this.#drafts.homes.get(user);
      return draft === undefined ? homes?.size === 1 && homes.has(home) : draft === home;
    };
    for (let i = this.#order.indexOf(node) - 1; i >= 0; i--) {
      const x = this.#order[i]!;
      if (x.op.kind !== 'map' || this.#required.has(x)) continue;
      if (this.#users.get(x)!.every((user) => cone.has(user) || isIn(user))) cone.add(x);
    }
    if (!this.#drafts.fits(home, [...cone])) return false;
    for (const x of cone) {
      this.#together.add(x);
      this.#drafts.inline(x, new Set(homes));
      this.#drafts.decide(x);
    }
    return true;
  }

  /** Distinct expressions of a unit with `node` computed in place: each part of a concat reads what is below elsewhere. */
  #codeSize(draft: Draft, node: Node): number {
    const count = this.#drafts.supposing(node, () => {
      const seen = new Set<Expr>();
      for (const value of this.#drafts.shape(draft).unit.values) visitExpr(value, {}, seen);
      return seen.size;
    });
    return count instanceof CannotLower ? 0 : count;
  }

  /** Windows overlap or not, but each holds few elements: they are computed again like maps. */
  #isWindow(node: Node): boolean {
    return node.op.kind === 'reduce' && node.attrs['kernel'] !== undefined;
  }

  /** A reduction joins its consumers when it can be computed once per row of them. */
  #decideReduce(node: Node, homes: Set<Draft>): void {
    const forOptimizer = homes.size > 0 && [...homes].every((d) => this.#keepsApart(d, node));
    if (forOptimizer) this.#context.note(keptForOptimizer(node));
    else if (homes.size > 1) {
      if (this.#tryMerge(homes, node)) return;
    } else {
      const [home] = homes;
      if (home !== undefined && this.#tryInline(node, home)) return;
    }
    this.#drafts.store(node);
  }

  /** A contraction takes its consumers as epilogue when they use it element for element. */
  #decideContract(node: Node, homes: Set<Draft>): void {
    const drafts = [...homes];
    if (
      drafts.length > 0 &&
      drafts.every((d) => !d.loop && d.contract === undefined && !this.#keepsApart(d, node))
    ) {
      const merged = this.#drafts.merged(drafts, node);
      const reason = this.#drafts.illegal(drafts, node) ?? this.#drafts.lowerable(merged, node);
      if (reason === undefined) {
        this.#drafts.replace(drafts, merged);
        this.#drafts.homes.set(node, new Set([merged]));
        return;
      }
      this.#context.note(`${describe(node)} keeps its result apart: ${reason}`);
    } else if (drafts.some((d) => this.#keepsApart(d, node)))
      this.#context.note(keptForOptimizer(node));
    this.#storeWithEpilogue(node);
  }

  /** Stores, instead of the contraction's result, what the maps that only it feeds make of it (bias, activation). */
  #storeWithEpilogue(node: Node): void {
    let last = node;
    for (;;) {
      const users = this.#users.get(last)!;
      const next = users[0];
      if (users.length !== 1 || next === undefined || next.op.kind !== 'map') break;
      if (this.#drafts.draftOf.has(next) || next.type.shape.join() !== node.type.shape.join())
        break;
      last = next;
    }
    for (; last !== node; last = last.inputs.find((x) => this.#feeds(node, x))!)
      if (this.#drafts.tryEpilogue(last, node)) return;
    this.#drafts.store(node);
  }

  /** Whether `node` is `from` or computed from it by maps alone. */
  #feeds(from: Node, node: Node): boolean {
    return (
      node === from || (node.op.kind === 'map' && node.inputs.some((x) => this.#feeds(from, x)))
    );
  }

  /**
   * Whether `node` is stored for a draft that updates states: where they share a launch, and where it is made of the
   * state itself, which could not be updated in place then.
   */
  #keepsApart(draft: Draft, node: Node): boolean {
    const { updates, readsState } = this.#optimizer;
    if (!updates(draft.members)) return false;
    return this.#grain.updatesApart || readsState(node, draft.members);
  }

  /** Whether one unit would compute `node` at fewer positions than its users do apart. */
  #savesWork(homes: Set<Draft>, node: Node): boolean {
    const drafts = [...homes];
    const saves = this.#drafts.supposing(node, () => {
      const positions = (draft: Draft): number => this.#drafts.shape(draft).positionsOf(node);
      const apart = drafts.reduce((sum, d) => sum + positions(d), 0);
      return positions(this.#drafts.merged(drafts, undefined)) < apart;
    });
    return saves === true;
  }

  #tryMerge(homes: Set<Draft>, node: Node): boolean {
    const drafts = [...homes];
    if (drafts.some((d) => d.scatter || d.loop) || drafts.filter((d) => d.contract).length > 1)
      return false;
    const merged = this.#drafts.merged(drafts, undefined);
    if (merged.members.length > MAX_MEMBERS) return false;
    const reason = this.#drafts.illegal(drafts, undefined) ?? this.#drafts.lowerable(merged, node);
    if (reason !== undefined) {
      this.#context.note(`${describe(node)}: its ${drafts.length} users stay apart: ${reason}`);
      return false;
    }
    this.#drafts.replace(drafts, merged);
    this.#drafts.inline(node, new Set([merged]));
    return true;
  }

  #tryInline(node: Node, home: Draft): boolean {
    const reason = this.#drafts.lowerable(home, node);
    if (reason !== undefined) {
      this.#context.note(`${describe(node)} is stored: ${reason}`);
      return false;
    }
    this.#drafts.inline(node, new Set([home]));
    return true;
  }

  /**
   * How often a value is computed if it is not stored. Uses at the same position in one unit share the computation:
   * maps read where they write, and a reduction is computed once per row whoever asks.
   */
  #evaluationsOf(node: Node): number {
    // What is one value a row is computed once for each unit that has it.
    if (this.#rows.has(node)) return node.type.size * this.#drafts.homesOf(node).size;
    let apart = 0;
    const shared = new Map<Draft | undefined, number>();
    for (const user of this.#users.get(node) ?? []) {
      const own = this.#drafts.draftOf.get(user);
      const times = evaluationsBy(
        user,
        node,
        own === undefined ? (this.#evaluations.get(user) ?? 0) : user.type.size,
      );
      if (user.op.kind !== 'map') apart += times;
      else
        for (const home of own === undefined ? (this.#drafts.homes.get(user) ?? []) : [own])
          shared.set(home, Math.max(times, shared.get(home) ?? 0));
    }
    for (const times of shared.values()) apart += times;
    return apart;
  }
}

/** What stands for a result of a loop among the units. */
const loopUnit = ({ id, members: [node] }: Draft): Unit => ({
  id,
  axes: [],
  members: [{ node: node!, index: [] }],
  values: [],
  contract: undefined,
  scatter: undefined,
  loop: true,
});

const keptForOptimizer = (node: Node): string =>
  `${describe(node)} keeps its result apart: the optimizer is one kernel for all parameters`;

const describe = (node: Node): string =>
  `${node.op.name} [${node.type.shape.join(', ')}] (${node.type.size * bytesOf(node.type.dtype)} bytes)`;
