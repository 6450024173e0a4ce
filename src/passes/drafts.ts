/**
 * The units that fusion is making: which values each has, which it computes in place, and what it could become.
 *
 * Invariants: the units' dependences are acyclic; a draft is only replaced whole, so that a step can be tried and
 * dropped; values that are not decided yet are loaded from stand-ins.
 */
import type { Caps } from '../codegen/caps.ts';
import type { Node } from '../ir/graph/graph.ts';
import type { LoopBuffer } from '../ir/loop/loop.ts';
import { windowAlignment } from '../ir/program/windows.ts';
import { BufferTable } from './buffers.ts';
import { bindingsOf, joinedFrom, type Standing } from './draft-bindings.ts';
import { isLongJoin } from './fusion-model.ts';
import { CannotLower, isRead } from './lower.ts';
import { isNormOf } from './products.ts';
import { Recall } from './recall.ts';
import { type Draft, type Shaped, shapeUnit, type Uses } from './shape-unit.ts';

/** At most this many stores in one nest. */
export const MAX_MEMBERS = 8;

/** The product that gives the others too. */
const leading = (products: readonly Node[]): Node | undefined =>
  products.find((p) => products.every((other) => other === p || isNormOf(other, p)));

export class Drafts {
  readonly buffers: BufferTable;
  readonly all: Set<Draft> = new Set();
  /** The draft that stores a value, which has a buffer then. */
  readonly draftOf: Map<Node, Draft> = new Map();
  /** For inlined nodes: drafts that compute them, or that became those. */
  readonly #homes = new Map<Node, ReadonlySet<Draft>>();
  /** What drafts were merged into. */
  readonly #became = new Map<Draft, Draft>();
  /** Nodes not yet decided are loaded by trial lowerings. */
  readonly #decided = new Set<Node>();
  readonly #caps: Caps;
  readonly #order: readonly Node[];
  readonly #users: ReadonlyMap<Node, readonly Node[]>;
  readonly #standing: Standing;
  readonly #descendants = new Map<Node, Set<Node>>();
  readonly #shapes = new Recall<string, Shaped>();
  readonly #uses = new Recall<Node, Uses>();
  #nextDraft = 0;

