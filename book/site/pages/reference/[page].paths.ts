/** The pages of the reference. */
import { referencePages } from '../../../reference/pages.ts';

export default {
  paths: () =>
    referencePages().map(({ slug, title, markdown }) => ({
      params: { page: slug, title },
      content: markdown,
    })),
};
