/** The page of `uploads.ts`. */
import { post } from '../../../test/browser/post.ts';
import { measureUploads } from './uploading.ts';

post(measureUploads);