  /** `required`: what will be stored whatever else is decided. */
  constructor(
    order: readonly Node[],
    users: ReadonlyMap<Node, readonly Node[]>,
    required: { has(node: Node): boolean },
    caps: Caps,
  ) {
    this.#order = order;
    this.#users = users;
    this.#standing = {
      isStored: (x) => this.buffers.known(x) !== undefined || required.has(x),
      isDecided: (x) => this.#decided.has(x),
      usersOf: (x) => users.get(x) ?? [],
    };
    this.#caps = caps;
    this.buffers = new BufferTable(windowAlignment(caps));
    for (const node of order)
      if (node.op.name === 'input' || node.op.name === 'literal') this.buffers.of(node);
  }

  /** `node` is stored or computed in place: it is no longer a stand-in. */
  decide(node: Node): void {
    this.#decided.add(node);
  }

  /** Gives a value a unit of its own. */
  store(node: Node): void {
    this.#add({
      id: this.#nextDraft,
      members: [node],
      contract: node.op.kind === 'contract' ? node : undefined,
      scatter: node.op.kind === 'scatter' || node.op.kind === 'running',
      loop: node.op.kind === 'loop',
      loads: undefined,
    });
  }

  /**
   * Gives `result` a unit that has the contraction it is made of too; false where that cannot be lowered, or needs what
   * is only computed from `result`.
   */
  tryEpilogue(result: Node, contract: Node): boolean {
    const draft: Draft = {
      id: this.#nextDraft,
      members: [result],
      contract,
      scatter: false,
      loop: false,
      loads: undefined,
    };
    if (this.lowerable(draft, contract) !== undefined) return false;
    const homes = this.homesOf(result);
    const needs = this.supposing(contract, () => this.#needs(draft, homes));
    if (needs !== false) return false;
    this.#add(draft);
    this.#homes.set(contract, new Set([draft]));
    for (const home of homes) home.loads = undefined;
    this.#refreshHomes(result);
    return true;
  }

  #add(draft: Draft): void {
    this.#nextDraft++;
    this.all.add(draft);
    for (const member of draft.members) {
      this.draftOf.set(member, draft);
      this.buffers.of(member);
    }
  }

  /** Computes a value in place wherever `homes` use it. */
  inline(node: Node, homes: ReadonlySet<Draft>): void {
    this.#homes.set(node, homes);
    for (const home of homes) home.loads = undefined;
  }

  /** What drafts would be as one. */
  merged(drafts: readonly Draft[], contract: Node | undefined): Draft {
    return {
      id: Math.min(...drafts.map((d) => d.id)),
      members: drafts.flatMap((d) => d.members),
      contract: contract ?? leading(drafts.flatMap((d) => d.contract ?? [])),
      scatter: false,
      loop: false,
      loads: undefined,
    };
  }

  /** Puts `merged` in the place of `drafts`: what others read stays as it was, whoever stores it. */
  replace(drafts: readonly Draft[], merged: Draft): void {
    for (const draft of drafts) this.all.delete(draft);
    this.all.add(merged);
    for (const member of merged.members) this.draftOf.set(member, merged);
    for (const draft of drafts) this.#became.set(draft, merged);
  }

  /** The drafts that compute an inlined value. */
  computing(node: Node): ReadonlySet<Draft> {
    return new Set([...(this.#homes.get(node) ?? [])].map((home) => this.#now(home)));
  }

  #now(draft: Draft): Draft {
    const next = this.#became.get(draft);
    return next === undefined ? draft : this.#now(next);
  }

  /** The drafts that compute or would compute a value, judged by its users. */
  homesOf(node: Node): Set<Draft> {
    const homes = new Set<Draft>();
    for (const user of this.#users.get(node) ?? []) {
      const draft = this.draftOf.get(user);
      if (draft !== undefined) homes.add(draft);
      else for (const home of this.computing(user)) homes.add(home);
    }
    return homes;
  }

  /** Homes of the values that `stored` is made of in place, after it was stored between them and their users. */
  #refreshHomes(stored: Node): void {
    const inside = new Set([stored]);
    for (const node of inside)
      for (const x of node.inputs) if (this.#homes.has(x) && this.#decided.has(x)) inside.add(x);
    inside.delete(stored);
    for (const node of [...inside].sort((a, b) => b.id - a.id))
      this.#homes.set(node, this.homesOf(node));
  }

  /** The stored values a draft reads (inputs included), outside itself. */
  loadsOf(draft: Draft): ReadonlySet<Node> {
    if (draft.loads !== undefined) return draft.loads;
    const loads = new Set<Node>();
    const seen = new Set<Node>();
    const visit = (node: Node): void => {
      for (let i = 0; i < node.inputs.length; i++) {
        const x = node.inputs[i]!;
        if (seen.has(x)) continue;
        seen.add(x);
        if ((x.op.kind === 'leaf' && !isRead(x)) || draft.members.includes(x)) continue;
        if (this.buffers.known(x) !== undefined || !this.#decided.has(x)) loads.add(x);
        else visit(x);
      }
    };
    for (const member of draft.members) visit(member);
    // what is only tried may be asked about while something else is supposed
    if (this.all.has(draft)) draft.loads = loads;
    return loads;
  }

  /** Why a launch of the draft, with `node` computed in place, would bind too much, if it would. */
  overfull(draft: Draft, node: Node | undefined): string | undefined {
    const most = this.#caps.maxBindings;
    // What is not decided yet is bound, if at all, instead of what it is made of: that has one value in memory.
    const reads = this.loadsOf(draft).size + (node?.inputs.length ?? 0);
    if (draft.members.length + reads <= most) return undefined;
    const count = this.supposing(node, () => bindingsOf(draft, node, this.#standing));
    return typeof count === 'number' && count > most
      ? `${count} buffers in one launch, the device binds ${most}`
      : undefined;
  }

  /** Why drafts may not be one: it would make the units depend on each other in a circle, or a loop of what is many. */
  illegal(drafts: readonly Draft[], contract: Node | undefined): string | undefined {
    if (drafts.some(joinsMany) && drafts.length + (contract === undefined ? 0 : 1) > 1)
      return 'what joins many arrays is loops of its own';
    const inside = new Set(drafts);
    const seen = new Set<Draft>();
    const reaches = (draft: Draft): boolean => {
      if (inside.has(draft)) return true;
      if (seen.has(draft)) return false;
      seen.add(draft);
      for (const x of this.loadsOf(draft)) {
        if (x === contract) return true;
        const next = this.draftOf.get(x);
        if (next !== undefined && reaches(next)) return true;
        if (contract !== undefined && next === undefined && this.#dependsOn(x, contract))
          return true;
      }
      return false;
    };
    for (const draft of drafts)
      for (const x of this.loadsOf(draft)) {
        const next = this.draftOf.get(x);
        if (next !== undefined && !inside.has(next) && reaches(next))
          return 'a value it needs is computed from its own result elsewhere';
      }
    return undefined;
  }

  /** Whether a draft waits for what one of `others` stores. */
  #needs(draft: Draft, others: ReadonlySet<Draft>): boolean {
    const seen = new Set<Draft>();
    const visit = (x: Draft): boolean => {
      if (others.has(x)) return true;
      if (seen.has(x)) return false;
      seen.add(x);
      return [...this.loadsOf(x)].some((read) => {
        const next = this.draftOf.get(read);
        return next !== undefined && visit(next);
      });
    };
    return visit(draft);
  }

  /** Whether an attention that others may be computed with is made of one of `nodes`: those would wait for its launch. */
  holdsUp(draft: Draft, nodes: readonly Node[]): boolean {
    const { contract } = draft;
    if (contract?.op.attend === undefined || this.#caps.schedules.joint === undefined) return false;
    return nodes.some((x) => this.#dependsOn(contract, x));
  }

  #dependsOn(node: Node, ancestor: Node): boolean {
    let set = this.#descendants.get(ancestor);
    if (set === undefined) {
      set = new Set([ancestor]);
      for (const n of this.#order) if (n.inputs.some((x) => set!.has(x))) set.add(n);
      this.#descendants.set(ancestor, set);
    }
    return set.has(node);
  }

  /** `undefined` when the draft can be one launch with `node` computed in place, else the reason. */
  lowerable(draft: Draft, node: Node | undefined): string | undefined {
    const overfull = this.overfull(draft, node);
    if (overfull !== undefined) return overfull;
    let tried = draft;
    if (node !== undefined && joinsMany(draft)) {
      // what joins many is a loop for each: only that of what is made of the node changes
      const [part, another] = joinedFrom(draft.members[0]!, node, this.#standing);
      if (part === undefined || another !== undefined) return 'several loops would compute it';
      tried = { ...draft, members: [part], loads: undefined };
    }
    const refusal = this.supposing(node, () => this.shape(tried).refusal);
    return refusal instanceof CannotLower ? refusal.message : refusal;
  }

  /** What `ask` gives if `node` is computed in place, or why it cannot be lowered so. */
  supposing<T>(node: Node | undefined, ask: () => T): T | CannotLower {
    return this.supposingAll(node === undefined ? [] : [node], ask);
  }

  supposingAll<T>(nodes: readonly Node[], ask: () => T): T | CannotLower {
    const added = nodes.filter((node) => !this.#decided.has(node));
    for (const node of added) this.#decided.add(node);
    try {
      return ask();
    } catch (error) {
      if (error instanceof CannotLower) return error;
      throw error;
    } finally {
      for (const node of added) this.#decided.delete(node);
    }
  }

  /** Whether a launch of the draft, with all `nodes` computed in place, binds no more than it may. */
  fits(draft: Draft, nodes: readonly Node[]): boolean {
    const count = this.supposingAll(nodes, () => bindingsOf(draft, undefined, this.#standing));
    return typeof count === 'number' && count <= this.#caps.maxBindings;
  }

  /** The nest of a draft as things stand: what was found before, unless what it is made of was decided otherwise. */
  shape(draft: Draft): Shaped {
    const { id, members, contract } = draft;
    const key = `${id}: ${members.map((m) => m.id)} ${contract?.id}`;
    return this.#shapes.get(key, this.#placeOf, (placeOf) =>
      shapeUnit(draft, this.#caps, placeOf, this.#uses),
    );
  }

  /** Where the value of a node is read from; undefined where it is computed in place. */
  readonly #placeOf = (node: Node): LoopBuffer | undefined => {
    if (node.op.kind === 'leaf' && !isRead(node)) return undefined;
    return (
      this.buffers.known(node) ??
      (this.#decided.has(node) ? undefined : this.buffers.foreseen(node))
    );
  };
}

const joinsMany = ({ members }: Draft): boolean => members.some(isLongJoin);
