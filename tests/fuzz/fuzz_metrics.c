/* metrics.jsonl of a run's folder, drawn as a curve. */
#include <stdlib.h>

#include "fuzz/input.h"
#include "train/curve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  il_context *context = il_context_new();
  fuzz_file_in_folder("metrics.jsonl", data, size);
  il_curve curve;
  if (il_curve_read(context, fuzz_folder(), &curve) == IL_OK) {
    il_figure *figure = il_figure_new(context, 440, "run");
    FILE *out = fopen("/dev/null", "we");
    il_figure_height(figure, il_curve_draw(&curve, true, figure, 0));
    il_curve_draw(&curve, false, figure, 0);
    if (out) il_figure_svg(figure, out, "a curve");
    if (out) fclose(out);
    il_figure_free(figure);
  }
  il_curve_free(&curve);
  il_context_free(context);
  return 0;
}
