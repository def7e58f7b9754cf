/* What convolutions and pools share: the window, its attributes and how often it fits. */
#include "graph/ops/ops.h"

const il_window *il_window_of(const il_node *node) {
  return &((const il_attr_window *)node->attr)->window;
}

int64_t il_window_reach(const il_window *w, int i, int64_t size) {
  const int64_t room =
      size + w->pad_low[i] + w->pad_high[i] - (int64_t)w->dilation[i] * (w->kernel[i] - 1) - 1;
  return room < 0 ? 0 : room / w->stride[i] + 1;
}

#define WINDOW(field, count)                                                                       \
  IL_ATTR_FIELD(#field, IL_FIELD_INT32, offsetof(il_attr_window, window.field), count)
const il_field il_window_fields[] = {WINDOW(kernel, 2),
                                     WINDOW(stride, 2),
                                     WINDOW(pad_low, 2),
                                     WINDOW(pad_high, 2),
                                     WINDOW(dilation, 2),
                                     WINDOW(groups, 1),
                                     {0}};
