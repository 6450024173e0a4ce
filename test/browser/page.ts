/** The script of the pages that compute on the CPU. */
import { post } from './post.ts';
import { report } from './training.ts';

post(report);
