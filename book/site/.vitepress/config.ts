/** VitePress reads its settings here; they are made in ../config. */
import { defineConfig } from 'vitepress';
import { siteConfig } from '../config/site.ts';

export default defineConfig(await siteConfig());
