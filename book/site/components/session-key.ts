/**
 * How cells find the session of their page.
 *
 * Invariant: one session a page; it ends with the page.
 */
import type { InjectionKey } from 'vue';
import type { Session } from '../live/session.ts';

export const sessionKey: InjectionKey<Session> = Symbol('session');
