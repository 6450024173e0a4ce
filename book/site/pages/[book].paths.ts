/** The contents and the map. */
import { bookPages } from '../config/book-pages.ts';

export default {
  paths: async () =>
    (await bookPages()).map(({ slug, markdown }) => ({
      params: { book: slug },
      content: markdown,
    })),
};
