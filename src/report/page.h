/* The page that is being written. */
#ifndef IL_REPORT_PAGE_H
#define IL_REPORT_PAGE_H

#include "plot/figure.h"

enum {
  IL_PAGE_FIGURE = 440
}; /* width of a figure: words stay legible where a telephone shows it smaller */
typedef struct il_page {
  il_context *context;
  FILE *html;
  const char *stem; /* of the pictures' paths: "runs/demo/report" */
  int run, runs;    /* which of them is written about */
  int pictures;
} il_page;

void il_page_begin(il_page *page, const char *title);
void il_page_end(il_page *page);
/* %s of words that are our own; theirs go through il_page_text. */
void il_page_print(il_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void il_page_text(il_page *page, const char *words);
/* h2, or h3 where there are several runs. */
void il_page_heading(il_page *page, const char *words);
/* Puts the figure, `height` high, into the page and into STEM-NAME.png (STEM-RUN-NAME.png where there are several runs), and
 * frees it. words: what it shows, for who does not see it. NULL figure: nothing. */
void il_page_figure(il_page *page, il_figure *figure, double height, const char *name,
                    const char *caption, const char *words);
/* A file's name or a word as a shell takes it. */
void il_page_shell(il_page *page, const char *word);
/* "96.58 ± 0.30" of an accuracy, or "0.123 ± 0.004". */
void il_page_figure_text(char *text, size_t size, bool squared_error, double mean, double interval);

#endif
