/**
 * Fusion: decides which values are stored, and which stored values share a loop nest; all else is recomputed in place.
 *
 * Walks from results to inputs, so that when a value is decided all its users are. Legality is decided by trial
 * lowering: a step that cannot be lowered, or whose reductions would not hoist, is taken back, with the reason noted.
 * Invariant: the units' dependences are acyclic after every step.
 */
import type { Caps } from '../codegen/caps.ts';
import { bytesOf } from '../ir/dtype.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { topological, usersOf } from '../ir/graph/graph.ts';
import type { Expr } from '../ir/loop/loop.ts';
import { visitExpr } from '../ir/loop/visit.ts';
import { BufferTable } from './buffers.ts';
import { coneCosts, evaluationsBy, mustStore, rowValues } from './fusion-model.ts';
import { CannotLower, type Stored } from './lower.ts';
import type { PassContext } from './pass.ts';
import { type Draft, shapeUnit } from './shape-unit.ts';
import type { Unit } from './units.ts';

export interface Fused {
  readonly units: readonly Unit[];
  readonly buffers: BufferTable;
  readonly literals: readonly Node[];
  /** Where each stored value lives and the unit that computes it. */
  stored(node: Node): Stored | undefined;
}

/** Multiply-adds below which computing a value again is cheaper than another buffer. */
const SMALL_WORK = 1 << 14;
/** Multiply-adds that are not worth a buffer even when several units compute the value. */
const TRIFLE = 256;
/** At most this many stores in one nest. */
const MAX_MEMBERS = 8;
/** At most this many distinct expressions in a nest for the sake of a concat. */
const MAX_CODE = 96;

export const fuse = (graph: Graph, caps: Caps, context: PassContext): Fused =>
  new Fusion(graph, caps, context).run();

class Fusion {
  readonly #caps: Caps;
  readonly #context: PassContext;
  readonly #buffers = new BufferTable();
  /** Stand-ins for values that are not decided yet. */
  readonly #pending = new BufferTable();
  readonly #order: readonly Node[];
  readonly #users: ReadonlyMap<Node, readonly Node[]>;
  readonly #required: ReadonlyMap<Node, string>;
  readonly #costs: ReadonlyMap<Node, number>;
  readonly #rows: ReadonlySet<Node>;
  readonly #optimizer: ReadonlySet<Node>;
  /** Nodes not yet decided are loaded by trial lowerings. */
  readonly #decided = new Set<Node>();
  readonly #drafts = new Set<Draft>();
  readonly #draftOf = new Map<Node, Draft>();
  /** For inlined nodes: drafts that compute them. */
  readonly #homes = new Map<Node, Set<Draft>>();
  readonly #evaluations = new Map<Node, number>();
  #nextDraft = 0;

  constructor(graph: Graph, caps: Caps, context: PassContext) {
    this.#caps = caps;
    this.#context = context;
    this.#order = topological(graph);
    this.#users = usersOf(graph);
    this.#required = mustStore(graph, this.#order);
    this.#costs = coneCosts(this.#order);
    this.#rows = rowValues(this.#order);
    const outputs = new Set(graph.outputs);
    this.#optimizer = new Set(
      graph.assigns.map((a) => a.value).filter((v) => v.op.kind === 'map' && !outputs.has(v)),
    );
    for (const node of this.#order)
      if (node.op.name === 'input' || node.op.name === 'literal') this.#buffers.of(node);
  }

