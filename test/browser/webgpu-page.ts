/** The script of the pages that compute on the best device, software adapters included. */
import { device } from 'tigon';
import { report } from './lenet.ts';
import { post } from './post.ts';

post(async () => report(await device.best({ software: true })));
