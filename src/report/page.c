/* The page: its head, its style, its figures. Well-formed as XML too; nothing in it is fetched, nothing is run. */
#include "report/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "plot/xml_text.h"

static const char style[] =
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%}\n"
    "body{margin:0;background:var(--c4);color:var(--c1);font:16px/1.55 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif;overflow-wrap:anywhere}\n"
    "header,main,footer{max-width:960px;margin:0 auto;padding:0 20px}\n"
    "header{padding-top:40px}\n"
    "header p.over{margin:0;color:var(--c2);font-size:.85rem;letter-spacing:.06em;"
    "text-transform:uppercase}\n"
    "h1{font-size:2rem;line-height:1.2;margin:.1em 0 .3em;font-weight:700}\n"
    "h2{font-size:1.3rem;line-height:1.3;margin:2.4em 0 .5em;padding-top:.6em;"
    "border-top:1px solid var(--c3)}\n"
    "h2.run{font-size:1.6rem;border-top-width:3px}\n"
    "h3{font-size:1.05rem;margin:1.6em 0 .4em}\n"
    "p{margin:.5em 0 1em;max-width:44em}\n"
    "main ul{padding-left:1.2em;max-width:44em}\n"
    ".lead{font-size:1.1rem}\n"
    ".soft,figcaption,caption{color:var(--c2)}\n"
    "main "
    ".tiles{max-width:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));"
    "gap:12px;"
    "margin:20px 0 8px;padding:0;list-style:none}\n"
    ".tiles li{background:var(--c5);border-radius:10px;padding:12px 16px}\n"
    ".tiles b{display:block;font-size:1.5rem;line-height:1.3;font-weight:650;white-space:nowrap}\n"
    ".tiles span{color:var(--c2);font-size:.87rem}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));"
    "gap:24px 32px;align-items:start;margin:1em 0}\n"
    "figure{margin:0;min-width:0;break-inside:avoid}\n"
    "figure svg{display:block;width:100%;height:auto;max-width:460px}\n"
    "figcaption{font-size:.9rem;margin-bottom:6px}\n"
    "figcaption b{color:var(--c1);font-weight:600}\n"
    "svg text{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif}\n"
    "svg image{image-rendering:pixelated}\n"
    ".scroll{overflow-x:auto;margin:1em 0}\n"
    "table{border-collapse:collapse;font-size:.93rem;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;padding-bottom:6px;font-size:.9rem}\n"
    "th,td{padding:6px 14px 6px 0;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--c3)}\n"
    "table{overflow-wrap:break-word}table.facts td{overflow-wrap:anywhere}\n"
    "thead th{color:var(--c2);font-weight:600}\n"
    "tbody th{font-weight:600}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}\n"
    "thead th.n{white-space:normal}\n"
    "tr.mine td,tr.mine th{background:var(--c5)}\n"
    "td.mine{font-weight:700}\n"
    "table.facts{width:100%}\n"
    "table.facts th{width:11em;color:var(--c2)}\n"
    "pre,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.88rem}\n"
    "pre{background:var(--c5);border-radius:8px;padding:12px 16px;margin:.6em 0;"
    "white-space:pre-wrap}.w{white-space:nowrap}\n"
    "details{margin:1em 0}\n"
    "summary{cursor:pointer;color:var(--c8)}\n"
    "nav{margin:1.2em 0 0;font-size:.95rem}\n"
    "nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;padding:0;margin:0}\n"
    "a{color:var(--c8)}\n"
    "footer{margin-top:3em;padding-bottom:40px;color:var(--c2);font-size:.87rem}\n"
    "@media (max-width:600px){header{padding-top:24px}header,main,footer{padding-left:15px;"
    "padding-right:15px}h1{font-size:1.6rem}th,td{padding-right:9px}table{font-size:.84rem}"
    "table.facts th{width:7em}td.n{white-space:normal}.tiles{grid-template-columns:1fr 1fr}.tiles "
    "b{font-size:1.2rem}}\n"
    "@media "
    "print{body{font-size:10.5pt}header,main,footer{max-width:none;padding:0}nav{display:none}"
    ".figures{grid-template-columns:1fr 1fr}h2,h3,h2+p,h3+p{break-after:avoid}.tiles "
    "b{font-size:1.15rem}tr,pre{break-inside:avoid}"
    ".scroll{overflow:visible}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n";

void il_page_print(il_page *p, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(p->html, format, arguments);
  va_end(arguments);
}

void il_page_text(il_page *p, const char *words) { il_xml_text(p->html, words); }

void il_page_begin(il_page *p, const char *title) {
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>",
        p->html);
  il_xml_text(p->html, title);
  fputs("</title>\n<link rel=\"icon\" href=\"data:,\"/>\n<style>\n", p->html);
  il_paint_css(p->html);
  fputs(style, p->html);
  fputs("</style>\n</head>\n<body>\n", p->html);
}

void il_page_end(il_page *p) { fputs("</body>\n</html>\n", p->html); }

void il_page_heading(il_page *p, const char *words) {
  il_page_print(p, "<h%d>", p->runs > 1 ? 3 : 2);
  il_page_text(p, words);
  il_page_print(p, "</h%d>\n", p->runs > 1 ? 3 : 2);
}

void il_page_figure(il_page *p, il_figure *f, double height, const char *name, const char *caption,
                    const char *words) {
  char *path = NULL, number[16] = "";
  if (p->runs > 1 && p->run >= 0) snprintf(number, sizeof number, "-%d", p->run + 1);
  if (!f || asprintf(&path, "%s%s-%s.png", p->stem, number, name) < 0) {
    if (f) il_fail_memory(p->context, "a page");
    il_figure_free(f);
    return;
  }
  il_figure_height(f, height);
  fputs("<figure><figcaption>", p->html);
  il_xml_text(p->html, caption);
  fputs("</figcaption>\n", p->html);
  if (il_figure_svg(f, p->html, words) == IL_OK && il_figure_png(f, path) == IL_OK) p->pictures++;
  fputs("</figure>\n", p->html);
  il_figure_free(f);
  free(path);
}

void il_page_shell(il_page *p, const char *word) {
  static const char plain[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+=,:@%";
  if (*word && strspn(word, plain) == strlen(word)) {
    il_page_text(p, word);
    return;
  }
  il_page_text(p, "'");
  for (; *word; word++) {
    const size_t n = strcspn(word, "'");
    char *part = strndup(word, n);
    if (part) il_page_text(p, part);
    free(part);
    word += n;
    if (!*word) break;
    il_page_text(p, "'\\''");
  }
  il_page_text(p, "'");
}

void il_page_figure_text(char *text, size_t size, bool squared_error, double mean,
                         double interval) {
  const double factor = squared_error ? 1 : 100;
  const int places = squared_error ? 3 : 2;
  if (isnan(interval))
    snprintf(text, size, "%.*f", places, factor * mean);
  else
    snprintf(text, size, "%.*f ±\u00a0%.*f", places, factor * mean, places, factor * interval);
}