  run(): Fused {
    for (let i = this.#order.length - 1; i >= 0; i--) {
      const node = this.#order[i]!;
      if (node.op.name === 'input' || node.op.name === 'literal') continue;
      this.#decide(node);
      this.#decided.add(node);
    }
    this.#mergeNeighbours();
    const units = new Map<Draft, Unit>();
    for (const draft of [...this.#drafts])
      for (const [part, unit] of this.#unitsOf(draft)) units.set(part, unit);
    return {
      units: [...units.values()],
      buffers: this.#buffers,
      literals: this.#order.filter((n) => n.op.name === 'literal'),
      stored: (node) => {
        const draft = this.#draftOf.get(node);
        if (draft !== undefined) return { buffer: this.#buffers.of(node), unit: units.get(draft) };
        return this.#buffers.has(node)
          ? { buffer: this.#buffers.of(node), unit: undefined }
          : undefined;
      },
    };
  }

  /** What was inlined after a draft was tried can make it impossible: then each of its members gets a unit of its own. */
  #unitsOf(draft: Draft): readonly (readonly [Draft, Unit])[] {
    const nodes = new Set(draft.members);
    if (draft.contract !== undefined) nodes.add(draft.contract);
    try {
      return [[draft, this.#shape(draft).unit]];
    } catch (error) {
      if (!(error instanceof CannotLower) || nodes.size === 1) throw error;
      this.#context.note(
        `${describe(draft.members[0]!)} and what was fused with it stay apart: ${error.message}`,
      );
    }
    this.#drafts.delete(draft);
    for (const node of nodes) this.#store(node);
    return [...nodes].flatMap((node) => this.#unitsOf(this.#draftOf.get(node)!));
  }

  #decide(node: Node): void {
    const homes = this.#homesOf(node);
    this.#evaluations.set(node, this.#evaluationsOf(node));
    const reason = this.#required.get(node);
    if (reason === undefined) this.#decideBy(node, homes);
    else {
      if (homes.size > 0) this.#context.note(`${describe(node)} is stored: ${reason}`);
      this.#store(node);
    }
  }

  #decideBy(node: Node, homes: Set<Draft>): void {
    switch (node.op.kind) {
      case 'leaf':
        this.#inline(node, homes);
        break;
      case 'view':
        if (node.op.name === 'concat' || node.op.name === 'pad') this.#decideMap(node, homes);
        else this.#inline(node, homes);
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
        this.#store(node);
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
    const again = cost * evaluations;
    const once = cost * size + 2 * size + evaluations;
    const twice = evaluations <= (this.#isWindow(node) ? 1 : 2) * size;
    if (node.op.name === 'concat' && [...homes].some((h) => this.#codeSize(h, node) > MAX_CODE)) {
      this.#context.note(`${describe(node)} is stored: choosing among its parts again and again`);
      this.#store(node);
      return;
    }
    const inOneUnit = homes.size === 1 && (twice || again - once < SMALL_WORK);
    if (inOneUnit || again <= 1.1 * once || again - once < TRIFLE) {
      this.#inline(node, homes);
      return;
    }
    if (homes.size > 1 && this.#savesWork(homes, node) && this.#tryMerge(homes, node)) return;
    this.#context.note(
      `${describe(node)} is stored: ${homes.size} kernels need it and computing it again costs ${Math.round(again / once)}x`,
    );
    this.#store(node);
  }

  /** Distinct expressions of a unit with `node` computed in place: each part of a concat reads what is below elsewhere. */
  #codeSize(draft: Draft, node: Node): number {
    this.#decided.add(node);
    try {
      const seen = new Set<Expr>();
      for (const value of this.#shape(draft).values) visitExpr(value, {}, seen);
      return seen.size;
    } catch (error) {
      if (error instanceof CannotLower) return 0;
      throw error;
    } finally {
      this.#decided.delete(node);
    }
  }

  /** Windows overlap or not, but each holds few elements: they are computed again like maps. */
  #isWindow(node: Node): boolean {
    return node.op.kind === 'reduce' && node.attrs['kernel'] !== undefined;
  }

  /** A reduction joins its consumers when it can be computed once per row of them. */
  #decideReduce(node: Node, homes: Set<Draft>): void {
    const updatesOnly = homes.size > 0 && [...homes].every((d) => this.#updates(d));
    if (updatesOnly) this.#context.note(keptForOptimizer(node));
    else if (homes.size > 1) {
      if (this.#tryMerge(homes, node)) return;
    } else {
      const [home] = homes;
      if (home !== undefined && this.#tryInline(node, home)) return;
    }
    this.#store(node);
  }

  /** A contraction takes its consumers as epilogue when they use it element for element. */
  #decideContract(node: Node, homes: Set<Draft>): void {
    const drafts = [...homes];
    if (drafts.length > 0 && drafts.every((d) => d.contract === undefined && !this.#updates(d))) {
      const merged = this.#mergedDraft(drafts, node);
      const reason = this.#illegal(drafts, node) ?? this.#lowerable(merged, node);
      if (reason === undefined) {
        this.#replace(drafts, merged);
        this.#homes.set(node, new Set([merged]));
        return;
      }
      this.#context.note(`${describe(node)} keeps its result apart: ${reason}`);
    } else if (drafts.some((d) => this.#updates(d))) this.#context.note(keptForOptimizer(node));
    this.#storeWithEpilogue(node);
  }

  /** Stores, instead of the contraction's result, what the maps that only it feeds make of it (bias, activation). */
  #storeWithEpilogue(node: Node): void {
    let last = node;
    for (;;) {
      const users = this.#users.get(last)!;
      const next = users[0];
      if (users.length !== 1 || next === undefined || next.op.kind !== 'map') break;
      if (this.#draftOf.has(next) || next.type.shape.join() !== node.type.shape.join()) break;
      last = next;
    }
    for (; last !== node; last = last.inputs.find((x) => this.#feeds(node, x))!) {
      const draft: Draft = {
        id: this.#nextDraft,
        members: [last],
        contract: node,
        scatter: false,
        loads: undefined,
      };
      if (this.#lowerable(draft, node) !== undefined) continue;
      this.#nextDraft++;
      this.#drafts.add(draft);
      this.#draftOf.set(last, draft);
      this.#buffers.of(last);
      this.#homes.set(node, new Set([draft]));
      this.#refreshHomes();
      return;
    }
    this.#store(node);
  }

  /** Whether `node` is `from` or computed from it by maps alone. */
  #feeds(from: Node, node: Node): boolean {
    return (
      node === from || (node.op.kind === 'map' && node.inputs.some((x) => this.#feeds(from, x)))
    );
  }

  /** Homes of decided values after a value between them and their users was stored. */
  #refreshHomes(): void {
    for (let i = this.#order.length - 1; i >= 0; i--) {
      const node = this.#order[i]!;
      if (this.#homes.has(node) && this.#decided.has(node))
        this.#homes.set(node, this.#homesOf(node));
    }
    for (const draft of this.#drafts) draft.loads = undefined;
  }

  /** Units that read the same data over the same domain, or each other's results in place, become one. */
  #mergeNeighbours(): void {
    for (let again = true; again; ) {
      again = false;
      const drafts = [...this.#drafts].sort((a, b) => a.id - b.id);
      search: for (const a of drafts)
        for (const b of drafts) {
          if (a.id >= b.id || !this.#related(a, b)) continue;
          const merged = this.#mergedDraft([a, b], undefined);
          if (this.#illegal([a, b], undefined) !== undefined) continue;
          if (this.#lowerable(merged, undefined) !== undefined) continue;
          this.#replace([a, b], merged);
          again = true;
          break search;
        }
    }
  }

  /** Worth merging: one reads the other's result, or both read the same bytes over equal domains. */
  #related(a: Draft, b: Draft): boolean {
    if (a.contract !== undefined && b.contract !== undefined) return false;
    if (a.scatter || b.scatter || a.members.length + b.members.length > MAX_MEMBERS) return false;
    if (this.#updates(a) !== this.#updates(b)) return false;
    const loadsA = this.#loadsOf(a);
    const loadsB = this.#loadsOf(b);
    if (a.members.some((m) => loadsB.has(m)) || b.members.some((m) => loadsA.has(m))) {
      return (
        a.members[0]!.type.size === b.members[0]!.type.size ||
        (a.contract === undefined && b.contract === undefined)
      );
    }
    if (a.contract !== undefined || b.contract !== undefined) return false;
    if (a.members[0]!.type.shape.join() !== b.members[0]!.type.shape.join()) return false;
    for (const x of loadsA) if (loadsB.has(x) && x.type.size > 1) return true;
    return false;
  }

  /** Whether a draft computes new values of states only. */
  #updates(draft: Draft): boolean {
    return draft.members.every((m) => this.#optimizer.has(m));
  }

  /** The stored values a draft reads (inputs included), outside itself. */
  #loadsOf(draft: Draft): ReadonlySet<Node> {
    if (draft.loads !== undefined) return draft.loads;
    const loads = new Set<Node>();
    const seen = new Set<Node>();
    const visit = (node: Node): void => {
      for (const x of node.inputs) {
        if (seen.has(x)) continue;
        seen.add(x);
        if (draft.members.includes(x)) continue;
        if (this.#draftOf.has(x) || this.#buffers.has(x) || !this.#decided.has(x)) loads.add(x);
        else visit(x);
      }
    };
    for (const member of draft.members) visit(member);
    draft.loads = loads;
    return loads;
  }

  /** Why merging would make the units depend on each other in a circle. */
  #illegal(drafts: readonly Draft[], contract: Node | undefined): string | undefined {
    const inside = new Set(drafts);
    const seen = new Set<Draft>();
    const reaches = (draft: Draft): boolean => {
      if (inside.has(draft)) return true;
      if (seen.has(draft)) return false;
      seen.add(draft);
      for (const x of this.#loadsOf(draft)) {
        if (x === contract) return true;
        const next = this.#draftOf.get(x);
        if (next !== undefined && reaches(next)) return true;
        if (contract !== undefined && next === undefined && this.#dependsOn(x, contract))
          return true;
      }
      return false;
    };
    for (const draft of drafts)
      for (const x of this.#loadsOf(draft)) {
        const next = this.#draftOf.get(x);
        if (next !== undefined && !inside.has(next) && reaches(next))
          return 'a value it needs is computed from its own result elsewhere';
      }
    return undefined;
  }

  readonly #descendants = new Map<Node, Set<Node>>();
  #dependsOn(node: Node, ancestor: Node): boolean {
    let set = this.#descendants.get(ancestor);
    if (set === undefined) {
      set = new Set([ancestor]);
      for (const n of this.#order) if (n.inputs.some((x) => set!.has(x))) set.add(n);
      this.#descendants.set(ancestor, set);
    }
    return set.has(node);
  }

  /** Whether one unit would compute `node` at fewer positions than its users do apart. */
  #savesWork(homes: Set<Draft>, node: Node): boolean {
    const drafts = [...homes];
    this.#decided.add(node);
    try {
      const apart = drafts.reduce((sum, d) => sum + this.#shape(d).positionsOf(node), 0);
      return this.#shape(this.#mergedDraft(drafts, undefined)).positionsOf(node) < apart;
    } catch (error) {
      if (error instanceof CannotLower) return false;
      throw error;
    } finally {
      this.#decided.delete(node);
    }
  }

  #tryMerge(homes: Set<Draft>, node: Node): boolean {
    const drafts = [...homes];
    if (drafts.some((d) => d.scatter) || drafts.filter((d) => d.contract).length > 1) return false;
    const merged = this.#mergedDraft(drafts, undefined);
    if (merged.members.length > MAX_MEMBERS) return false;
    const reason = this.#illegal(drafts, undefined) ?? this.#lowerable(merged, node);
    if (reason !== undefined) {
      this.#context.note(`${describe(node)}: its ${drafts.length} users stay apart: ${reason}`);
      return false;
    }
    this.#replace(drafts, merged);
    this.#inline(node, new Set([merged]));
    return true;
  }

  #tryInline(node: Node, home: Draft): boolean {
    const reason = this.#lowerable(home, node);
    if (reason !== undefined) {
      this.#context.note(`${describe(node)} is stored: ${reason}`);
      return false;
    }
    this.#inline(node, new Set([home]));
    return true;
  }

  /** `undefined` when the draft can be lowered with `node` computed in place, else the reason. */
  #lowerable(draft: Draft, node: Node | undefined): string | undefined {
    if (node !== undefined) this.#decided.add(node);
    try {
      const { refusal } = this.#shape(draft);
      return refusal;
    } catch (error) {
      if (error instanceof CannotLower) return error.message;
      throw error;
    } finally {
      if (node !== undefined) this.#decided.delete(node);
    }
  }

  #shape(draft: Draft): ReturnType<typeof shapeUnit> {
    return shapeUnit(draft, this.#caps, (node) => {
      if (this.#draftOf.has(node) || this.#buffers.has(node))
        return { buffer: this.#buffers.of(node), unit: undefined };
      if (node.op.kind === 'leaf' || this.#decided.has(node)) return undefined;
      return { buffer: this.#pending.of(node), unit: undefined };
    });
  }

  #store(node: Node): void {
    const draft: Draft = {
      id: this.#nextDraft++,
      members: [node],
      contract: node.op.kind === 'contract' ? node : undefined,
      scatter: node.op.kind === 'scatter',
      loads: undefined,
    };
    this.#drafts.add(draft);
    this.#draftOf.set(node, draft);
    this.#buffers.of(node);
  }

  #inline(node: Node, homes: Set<Draft>): void {
    this.#homes.set(node, homes);
    for (const home of homes) home.loads = undefined;
  }

  #mergedDraft(drafts: readonly Draft[], contract: Node | undefined): Draft {
    return {
      id: Math.min(...drafts.map((d) => d.id)),
      members: drafts.flatMap((d) => d.members),
      contract: contract ?? drafts.find((d) => d.contract)?.contract,
      scatter: false,
      loads: undefined,
    };
  }

  #replace(drafts: readonly Draft[], merged: Draft): void {
    for (const draft of drafts) this.#drafts.delete(draft);
    this.#drafts.add(merged);
    for (const member of merged.members) this.#draftOf.set(member, merged);
    const gone = new Set(drafts);
    for (const [node, homes] of this.#homes)
      if ([...homes].some((h) => gone.has(h)))
        this.#homes.set(node, new Set([...homes].map((h) => (gone.has(h) ? merged : h))));
    for (const draft of this.#drafts) draft.loads = undefined;
  }

  #homesOf(node: Node): Set<Draft> {
    const homes = new Set<Draft>();
    for (const user of this.#users.get(node) ?? []) {
      const draft = this.#draftOf.get(user);
      if (draft !== undefined) homes.add(draft);
      else for (const home of this.#homes.get(user) ?? []) homes.add(home);
    }
    return homes;
  }

  /**
   * How often a value is computed if it is not stored. Uses at the same position in one unit share the computation:
   * maps read where they write, and a reduction is computed once per row whoever asks.
   */
  #evaluationsOf(node: Node): number {
    // What is one value a row is computed once for each unit that has it.
    if (this.#rows.has(node)) return node.type.size * this.#homesOf(node).size;
    let apart = 0;
    const shared = new Map<Draft | undefined, number>();
    for (const user of this.#users.get(node) ?? []) {
      const own = this.#draftOf.get(user);
      const times = evaluationsBy(
        user,
        node,
        own === undefined ? (this.#evaluations.get(user) ?? 0) : user.type.size,
      );
      if (user.op.kind !== 'map') apart += times;
      else
        for (const home of own === undefined ? (this.#homes.get(user) ?? []) : [own])
          shared.set(home, Math.max(times, shared.get(home) ?? 0));
    }
    for (const times of shared.values()) apart += times;
    return apart;
  }
}

const keptForOptimizer = (node: Node): string =>
  `${describe(node)} keeps its result apart: the optimizer is one kernel for all parameters`;

const describe = (node: Node): string =>
  `${node.op.name} [${node.type.shape.join(', ')}] (${node.type.size * bytesOf(node.type.dtype)} bytes)`;
