/**
 * Maximum flow and minimum cut by Dinic's algorithm (E. A. Dinic, 1970), for the choice of what to save for backward.
 *
 * Invariant: capacities are non-negative; the cut returned is the one nearest to the source.
 */

/** A directed network with capacities on its edges; vertices are numbered. */
export interface Network {
  addEdge(from: number, to: number, capacity: number): void;
  /** True for each vertex on the source's side of the minimum cut. */
  minCut(source: number, sink: number): boolean[];
}

/** Less than this is no capacity: the rounding of sums of doubles must not keep a search alive. */
const EPSILON = 1e-6;

export const createNetwork = (vertices: number): Network => {
  /** Edges out of each vertex; edge `e` and its reverse `e ^ 1` lie side by side. */
  const out: number[][] = Array.from({ length: vertices }, () => []);
  const target: number[] = [];
  const room: number[] = [];

  const levelsFrom = (source: number): Int32Array => {
    const level = new Int32Array(vertices).fill(-1);
    level[source] = 0;
    const queue = [source];
    for (const v of queue)
      for (const e of out[v]!) {
        const w = target[e]!;
        if (room[e]! <= EPSILON || level[w]! >= 0) continue;
        level[w] = level[v]! + 1;
        queue.push(w);
      }
    return level;
  };

  /** Fills every shortest path to the sink. */
  const saturate = (source: number, sink: number, level: Int32Array): void => {
    const next = new Int32Array(vertices);
    const path: number[] = [];
    let v = source;
    for (;;) {
      if (v === sink) {
        const flow = path.reduce((least, e) => Math.min(least, room[e]!), Number.POSITIVE_INFINITY);
        for (const e of path) {
          room[e] = room[e]! - flow;
          room[e ^ 1] = room[e ^ 1]! + flow;
        }
        const full = path.findIndex((e) => room[e]! <= EPSILON);
        v = target[path[full]! ^ 1]!;
        path.length = full;
        continue;
      }
      const e = out[v]![next[v]!];
      if (e === undefined) {
        // A dead end: no edge leads here any more.
        const back = path.pop();
        if (back === undefined) return;
        v = target[back ^ 1]!;
        next[v] = next[v]! + 1;
      } else if (room[e]! > EPSILON && level[target[e]!] === level[v]! + 1) {
        path.push(e);
        v = target[e]!;
      } else next[v] = next[v]! + 1;
    }
  };

  return {
    addEdge(from, to, capacity) {
      out[from]!.push(target.push(to) - 1);
      room.push(capacity);
      out[to]!.push(target.push(from) - 1);
      room.push(0);
    },
    minCut(source, sink) {
      for (;;) {
        const level = levelsFrom(source);
        if (level[sink]! < 0) return Array.from(level, (l) => l >= 0);
        saturate(source, sink, level);
      }
    },
  };
};
